"""What a client sees of a handler, and a handler of a client: the proxy and the published runtime together."""

from __future__ import annotations

import datetime
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.in_process import InProcessModel
from abeja_emulator.serving.proxy import Proxy
from abeja_emulator.wire.messages import Request
from tests.transports.stub_application import MemorySpool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Headers, Response

pytest.importorskip("abejaruntime36.version", reason="the published runtime is not installed")

JSON = ("Content-Type", "application/json")

NOON = datetime.datetime(2020, 1, 2, 12, tzinfo=datetime.timezone.utc)

UNEXPECTED = b'{"status":"unexpected error occurred"}'

#: What each answer says besides its type, with the version of the runtime.
SAID = {
    "X-Abeja-Sys-Meta-Proxy-Version": "2.6.5",
    "x-abeja-sys-meta-runtime-version": "1.1.1",
    "X-Abeja-Model-Id": "9876543210123",
    "X-Abeja-Model-Version": "0.0.1%2Fb",
    "X-Abeja-Deployment-Id": "1234567890123",
    "X-Abeja-Service-Id": "ser-0123456789abcdef",
    "Connection": "close",
}


class Served:
    """A service whose handler does as a test says, and keeps what it saw.

    Attributes:
        answer: what the handler returns, or raises.
        seen: what it saw of the last request.
        log: sentences of the proxy.
    """

    def __init__(self) -> None:
        self.answer: Any = {}
        self.seen: dict[str, Any] = {}
        self.log: list[str] = []
        identity = Identity("1234567890123", "ser-0123456789abcdef", "9876543210123", "0.0.1/b")
        self.proxy = Proxy(identity, MemorySpool, log=self.log.append)
        self.proxy.add(InProcessModel(self._handler))

    def ask(self, method: str, target: str = "/", headers: Headers | None = None, body: bytes = b"") -> Response:
        """Send a request."""
        return self.proxy.handle(Request(method, target, headers=headers, body=body))

    def returns(self, answer: Any) -> Response:
        """Return the response to an answer of the handler."""
        self.answer = answer
        return self.ask("POST", headers=[JSON], body=b"{}")

    def _handler(self, request: Any, context: Any) -> Any:
        try:
            whole: Any = request.read()
        except ValueError as error:
            whole = str(error)
        self.seen = {
            "keys": set(request),
            "http_method": request["http_method"],
            "content_type": request["content_type"],
            "headers": request["headers"],
            "read": whole,
            "http_headers": request["http_headers"],
            "contents": [
                {**{key: part[key] for key in part if key != "body"}, "read": part.read()}
                for part in request["contents"]
            ],
            "metadata": request["metadata"] if request["contents"] else None,
            "context": context,
        }
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def served() -> Iterator[Served]:
    """A service."""
    served = Served()
    yield served
    served.proxy.close(0)


