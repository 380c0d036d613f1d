"""From what a model has answered to HTTP."""

from __future__ import annotations

import http.client
import io
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving.answers import Identity, accepted, error_response, health_of, response_of
from abeja_emulator.serving.messages import ModelAnswer
from abeja_emulator.transports.http1 import render_head

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Response

IDENTITY = Identity("1234567890123", "ser-0123456789abcdef", "9876543210123", "0.0.1/β +:@", "2.6.5")

#: What every answer says of who gave it.
SAID = [
    ("X-Abeja-Sys-Meta-Proxy-Version", "2.6.5"),
    ("X-Abeja-Model-Id", "9876543210123"),
    ("X-Abeja-Model-Version", "0.0.1%2F%CE%B2%20+:@"),
    ("X-Abeja-Deployment-Id", "1234567890123"),
    ("X-Abeja-Service-Id", "ser-0123456789abcdef"),
]

UNEXPECTED = b'{"status":"unexpected error occurred"}'


def answered(log: list[str] | None = None, **answer: Any) -> Response:
    """Return the response to an answer, with what was logged."""
    said: list[str] = []
    response = response_of(ModelAnswer(**answer), IDENTITY, said.append)
    if log is None:
        assert said == []
    else:
        log += said
    return response


def received(response: Response) -> http.client.HTTPResponse:
    """Return a response as a client reads it off the wire."""

    class Socket:
        def makefile(self, _: str) -> io.BytesIO:
            return io.BytesIO(render_head(response) + response.read())

    # A stream of the whole is all that it asks of a socket.
    connection: Any = Socket()
    parsed = http.client.HTTPResponse(connection)
    parsed.begin()
    return parsed


class TestAnswer:
    """An answer that HTTP can say."""

    def test_whole(self) -> None:
        """Status, type, metadata, who answers, and how it is framed, in this order."""
        response = answered(status=201, content_type="text/csv", metadata={"X-A": "b"}, body=b"a,b\r\n")
        assert (response.status, response.body) == (201, b"a,b\r\n")
        assert response.headers == [
            ("Content-Type", "text/csv"),
            ("X-A", "b"),
            *SAID,
            ("Content-Length", "5"),
            ("Connection", "close"),
        ]

    @pytest.mark.parametrize("content_type", [None, ""])
    def test_fallback_type(self, content_type: str | None) -> None:
        """JSON where the runtime names none."""
        assert answered(content_type=content_type).headers[0] == ("Content-Type", "application/json")

    def test_runtime_version(self) -> None:
        """It comes from the runtime as metadata."""
        name = "x-abeja-sys-meta-runtime-version"
        assert (name, "1.1.1") in answered(metadata={name: "1.1.1"}).headers

    def test_nothing_is_said_of_nobody(self) -> None:
        """What is not known has no header."""
        response = response_of(ModelAnswer(content_type="a/b"), Identity(runner_version=""))
        assert [name for name, _ in response.headers] == ["Content-Type", "Content-Length", "Connection"]

    @pytest.mark.parametrize("kind", ["multipart/form-data", "Multipart/Form-Data; boundary=b"])
    def test_form(self, kind: str) -> None:
        """A form is no answer."""
        response = answered(content_type=kind, body=b"--b--")
        assert (response.status, json.loads(response.read())) == (
            501,
            {"status": f"Content-Type: [{kind}] is not supported"},
        )

    @pytest.mark.parametrize("status", [200, 204, 299, 304, 404, 599, HTTPStatus.CREATED])
    def test_status(self, status: int) -> None:
        """Any final one."""
        assert answered(status=status).status == status

    @pytest.mark.parametrize("status", [204, 304])
    def test_bodiless(self, status: int) -> None:
        """A status that has no body has none, and the log says so."""
        log: list[str] = []
        response = answered(log, status=status, body=b"content")
        assert (response.body, dict(response.headers)["Content-Length"]) == (b"", "0")
        assert [f"response {status}" in sentence for sentence in log] == [True]

    @pytest.mark.parametrize(
        "name",
        [
            "Content-Length",
            "content-type",
            "TRANSFER-ENCODING",
            "Connection",
            "x-abeja-model-id",
            "X-Abeja-Sys-Meta-Proxy-Version",
        ],
    )
    def test_what_the_proxy_says_itself(self, name: str) -> None:
        """A handler does not say it, and the log tells."""
        log: list[str] = []
        response = answered(log, content_type="a/b", metadata={name: "5", "X-A": "b"}, body=b"x")
        assert response.headers == answered(content_type="a/b", metadata={"X-A": "b"}, body=b"x").headers
        assert [name in sentence for sentence in log] == [True]

    def test_one_name_twice(self) -> None:
        """Of names that differ in case only, the last one stays."""
        headers = answered(metadata={"X-A": "1", "x-a": "2"}).headers
        assert [each for each in headers if each[0].lower() == "x-a"] == [("x-a", "2")]

    def test_blanks_around_a_value(self) -> None:
        """They are no part of it, on the wire or off it."""
        assert ("X-A", "a b") in answered(metadata={"X-A": " \ta b "}).headers

    def test_default_log(self, caplog: pytest.LogCaptureFixture) -> None:
        """Without another place for it, a sentence is in the log of this process."""
        response_of(ModelAnswer(status=0), IDENTITY)
        assert [record.name for record in caplog.records] == ["abeja_emulator"]


