"""From a request of HTTP to what a model is asked (runner, convert/)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from abeja_emulator.errors import BadRequest
from abeja_emulator.serving.header_text import HOP_BY_HOP, from_wire, octets
from abeja_emulator.serving.media_types import FORM, media_type_of
from abeja_emulator.serving.messages import ModelContent, ModelRequest
from abeja_emulator.wire.multipart_form import read_parts
from abeja_emulator.wire.validation import METADATA_PREFIX

if TYPE_CHECKING:
    from typing import Callable

    from abeja_emulator.wire.messages import Request, Spool
    from abeja_emulator.wire.multipart_form import Part

#: Type of what a GET asks, whatever it says of itself (runner, convert/default_converter.go).
QUERY_TYPE = "application/x-www-form-urlencoded"

#: Headers that mark an asynchronous request (runner, proxy/proxy.go).
ASYNC_REQUEST_ID = "x-abeja-arms-async-request-id"
ASYNC_REQUEST_TOKEN = "x-abeja-arms-async-request-token"  # noqa: S105 - a header's name

#: Headers that a model does not see. Documented is that `Authorization` and some others are taken out. Evidence of the
#: others: inferred. `Host` and what frames a body are no headers to a Go program; what is about a connection ends at
#: the proxy; the two that mark an asynchronous request are between the platform and the proxy, and one is a credential.
WITHHELD = HOP_BY_HOP | {"authorization", "host", ASYNC_REQUEST_ID, ASYNC_REQUEST_TOKEN}

#: Bytes copied at once.
_PIECE = 256 * 1024


class NotConvertibleError(Exception):
    """A request that no model can be asked.

    Attributes:
        status: status code of the answer.
        words: the answer's `status`.
    """

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def unsupported(content_type: str) -> NotConvertibleError:
    """Return the 501 of a content type that is not supported (runner, convert/)."""
    return NotConvertibleError(501, f"Content-Type: [{content_type}] is not supported")


def model_request_of(request: Request, spool: Callable[[], Spool]) -> ModelRequest:
    """Return what a model is asked by a request.

    The body stays the request's own, at hand or as a stream; each part of a form has a body of its own, in the order
    sent. `close_contents` closes those.

    A form that is not well-formed is 400 (Evidence: inferred; the request is at fault), and a body that is empty is
    one content without a byte rather than none (Evidence: inferred; the runner writes a body to a file unread).

    Args:
        request: as it came.
        spool: returns a place for the bytes of one part.

    Raises:
        NotConvertibleError: for other methods than GET, POST and PUT, a Content-Type that is missing or cannot be
            parsed, and a form that is not well-formed.
    """
    given = from_wire(request.header("content-type") or "")
    if request.method == "GET":
        query = octets(request.target.partition("?")[2])
        return _asked(request, QUERY_TYPE, (ModelContent(query, QUERY_TYPE),))
    kind = media_type_of(given)
    if request.method not in {"POST", "PUT"} or kind is None:
        raise unsupported(given)
    if not isinstance(request.body, bytes):
        request.body.seek(0)
    if kind != FORM:
        return _asked(request, given, (ModelContent(request.body, given),))
    try:
        parts = read_parts(request, spool)
    except BadRequest as error:
        raise NotConvertibleError(400, error.description) from error
    return _asked(request, given, tuple(_content_of(part) for part in parts))


def close_contents(asked: ModelRequest, request: Request | None = None) -> None:
    """Close the bodies of all contents but the request's own, which its transport closes."""
    for content in asked.contents:
        if not isinstance(content.body, bytes) and (request is None or content.body is not request.body):
            content.body.close()


def detached(asked: ModelRequest, request: Request, spool: Callable[[], Spool]) -> ModelRequest:
    """Return the same with bodies that outlive the request."""
    return replace(asked, contents=tuple(_own(content, request, spool) for content in asked.contents))


def _asked(request: Request, content_type: str, contents: tuple[ModelContent, ...]) -> ModelRequest:
    return ModelRequest(request.method, content_type, _grouped(request.headers), contents)


def _grouped(headers: list[tuple[str, str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        key = name.lower()
        if key not in WITHHELD:
            grouped.setdefault(key, []).append(from_wire(value))
    return tuple((name, tuple(values)) for name, values in sorted(grouped.items()))


def _content_of(part: Part) -> ModelContent:
    """Return a part as a content.

    Its metadata are its headers of that prefix, as they are of a file of the datalake. Evidence: inferred.
    """
    headers = {name.lower(): value for name, value in part.headers}
    metadata = {name: value for name, value in headers.items() if name.startswith(METADATA_PREFIX)}
    return ModelContent(
        part.upload.content,
        headers.get("content-type"),
        metadata or None,
        file_name=part.upload.file_name,
        form_name=part.name,
    )


def _own(content: ModelContent, request: Request, spool: Callable[[], Spool]) -> ModelContent:
    if isinstance(content.body, bytes) or content.body is not request.body:
        return content
    sink = spool()
    try:
        while piece := content.body.read(_PIECE):
            sink.write(piece)
        return replace(content, body=sink.finish()[0])
    finally:
        # What was finished is no longer its own to discard.
        sink.discard()
