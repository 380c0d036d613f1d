"""Reading `multipart/form-data`, for version and model uploads."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from abeja_emulator.errors import BadRequest
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from abeja_emulator.wire.messages import Request, Spool

#: Bytes read from the body at once.
PIECE = 256 * 1024


def read_form(request: Request, spool: Callable[[], Spool]) -> dict[str, Upload]:
    """Return the parts of the form by their names, each streamed into a spool of its own.

    Raises:
        BadRequest: when the body is no well-formed form.
    """
    kind, options = parse_options_header(request.header("content-type") or "")
    if kind != "multipart/form-data" or "boundary" not in options:
        message = f"the body must be multipart/form-data with a boundary, not {kind or 'without a type'}"
        raise BadRequest(message)
    parts: dict[str, Upload] = {}
    part: MultipartSegment | None = None
    sink = spool()
    try:
        with PushMultipartParser(options["boundary"], content_length=request.length) as parser:
            for event in _events(parser, request):
                if isinstance(event, MultipartSegment):
                    part, sink = event, spool()
                elif event:
                    sink.write(bytes(event))
                elif part is not None:
                    body, size = sink.finish()
                    parts[part.name] = Upload(body, size, part.content_type, file_name=part.filename)
                    part = None
    except (MultipartError, UnicodeDecodeError, LookupError) as error:
        sink.discard()
        message = f"the multipart body is not well-formed: {error}"
        raise BadRequest(message) from error
    return parts


def _events(parser: PushMultipartParser, request: Request) -> Iterator[MultipartSegment | bytes | None]:
    body = io.BytesIO(request.body) if isinstance(request.body, bytes) else request.body
    while piece := body.read(PIECE):
        yield from parser.parse(piece)