class TestUnsayable:
    """An answer that HTTP cannot say is the 500 of a handler that failed, and a sentence."""

    @pytest.mark.parametrize(
        "metadata",
        [
            {"": "a"},
            {"X A": "a"},
            {"X-A:": "a"},
            {"X-犬": "a"},
            {"X-A\r\nX-B": "a"},
            {"X-A": "a\r\nX-B: b"},
            {"X-A": "a\n"},
            {"X-A": "a\0"},
            {"X-A": "\ud800"},
            {"X-A": 1},
            {"X-A": None},
            {"X-A": ["a"]},
            {1: "a"},
            {"X-B": "fine", "X-A": {}},
        ],
    )
    def test_metadata(self, metadata: dict[Any, Any]) -> None:
        """Names and values that no header has."""
        log: list[str] = []
        response = answered(log, metadata=metadata, body=b"secret")
        assert (response.status, response.body) == (500, UNEXPECTED)
        assert response.headers == error_response(500, "unexpected error occurred", IDENTITY).headers
        assert ["metadata" in sentence for sentence in log] == [True]

    @pytest.mark.parametrize("status", [0, -1, 99, 100, 101, 199, 600, 1000, "200", 200.0, None, True, [200]])
    def test_status(self, status: Any) -> None:
        """Statuses that end no exchange, or are none."""
        log: list[str] = []
        assert answered(log, status=status).body == UNEXPECTED
        assert ["status_code" in sentence for sentence in log] == [True]

    @pytest.mark.parametrize("kind", ["a/b\r\nX-A: b", "a/b\n", "\0", "\ud800", 1, ["a/b"]])
    def test_content_type(self, kind: Any) -> None:
        """Types that no header has."""
        log: list[str] = []
        assert answered(log, content_type=kind).body == UNEXPECTED
        assert ["content_type" in sentence for sentence in log] == [True]

    @given(
        metadata=st.dictionaries(
            st.one_of(st.text(max_size=8), st.integers()), st.one_of(st.text(max_size=8), st.none()), max_size=3
        ),
        content_type=st.one_of(st.none(), st.text(max_size=8)),
        status=st.one_of(st.integers(-10, 1000), st.none()),
        body=st.binary(max_size=8),
    )
    def test_any_answer(self, metadata: Any, content_type: Any, status: Any, body: bytes) -> None:
        """Whatever a handler says, a client reads one whole response with no header that nobody meant."""
        answer = ModelAnswer(status, content_type, metadata, body)
        log: list[str] = []
        response = response_of(answer, IDENTITY, log.append)
        got = received(response)
        names = [name.lower() for name, _ in got.getheaders()]
        meant = {"content-type", "content-length", "connection", *(name.lower() for name, _ in SAID)}
        assert set(names) <= meant | {str(name).lower() for name in metadata}
        assert len(names) == len(set(names))
        assert got.read() == response.body
        if got.status == 500 != status:
            assert response.body == UNEXPECTED
            assert log

    @given(st.dictionaries(st.from_regex(r"X-[A-Za-z0-9_.]{1,5}", fullmatch=True), st.text(max_size=8), max_size=3))
    def test_metadata_arrives(self, metadata: dict[str, str]) -> None:
        """Text that a header can hold arrives as UTF-8, without the blanks around it."""
        response = response_of(ModelAnswer(metadata=metadata), IDENTITY, lambda _: None)
        if response.status != 200:
            assert any(set(value) & set(map(chr, [*range(9), *range(10, 32), 127])) for value in metadata.values())
            return
        got = received(response)
        last = {name.lower(): value for name, value in metadata.items()}
        for name, value in last.items():
            assert (got.getheader(name) or "").encode("latin-1").decode() == value.strip(" \t")


class TestErrors:
    """Errors say `status`, in exact words."""

    @pytest.mark.parametrize(
        ("status", "sent"), [(500, 500), (400, 400), (503, 503), (200, 200), (None, 500), (0, 500), (204, 500)]
    )
    def test_of_the_runtime(self, status: Any, sent: int) -> None:
        """Its words and its status."""
        response = answered(status=status, content_type="application/json", error="unexpected error occurred")
        assert (response.status, response.body) == (sent, UNEXPECTED)
        assert response.headers == [
            ("Content-Type", "application/json"),
            *SAID,
            ("Content-Length", str(len(UNEXPECTED))),
            ("Connection", "close"),
        ]

    def test_empty_words(self) -> None:
        """An error without words is one."""
        assert answered(status=500, error="").body == b'{"status":""}'

    def test_accepted(self) -> None:
        """202 has no body."""
        response = accepted(IDENTITY)
        assert (response.status, response.body) == (202, b"")
        assert response.headers == [*SAID, ("Content-Length", "0"), ("Connection", "close")]

    def test_health(self) -> None:
        """It does not say whose."""
        response = health_of(200, "ok")
        assert response.body == b'{"status":"ok"}'
        assert [name for name, _ in response.headers] == ["Content-Type", "Content-Length", "Connection"]
