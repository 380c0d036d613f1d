"""From HTTP to what a model is asked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving.conversion import (
    WITHHELD,
    NotConvertibleError,
    close_contents,
    detached,
    model_request_of,
)
from abeja_emulator.serving.messages import ModelContent, ModelRequest
from abeja_emulator.wire.messages import Request
from tests.platform_calls import LARGE, files
from tests.transports.stub_application import MemorySpool

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.store.store import Store
    from abeja_emulator.wire.messages import Headers

JSON = ("Content-Type", "application/json")


def asked(method: str, target: str = "/", headers: Headers | None = None, body: bytes = b"") -> ModelRequest:
    """Convert a request with its body at hand."""
    return model_request_of(Request(method, target, headers=headers, body=body), MemorySpool)


def content(body: Any) -> bytes:
    """Return the bytes of a body."""
    return body if isinstance(body, bytes) else bytes(body.read())


class TestBody:
    """One content, but of a form."""

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    @pytest.mark.parametrize("kind", ["application/json", "image/jpeg", "text/plain; charset=Shift_JIS", "text"])
    def test_as_sent(self, method: str, kind: str) -> None:
        """The type keeps its parameters."""
        given_ = asked(method, headers=[("content-TYPE", kind)], body=b"\0\xff")
        assert (given_.method, given_.content_type) == (method, kind)
        assert given_.contents == (ModelContent(b"\0\xff", kind),)

    def test_empty(self) -> None:
        """An empty body is one content without a byte."""
        assert asked("POST", headers=[JSON]).contents == (ModelContent(b"", "application/json"),)

    def test_stream(self) -> None:
        """A stream is handed on unread, from its start, and stays the request's own."""
        stream = io.BytesIO(b"content")
        stream.read()
        request = Request("POST", "/", headers=[JSON], body=stream, length=7)
        given_ = model_request_of(request, MemorySpool)
        assert given_.contents[0].body is stream
        close_contents(given_, request)
        assert stream.read() == b"content"

    def test_detached(self, store: Store, disk: Path) -> None:
        """A copy outlives the request, on the disk when it is large, and goes when it is closed."""
        large = bytes(range(LARGE * 2))
        request = Request("POST", "/", headers=[JSON], body=io.BytesIO(large), length=len(large))
        given_ = detached(model_request_of(request, store.blobs.spool), request, store.blobs.spool)
        assert not isinstance(request.body, bytes)
        request.body.close()
        assert len(files(disk)) == 1
        assert content(given_.contents[0].body) == large
        close_contents(given_)
        assert files(disk) == []

    def test_detached_from_a_broken_stream(self, store: Store, disk: Path) -> None:
        """Nothing of a copy is left that did not become whole."""

        class Broken(io.BytesIO):
            def read(self, _: int | None = -1, /) -> bytes:
                piece = super().read(LARGE * 2)
                if not piece:
                    raise OSError("broken")  # noqa: EM101
                return piece

        request = Request("POST", "/", headers=[JSON], body=Broken(b"x" * LARGE * 4), length=LARGE * 5)
        given_ = model_request_of(request, store.blobs.spool)
        with pytest.raises(OSError, match="broken"):
            detached(given_, request, store.blobs.spool)
        assert files(disk) == []

    def test_detached_bytes(self) -> None:
        """Bytes are not copied."""
        request = Request("POST", "/", headers=[JSON], body=b"content")
        given_ = model_request_of(request, MemorySpool)
        assert detached(given_, request, MemorySpool) == given_


class TestQuery:
    """What a GET asks is its query."""

    @pytest.mark.parametrize(
        ("target", "query"),
        [
            ("/", b""),
            ("/?", b""),
            ("/?a=1&b=%20%2F+x&a=2", b"a=1&b=%20%2F+x&a=2"),
            ("/a/b?c?d=e", b"c?d=e"),
            ("/?\xe7\x8a\xac", "犬".encode()),
        ],
    )
    def test_raw(self, target: str, query: bytes) -> None:
        """It is a form in its own encoding, untouched."""
        kind = "application/x-www-form-urlencoded"
        given_ = asked("GET", target)
        assert (given_.method, given_.content_type, given_.contents) == ("GET", kind, (ModelContent(query, kind),))

    @pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b", "no type at all"])
    def test_type_is_forced(self, kind: str) -> None:
        """Whatever the request says of its type and its body; its headers are as sent."""
        given_ = asked("GET", "/?a=1", [("Content-Type", kind)], b"body")
        assert given_.content_type == "application/x-www-form-urlencoded"
        assert given_.contents == (ModelContent(b"a=1", "application/x-www-form-urlencoded"),)
        assert given_.headers == (("content-type", (kind,)),)


