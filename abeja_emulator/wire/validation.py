"""From what a client sent to typed values, or a refusal that says what is wrong with it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.wire.content import Files, FilesForm, Form, Multipart, Upload
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.multipart_form import read_form

if TYPE_CHECKING:
    from typing import Callable

    from abeja_emulator.wire.messages import Spool
    from abeja_emulator.wire.operations import Operation

#: Prefix of the headers that carry a file's metadata (`abeja/datalake/api/client.py`).
METADATA_PREFIX = "x-abeja-meta-"

#: How many levels of arrays and objects JSON may have. Far more than a client sends, and far fewer
#: than make any reader of it, in whatever thread, run out of stack. Evidence: inferred.
DEPTH = 100

_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")

#: Escapes of JSON; the group is a half of a surrogate pair that stands alone.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)


def query_of(operation: Operation, query: str) -> Any:
    """Return the query string as the operation's query type; the last of repeated names wins.

    Raises:
        BadRequest: when a value has the wrong type or is not one of the allowed ones.
    """
    if operation.query is None:
        return None
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    try:
        return msgspec.convert(pairs, operation.query, strict=False)
    except msgspec.ValidationError as error:
        message = f"the query of {operation.name} is wrong: {error}"
        raise BadRequest(message) from error


def body_of(operation: Operation, request: Request, spool: Callable[[], Spool]) -> Any:
    """Return the body as the operation's body type.

    An operation without a body ignores what is sent: the CLI sends `Content-Type: application/json`
    with nothing behind it (`abejacli/session.py`).

    Raises:
        BadRequest: when the body is not what the operation takes.
    """
    if operation.body is None:
        return None
    if operation.body is Request:
        return request
    if operation.body is Upload:
        return Upload(request.body, request.length, request.header("content-type"), metadata_of(request))
    return _declared(operation, request, spool)


def _declared(operation: Operation, request: Request, spool: Callable[[], Spool]) -> Any:
    """Return a body that is read, as a form or JSON."""
    if isinstance(operation.body, Multipart) and operation.body.encoded and _is_json(request):
        return _encoded(operation, operation.body, request, spool)
    if isinstance(operation.body, Multipart):
        return _form(operation, operation.body, request, spool)
    if isinstance(operation.body, FilesForm):
        return _files(operation, operation.body, request, spool)
    return _json(operation, operation.body, request.read(), "the body")


def metadata_of(request: Request) -> dict[str, str]:
    """Return the metadata headers, names lower-cased: HTTP does not keep their case."""
    return {name.lower(): value for name, value in request.headers if name.lower().startswith(METADATA_PREFIX)}


def _form(operation: Operation, shape: Multipart, request: Request, spool: Callable[[], Spool]) -> Form:
    parts = read_form(request, spool)
    try:
        for name in (shape.file, "parameters"):
            if name not in parts:
                message = f"the form of {operation.name} lacks the part {name!r}; it has {sorted(parts)}"
                raise BadRequest(message)
        content = parts["parameters"].content
        data = content if isinstance(content, bytes) else content.read()
        parameters = _json(operation, shape.parameters, data, "the part 'parameters'")
        file = parts.pop(shape.file)
    finally:
        for part in parts.values():
            part.close()
    # Metadata travels as headers of the request, not of the part (`abeja/datalake/api/client.py`, upload_bucket_file).
    return Form(replace(file, metadata=metadata_of(request)), parameters)


def _is_json(request: Request) -> bool:
    return (request.header("content-type") or "").partition(";")[0].strip().lower() == "application/json"


def _encoded(operation: Operation, shape: Multipart, request: Request, spool: Callable[[], Spool]) -> Form:
    """Return what a form would have held, of JSON that has the file in base64."""
    given = _json(operation, dict[str, Any], request.read(), "the body")
    encoded = given.pop(shape.encoded, None)
    parameters = _json(operation, shape.parameters, msgspec.json.encode(given), "the body")
    try:
        content = base64.b64decode(encoded or "", validate=True)
    except (TypeError, ValueError) as error:
        message = f"{shape.encoded} of {operation.name} is no base64: {error}"
        raise BadRequest(message) from error
    if not content:
        message = f"the body of {operation.name} lacks {shape.encoded}, the file in base64"
        raise BadRequest(message)
    sink = spool()
    sink.write(content)
    body, size = sink.finish()
    return Form(Upload(body, size, None), parameters)


def _files(operation: Operation, shape: FilesForm, request: Request, spool: Callable[[], Spool]) -> Files:
    parts = read_form(request, spool)
    files = Files({name: parts.pop(name) for name in shape.names if name in parts})
    for part in parts.values():
        part.close()
    missing = [name for name in shape.names if name not in files]
    if missing:
        files.close()
        there = ", ".join(sorted([*files, *parts])) or "none"
        message = f"the form of {operation.name} lacks the parts {', '.join(missing)}; it has {there}"
        raise BadRequest(message)
    return files


def _json(operation: Operation, shape: Any, data: bytes, where: str) -> Any:
    try:
        value = msgspec.json.decode(data or b"{}", type=shape)
        _check_depth(data)
    except msgspec.ValidationError as error:
        message = f"{where} of {operation.name} is wrong: {error}"
        raise BadRequest(message) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{where} of {operation.name} is not JSON: {_lone_surrogate(data) or error}"
        raise BadRequest(message) from error
    except RecursionError as error:
        message = f"{where} of {operation.name} is nested deeper than {DEPTH} levels"
        raise BadRequest(message) from error
    return value


def _lone_surrogate(data: bytes) -> str | None:
    """Return what is wrong with a body in which nothing but half a character is wrong, or None.

    `json.dumps` writes one without complaint; text cut in the middle of an emoji has it.
    """
    lone = next((found[1] for found in _ESCAPE.finditer(data) if found[1]), None)
    if lone is None:
        return None
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return None
    return (
        f"it has the escape {lone.decode()}, a lone surrogate: half a character is no text and has no UTF-8; "
        "send both halves or leave it out"
    )


def _check_depth(data: bytes) -> None:
    """Raise a RecursionError when well-formed JSON is nested deeper than `DEPTH`."""
    if data.count(b"[") + data.count(b"{") <= DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.findall(_TEXT.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise RecursionError
