"""Requests and answers as the runtime writes them: JSON, and files that hold the bodies.

Both bodies travel as files (runtime, converter.py and server_protocol.py). The proxy writes that of a request, the
runtime opens and closes it, and the proxy removes it; the runtime writes that of an answer, and the proxy reads and
removes it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from abeja_emulator.serving.body_files import BodyFiles
from abeja_emulator.serving.messages import ModelAnswer, ModelGone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.serving.messages import ModelContent, ModelRequest

_OK = 200


@contextmanager
def written(request: ModelRequest, files: BodyFiles | None = None) -> Iterator[dict[str, Any]]:
    """Write the bodies of a request into files, and return its message; the files are removed afterwards.

    Args:
        request: its streams are read from their start, and left open.
        files: where; those that this process sees by default.

    Raises:
        ModelGone: when a file cannot be written.
    """
    files = files or BodyFiles()
    paths: list[str] = []
    try:
        yield {
            "method": request.method,
            "content_type": request.content_type,
            "headers": [{"key": name, "values": list(values)} for name, values in request.headers],
            "contents": [_content_of(content, files, paths) for content in request.contents],
        }
    finally:
        for path in paths:
            files.remove(path)


def answer_of(message: dict[str, Any], files: BodyFiles | None = None) -> ModelAnswer:
    """Return the answer that a message of the runtime says, and remove the file with its body.

    A status that is null is 200, as one that is not there. Evidence: inferred; the runner's fields may be null. What
    is of another type than the runner's fields is no answer, as it is to its JSON decoder.

    Args:
        message: of the runtime.
        files: where the body is; those that this process sees by default.

    Raises:
        ModelGone: when a field is of another type, or the file cannot be read.
    """
    path = message.get("path")
    body = b"" if path is None else _taken(str(path), files or BodyFiles())
    status, content_type = message.get("status_code"), message.get("content_type")
    metadata, error = message.get("metadata"), message.get("error_message")
    damage = _damage(message)
    if damage is not None:
        raise ModelGone(damage)
    return ModelAnswer(
        status=_OK if status is None else status,
        content_type=content_type,
        metadata=metadata or {},
        body=body,
        error=error,
    )


#: What the fields of an answer may be, besides null.
_FIELDS: dict[str, tuple[type, str]] = {
    "status_code": (int, "a whole number"),
    "content_type": (str, "a text"),
    "error_message": (str, "a text"),
    "metadata": (dict, "an object"),
}


def _damage(message: dict[str, Any]) -> str | None:
    """Return what is wrong with the types of an answer's fields, or None."""
    for name, (kind, wanted) in _FIELDS.items():
        value = message.get(name)
        # A bool is an int to Python, and not to JSON.
        if value is not None and type(value) is not kind:
            return _sentence(name, value, wanted)
    for name, value in (message.get("metadata") or {}).items():
        if not isinstance(value, str):
            return _sentence(f"metadata[{name!r}]", value, "a text")
    return None


def _sentence(name: str, value: object, wanted: str) -> str:
    return f"the runtime's answer has {name} {value!r}, and the proxy takes only {wanted} there"


def _content_of(content: ModelContent, files: BodyFiles, paths: list[str]) -> dict[str, Any]:
    try:
        paths.append(files.write(content.body))
    except OSError as error:
        message = f"the body of the request could not be handed to the runtime: {error}"
        raise ModelGone(message) from error
    return {
        "content_type": content.content_type,
        "metadata": content.metadata,
        "path": paths[-1],
        "file_name": content.file_name,
        "form_name": content.form_name,
    }


def _taken(path: str, files: BodyFiles) -> bytes:
    """Read a file and remove it."""
    try:
        return files.read(path)
    except OSError as error:
        message = f"the runtime's answer is in the file {path}, which could not be read: {error}"
        raise ModelGone(message) from error
    finally:
        files.remove(path)