class TestRequest:
    """What a handler sees."""

    def test_post(self, served: Served) -> None:
        """All keys; names in lower case, sorted, without credentials; the body is bytes."""
        sent = [JSON, ("X-B", "1"), ("Authorization", "Bearer x"), ("accept", "*/*"), ("x-b", "2"), ("Host", "a")]
        assert served.ask("POST", "/?a=b", sent, '{"a": "犬"}'.encode()).status == 200
        assert served.seen["keys"] == {"http_method", "content_type", "headers", "http_headers", "contents"}
        assert (served.seen["http_method"], served.seen["content_type"]) == ("POST", "application/json")
        assert served.seen["headers"] == [
            {"key": "accept", "values": ["*/*"]},
            {"key": "content-type", "values": ["application/json"]},
            {"key": "x-b", "values": ["1", "2"]},
        ]
        assert served.seen["read"] == '{"a": "犬"}'.encode()
        assert (served.seen["metadata"], served.seen["context"]) == (None, {})

    def test_http_headers(self, served: Served) -> None:
        """Whatever the case; the last value wins, and a name that is not there is None."""
        served.ask("POST", "/", [JSON, ("X-B", "1"), ("x-b", "2")])
        headers = served.seen["http_headers"]
        assert (headers["X-B"], headers["x-b"], headers.get_all("X-b")) == ("2", "2", ["1", "2"])
        assert headers["authorization"] is None

    @pytest.mark.parametrize(("target", "query"), [("/?a=%20b&a=2", b"a=%20b&a=2"), ("/", b"")])
    def test_get(self, served: Served, target: str, query: bytes) -> None:
        """The body is the query as it came, and the type is that of a form, whatever was said."""
        assert served.ask("GET", target, [JSON]).status == 200
        assert (served.seen["http_method"], served.seen["read"]) == ("GET", query)
        assert served.seen["content_type"] == "application/x-www-form-urlencoded"
        assert [part["content_type"] for part in served.seen["contents"]] == ["application/x-www-form-urlencoded"]

    def test_put(self, served: Served) -> None:
        """As POST."""
        served.ask("PUT", "/", [("Content-Type", "image/jpeg")], b"\xff\xd8")
        assert (served.seen["http_method"], served.seen["content_type"]) == ("PUT", "image/jpeg")
        assert served.seen["read"] == b"\xff\xd8"

    def test_form(self, served: Served) -> None:
        """A content for each part; the whole reads as the first."""
        parts = [
            ("a", ("犬.jpg", b"1", "image/jpeg", {"X-Abeja-Meta-B": "c"})),
            ("b", (None, b"2")),
            ("a", (None, b"3")),
        ]
        prepared = requests.Request("POST", "https://a", files=parts).prepare()
        assert isinstance(prepared.body, bytes)
        assert served.ask("POST", "/", list(prepared.headers.items()), prepared.body).status == 200
        assert served.seen["content_type"].startswith("multipart/form-data; boundary=")
        # What was read of the whole was read of the first part.
        assert served.seen["read"] == b"1"
        assert served.seen["metadata"] == {"x-abeja-meta-b": "c"}
        assert [list(part.items()) for part in served.seen["contents"]] == [
            [
                ("content_type", "image/jpeg"),
                ("metadata", {"x-abeja-meta-b": "c"}),
                ("file_name", "犬.jpg"),
                ("form_name", "a"),
                ("read", b""),
            ],
            *(
                [("content_type", None), ("metadata", None), ("file_name", None), ("form_name", name), ("read", body)]
                for name, body in (("b", b"2"), ("a", b"3"))
            ),
        ]

    def test_form_without_parts(self, served: Served) -> None:
        """There is nothing to read then."""
        kind = ("Content-Type", "multipart/form-data; boundary=b")
        assert served.ask("POST", "/", [kind], b"--b--\r\n").status == 200
        assert (served.seen["contents"], served.seen["read"]) == ([], "no body")

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "HEAD", "OPTIONS", "POST", "PUT"])
    def test_not_supported(self, served: Served, method: str) -> None:
        """Another method, and a body without a type; the handler is not called."""
        response = served.ask(method, body=b"x")
        assert (response.status, response.body) == (501, b'{"status":"Content-Type: [] is not supported"}')
        assert served.seen == {}


