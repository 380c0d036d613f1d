"""One request, one response."""

from __future__ import annotations

import io

import pytest

from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.messages import Request, Response


class TestRequest:
    """A request as a client sent it."""

    def test_first_header_of_a_name_in_any_case(self) -> None:
        """But `label_id` is not `label-id`."""
        headers = [("X-label_id", "1"), ("x-Label-ID", "2"), ("X-LABEL-ID", "3")]
        request = Request("GET", "/", headers=headers)
        assert (request.header("X-Label-Id"), request.header("x-label_id"), request.header("label")) == ("2", "1", None)

    def test_length(self) -> None:
        """Bytes have one; a stream needs to be told."""
        assert Request("GET", "/").length == 0
        assert Request("GET", "/", body=b"abc").length == 3
        assert Request("GET", "/", body=io.BytesIO(b"abc"), length=3).length == 3
        with pytest.raises(TypeError, match="needs its length"):
            Request("GET", "/", body=io.BytesIO(b"abc"))

    def test_read_again(self) -> None:
        """A body may be read as often as wanted, whoever read of the stream before."""
        stream = io.BytesIO(b"abc")
        request = Request("GET", "/", body=stream, length=3)
        stream.read(2)
        assert (request.read(), request.read()) == (b"abc", b"abc")

    def test_repr_hides_the_query(self) -> None:
        """A signature may be in it."""
        assert repr(Request("GET", "/a?signature=x")) == "<Request GET https://api.abeja.io/a>"


class TestResponse:
    """A response as the client will receive it."""

    def test_read_again(self) -> None:
        """The stream is closed once it was read."""
        stream = io.BytesIO(b"abc")
        response = Response(200, [], stream)
        assert (response.read(), response.read()) == (b"abc", b"abc")
        assert stream.closed

    @pytest.mark.parametrize(
        ("status", "reason"), [(200, "OK"), (404, "Not Found"), (501, "Not Implemented"), (799, "")]
    )
    def test_reason(self, status: int, reason: str) -> None:
        """The phrase of HTTP, or none."""
        response = Response(status, [])
        assert response.reason == reason
        assert repr(response) == f"<Response {status} {reason}>"


def test_upload_is_let_go() -> None:
    """A stream is closed; bytes need nothing."""
    stream = io.BytesIO(b"abc")
    upload = Upload(stream, 3)
    upload.close()
    assert stream.closed
    Upload(b"abc", 3).close()