class TestHeaders:
    """Grouped by lower-cased names, and sorted."""

    def test_grouped(self) -> None:
        """Values of one name keep their order."""
        sent = [("X-B", "1"), ("accept", "*/*"), ("x-b", "0"), ("label_id", "a"), ("label-id", "b")]
        assert asked("GET", headers=sent).headers == (
            ("accept", ("*/*",)),
            ("label-id", ("b",)),
            ("label_id", ("a",)),
            ("x-b", ("1", "0")),
        )

    @pytest.mark.parametrize("name", sorted(WITHHELD))
    def test_withheld(self, name: str) -> None:
        """Credentials and what is about the connection do not reach a model, in whatever case."""
        assert asked("GET", headers=[(name.title(), "secret"), ("X-A", "b")]).headers == (("x-a", ("b",)),)

    def test_named(self) -> None:
        """The documented one, and the credential of an asynchronous request, are among them."""
        assert {"authorization", "x-abeja-arms-async-request-token"} <= WITHHELD

    def test_utf_8(self) -> None:
        """Bytes of the wire are taken for UTF-8."""
        assert asked("GET", headers=[("X-A", "\xe7\x8a\xac"), ("X-B", "\xff")]).headers == (
            ("x-a", ("犬",)),
            ("x-b", ("\ufffd",)),
        )

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["X-A", "x-a", "X-a", "Accept", "authorization", "TE", "b_c", "b-c"]),
                st.text(st.characters(max_codepoint=0x7E, min_codepoint=0x20), max_size=5),
            )
        )
    )
    def test_nothing_is_lost(self, sent: Headers) -> None:
        """All values of all names but those withheld are there, sorted by name, each in the order sent."""
        headers = asked("GET", headers=sent).headers
        names = [name for name, _ in headers]
        assert names == sorted({name.lower() for name, _ in sent} - WITHHELD)
        for name, values in headers:
            assert values == tuple(value for sent_name, value in sent if sent_name.lower() == name)


def form(*parts: tuple[str, tuple[str | None, bytes, str | None, dict[str, str]]]) -> Request:
    """Return the form that requests makes of these."""
    prepared = requests.Request("POST", "https://api.abeja.io", files=parts).prepare()
    assert isinstance(prepared.body, bytes)
    return Request("POST", "/", headers=list(prepared.headers.items()), body=prepared.body)


class TestForm:
    """One content for each part."""

    def test_parts(self) -> None:
        """With its type, its names and its metadata, in the order sent; the whole keeps its type."""
        request = form(
            ("image", ("犬.jpg", b"\xff\xd8", "image/jpeg", {"X-Abeja-Meta-Label": "%E7%8A%AC", "X-Other": "x"})),
            ("note", (None, b"hello", "text/plain; charset=utf-8", {})),
            ("plain", (None, b"", None, {})),
        )
        given_ = model_request_of(request, MemorySpool)
        assert given_.content_type == request.header("content-type")
        assert [content(each.body) for each in given_.contents] == [b"\xff\xd8", b"hello", b""]
        assert [(each.form_name, each.file_name, each.content_type, each.metadata) for each in given_.contents] == [
            ("image", "犬.jpg", "image/jpeg", {"x-abeja-meta-label": "%E7%8A%AC"}),
            ("note", None, "text/plain; charset=utf-8", None),
            ("plain", None, None, None),
        ]

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b", "名前"]),
                st.one_of(st.none(), st.sampled_from(["x.bin", "犬.jpg"])),
                st.binary(max_size=300),
                st.sampled_from([None, "a/b", "text/plain; charset=utf-8"]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_any_form(self, parts: list[tuple[str, str | None, bytes, str | None]]) -> None:
        """Order and repeated names survive."""
        request = form(*((name, (file, body, kind, {})) for name, file, body, kind in parts))
        contents = model_request_of(request, MemorySpool).contents
        assert [(each.form_name, each.file_name, content(each.body), each.content_type) for each in contents] == parts

    def test_large_parts(self, store: Store, disk: Path) -> None:
        """They are streams, each with a file of its own, that go when they are closed."""
        large = bytes(range(LARGE * 2))
        request = form(("a", (None, large, None, {})), ("a", (None, large[::-1], None, {})))
        given_ = model_request_of(request, store.blobs.spool)
        assert len(files(disk)) == 2
        assert [content(each.body) for each in given_.contents] == [large, large[::-1]]
        close_contents(given_, request)
        assert files(disk) == []

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("multipart/form-data", b"--b--"),
            ("multipart/form-data; boundary=b", b""),
            ("multipart/form-data; boundary=b", b"no form"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx"),
        ],
    )
    def test_not_well_formed(self, kind: str, body: bytes) -> None:
        """It is the request's fault."""
        with pytest.raises(NotConvertibleError, match="form") as caught:
            asked("POST", headers=[("Content-Type", kind)], body=body)
        assert caught.value.status == 400

    def test_other_forms_are_bodies(self) -> None:
        """Only `multipart/form-data` is taken apart."""
        body = b"--b\r\n\r\nx\r\n--b--"
        given_ = asked("POST", headers=[("Content-Type", "multipart/mixed; boundary=b")], body=body)
        assert [each.body for each in given_.contents] == [body]


class TestRefusal:
    """What is not supported is 501."""

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get"])
    def test_method(self, method: str) -> None:
        """Other methods, whatever they send; the words are about the type all the same."""
        with pytest.raises(NotConvertibleError) as caught:
            asked(method, headers=[JSON], body=b"{}")
        assert (caught.value.status, caught.value.words) == (501, "Content-Type: [application/json] is not supported")

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    @pytest.mark.parametrize("kind", [None, "", "no type", "text/plain; charset"])
    def test_type(self, method: str, kind: str | None) -> None:
        """A type that is missing or cannot be parsed."""
        with pytest.raises(NotConvertibleError) as caught:
            asked(method, headers=[] if kind is None else [("Content-Type", kind)], body=b"{}")
        assert (caught.value.status, caught.value.words) == (501, f"Content-Type: [{kind or ''}] is not supported")