class TestResponse:
    """What a client sees."""

    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            pytest.param({"content": {"a": 1}}, b'{"a": 1}', id="dict"),
            pytest.param({"content": 1}, b"1", id="int"),
            pytest.param({"content": "犬"}, "犬".encode(), id="str"),
            pytest.param({"content": b"abc"}, b"97\n98\n99", id="bytes"),
            pytest.param({"content": [b"abc"]}, b"abc", id="list of bytes"),
            pytest.param({"content": io.BytesIO(b"abc")}, b"abc", id="stream"),
            pytest.param({"content": [{"a": 1}, {"b": 2}]}, b'{"a": 1}\n{"b": 2}', id="list of dicts"),
            pytest.param({"content": [1, 2.5]}, b"1\n2.5", id="list of numbers"),
            pytest.param({"content": []}, b"", id="empty"),
            pytest.param({}, b"", id="nothing"),
            pytest.param({"content": None}, b"", id="None"),
            pytest.param({"content": [[[1, 2], [3, 4]]]}, b'{"1": 2, "3": 4}', id="pairs"),
            pytest.param({"content": [["ab", "cd"]]}, b'{"a": "b", "c": "d"}', id="pairs of letters"),
            pytest.param({"content": [{"a": 1}, {"a": 2}], "content_type": "text/csv"}, b"a\r\n1\r\n2\r\n", id="csv"),
            pytest.param({"content": float("nan")}, b"NaN", id="NaN"),
            pytest.param({"content": NOON}, f'"{NOON.isoformat()}"'.encode(), id="datetime"),
        ],
    )
    def test_content(self, served: Served, answer: dict[str, Any], body: bytes) -> None:
        """Bytes are what was measured; 200 and text/plain unless the handler says otherwise."""
        response = served.returns(answer)
        headers = {"Content-Type": answer.get("content_type", "text/plain"), "Content-Length": str(len(body)), **SAID}
        assert (response.status, response.body, dict(response.headers)) == (200, body, headers)

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            "text",
            [{"content": 1}],
            {"content": [[[1, 2, 3]]]},
            {"content": 1, "content_type": ""},
            {"content": 1, "content_type": None},
            ZeroDivisionError("in the handler"),
        ],
        ids=repr,
    )
    def test_unexpected(self, served: Served, answer: Any) -> None:
        """What is no response, and an exception; the service goes on."""
        response = served.returns(answer)
        assert (response.status, response.body) == (500, UNEXPECTED)
        said = dict(response.headers)
        assert said["Content-Type"] == "application/json"
        assert said["X-Abeja-Service-Id"] == "ser-0123456789abcdef"
        assert served.returns({"content": 1}).status == 200

    def test_numpy(self, served: Served) -> None:
        """The runtime knows its scalars and arrays."""
        numpy = pytest.importorskip("numpy")
        content = {"a": numpy.float32(0.5), "b": numpy.arange(3)}
        assert served.returns({"content": content}).body == b'{"a": 0.5, "b": [0, 1, 2]}'

    def test_status_and_metadata(self, served: Served) -> None:
        """As the handler says."""
        response = served.returns({"status_code": 404, "metadata": {"X-A": "犬"}, "content": "none"})
        assert response.status == 404
        assert ("X-A", "犬".encode().decode("latin-1")) in response.headers

    @pytest.mark.parametrize(
        "answer",
        [
            {"status_code": 99},
            {"status_code": 600},
            {"metadata": {"X-A": "a\r\nX-B: c"}},
            {"metadata": {"X A": "a"}},
            {"content_type": "text/plain\r\nX-B: c"},
        ],
        ids=repr,
    )
    def test_unsayable(self, served: Served, answer: dict[str, Any]) -> None:
        """What no response can say is a clean 500 and a sentence; the service goes on."""
        response = served.returns(answer)
        assert (response.status, response.body) == (500, UNEXPECTED)
        assert len(served.log) == 1
        assert served.returns({"content": 1}).status == 200

    def test_form(self, served: Served) -> None:
        """A handler cannot answer with a form."""
        response = served.returns({"content": "x", "content_type": "multipart/form-data"})
        status = {"status": "Content-Type: [multipart/form-data] is not supported"}
        assert (response.status, json.loads(response.read())) == (501, status)

    @pytest.mark.parametrize("metadata", [{"X-A": 1}, {"X-A": None}, {"X-A": ["a"]}], ids=repr)
    def test_metadata_that_is_no_text(self, served: Served, metadata: dict[str, Any]) -> None:
        """It is a 500 and a sentence that names it."""
        assert served.returns({"metadata": metadata}).status == 500
        assert ["X-A" in sentence for sentence in served.log] == [True]

    def test_end_of_the_process(self, served: Served) -> None:
        """Contact is lost, and then there is nobody who could answer."""
        lost = b'{"status":"Internal Server Error: unexpected error of communication with runtime"}'
        response = served.returns(SystemExit(3))
        assert (response.status, response.body) == (500, lost)
        response = served.returns({"content": 1})
        assert (response.status, response.body) == (503, b'{"status":"service unavailable"}')
