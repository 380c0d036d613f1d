"""What travels between a transport and a Platform: one request, one response.

The wire is what this project emulates, so nothing is normalised on the way: header names keep the
spelling the client sent (`label_id` is not `label-id`), the target keeps its percent-encoding
(`%2F` is not a slash), and bodies are streams.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Protocol, Union, runtime_checkable

if TYPE_CHECKING:
    from abeja_emulator.wire.delivery import Delivery

Headers = list[tuple[str, str]]

#: A body that is either at hand or read piece by piece from where it is stored.
Body = Union[bytes, BinaryIO]


class Request:
    """One request as a client sent it.

    Attributes:
        method: upper-case method, such as `GET`.
        scheme: `http` or `https`, as the client addressed the host.
        host: lower-cased `name` or `name:port` the client addressed.
        target: path and query in origin form, percent-encoding untouched.
        headers: raw pairs in the order sent, names as sent, text decoded as latin-1.
        body: the whole body, already received, readable from its start.
        length: the body's size in bytes.
        born: when the process that sent it was born, by the monotonic clock; None for this process, and for
            clients that do not say.
        client: the address it came from, where the transport knows it.
    """

    __slots__ = ("body", "born", "client", "headers", "host", "length", "method", "scheme", "target")

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        target: str,
        *,
        scheme: str = "https",
        host: str = "api.abeja.io",
        headers: Headers | None = None,
        body: Body = b"",
        length: int | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.scheme = scheme
        self.host = host
        self.headers: Headers = [] if headers is None else headers
        self.body = body
        if length is None:
            if not isinstance(body, bytes):
                message = "a body that is a stream needs its length"
                raise TypeError(message)
            length = len(body)
        self.length = length
        self.born: float | None = None
        self.client: str | None = None

    def header(self, name: str) -> str | None:
        """Return the first header of that name, whatever its case, or None."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    def read(self) -> bytes:
        """Return the whole body as bytes; a second call returns the same."""
        if not isinstance(self.body, bytes):
            self.body.seek(0)
            self.body = self.body.read()
        return self.body

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.scheme}://{self.host}{self.target.partition('?')[0]}>"


class Response:
    """One response as the client will receive it.

    Attributes:
        status: the status code.
        headers: pairs to send; `Content-Length` is always among them.
        body: the content, at hand or as a stream that the transport reads and closes.
        delivery: how it has to be brought; None: at once and whole.
    """

    __slots__ = ("body", "delivery", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: Body = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.delivery: Delivery | None = None

    @property
    def reason(self) -> str:
        """The reason phrase that belongs to the status, or an empty text."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    def read(self) -> bytes:
        """Return the whole content as bytes; a second call returns the same."""
        if not isinstance(self.body, bytes):
            with self.body as stream:
                self.body = stream.read()
        return self.body

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


class Spool(Protocol):
    """Where a transport puts a request's body while it arrives."""

    def write(self, data: bytes) -> int:
        """Append bytes and return how many."""

    def finish(self) -> tuple[Body, int]:
        """Return the body, readable from its start, and its length in bytes."""

    def discard(self) -> None:
        """Forget what was written: the request never became whole."""


class Application(Protocol):
    """What a transport needs of a Platform."""

    def spool(self) -> Spool:
        """Return a fresh place for the body of one request."""

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises for what a client did."""


@runtime_checkable
class Troubles(Protocol):
    """What a transport asks whoever plans what goes wrong on purpose."""

    def meet_connection(self, scheme: str, host: str) -> str | None:
        """Return why a connection that is being made does not come about: `dns`, `tls`, `refused`, or None."""

    @property
    def expected(self) -> bool:
        """Whether anything may go wrong."""


def troubles_of(application: object) -> Troubles | None:
    """Return an application as what plans what goes wrong, or None when it plans nothing."""
    return application if isinstance(application, Troubles) else None
