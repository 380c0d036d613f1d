"""Reading `multipart/form-data`: uploads of versions and models, and what a model is asked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from abeja_emulator.errors import BadRequest
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from abeja_emulator.wire.messages import Request, Spool

#: Bytes read from the body at once.
PIECE = 256 * 1024


class Part(NamedTuple):
    """A part of a form.

    Attributes:
        name: of its field; parts may share one.
        upload: its bytes; the type without its parameters.
        headers: all it has, names in title case.
    """

    name: str
    upload: Upload
    headers: tuple[tuple[str, str], ...]


def read_form(request: Request, spool: Callable[[], Spool]) -> dict[str, Upload]:
    """Return the parts of the form by their names, each streamed into a spool of its own.

    The last of parts with one name wins. The caller closes the parts.

    Raises:
        BadRequest: when the body is no well-formed form; nothing of it is kept then.
    """
    parts: dict[str, Upload] = {}
    for name, upload, _ in read_parts(request, spool):
        if name in parts:
            parts.pop(name).close()
        parts[name] = upload
    return parts


def read_parts(request: Request, spool: Callable[[], Spool]) -> list[Part]:
    """Return all parts of the form as they were sent, each streamed into a spool of its own.

    The caller closes them.

    Raises:
        BadRequest: when the body is no well-formed form; nothing of it is kept then.
    """
    kind, options = parse_options_header(request.header("content-type") or "")
    if kind != "multipart/form-data" or not options.get("boundary"):
        message = f"the body must be multipart/form-data with a boundary, not {kind or 'without a type'}"
        raise BadRequest(message)
    parts: list[Part] = []
    try:
        parts.extend(_parts(request, options["boundary"], spool))
    except BaseException as error:
        for part in parts:
            part.upload.close()
        if isinstance(error, (MultipartError, UnicodeError, LookupError)):
            message = f"the multipart body is not well-formed: {error}"
            raise BadRequest(message) from error
        raise
    return parts


def _parts(request: Request, boundary: str, spool: Callable[[], Spool]) -> Iterator[Part]:
    part: MultipartSegment | None = None
    sink: Spool | None = None
    try:
        with PushMultipartParser(boundary, content_length=request.length) as parser:
            for event in _events(parser, request):
                if isinstance(event, MultipartSegment):
                    part, sink = event, spool()
                elif part is None or sink is None:
                    continue
                elif event:
                    sink.write(bytes(event))
                else:
                    body, size = sink.finish()
                    upload = Upload(body, size, part.content_type, file_name=part.filename)
                    yield Part(part.name, upload, tuple(part.headerlist))
    finally:
        # What was finished is no longer its own to discard.
        if sink is not None:
            sink.discard()


def _events(parser: PushMultipartParser, request: Request) -> Iterator[MultipartSegment | bytes | None]:
    body = io.BytesIO(request.body) if isinstance(request.body, bytes) else request.body
    while piece := body.read(PIECE):
        yield from parser.parse(piece)
