"""What a model is asked on the command line, and its answers: sent over HTTP, shown and kept."""

from __future__ import annotations

import http.client
import json
import mimetypes
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.report.summary import seconds, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.cli.output import Output

JSON = "application/json"
UNKNOWN = "application/octet-stream"

#: Seconds; a service answers within 30, or says that it does not.
_TIMEOUT = 120

#: Lines and characters of an answer that are shown.
_LINES = 40
_CHARACTERS = 2_000

#: Characters of a text that stand for it.
_NAMED = 60

_FIRST_ERROR = 400


@dataclass(frozen=True)
class Asked:
    """What is asked.

    Attributes:
        name: file, or the beginning of a text.
        body: the bytes.
        content_type: media type.
    """

    name: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        content_type: as it came; empty when there was none.
        body: the bytes.
        seconds: from the request to the last byte.
    """

    status: int
    content_type: str
    body: bytes
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it is no error."""
        return self.status < _FIRST_ERROR

    @property
    def media_type(self) -> str:
        """The content type without parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def text(self) -> str | None:
        """The body as text, or None when it is none."""
        try:
            text = self.body.decode("utf-8")
        except UnicodeDecodeError:
            return None
        return None if any(map(_is_control, text)) else text

    @property
    def value(self) -> Any:
        """What the body says as JSON.

        Raises:
            ValueError: when it is none.
        """
        if not (self.media_type == JSON or self.media_type.endswith("+json")):
            message = f"{self.media_type} is no JSON"
            raise ValueError(message)
        return json.loads(self.body)


def read_asked(text: str, content_type: str | None) -> Asked:
    """Return what `--request` means: the content of a file, or a JSON text.

    Args:
        text: name of a file, or JSON.
        content_type: media type; by default that of the file's name, or JSON.

    Raises:
        CommandError: when it is neither.
    """
    path = Path(text)
    if _is_file(path):
        return Asked(text, path.read_bytes(), content_type or mimetypes.guess_type(text)[0] or UNKNOWN)
    try:
        json.loads(text)
    except ValueError as error:
        message = f"--request {text!r:.80} is no file, and no JSON ({error}); name a file, or write JSON such as '{{}}'"
        raise CommandError(message, USAGE) from error
    return Asked(text if len(text) <= _NAMED else f"{text[:_NAMED]}…", text.encode(), content_type or JSON)


def ask(url: str, asked: Asked, headers: Mapping[str, str]) -> Answer:
    """Send what is asked with POST, once, and return the answer.

    Raises:
        OSError: when no answer comes.
        HTTPException: when it is none.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    begun = time.monotonic()
    try:
        connection.request("POST", parts.path, asked.body, {"Content-Type": asked.content_type, **headers})
        response = connection.getresponse()
        body = response.read()
        said = response.getheader("Content-Type") or ""
    finally:
        connection.close()
    return Answer(response.status, said, body, time.monotonic() - begun)


def keep_answer(answer: Answer, folder: Path, number: int) -> Path:
    """Write an answer's body into a folder, and return the file."""
    ending = ".json" if answer.media_type == JSON else mimetypes.guess_extension(answer.media_type) or ".bin"
    path = folder / f"answer-{number}{ending}"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(answer.body)
    return path


def show_answer(answer: Answer, file: Path, output: Output) -> None:
    """Show an answer: JSON over several lines, text as it is, both cut when they are long; of others what they are."""
    said = answer.content_type or "no content type"
    output.line(f"{answer.status}  {said}  {size(len(answer.body))}  {seconds(answer.seconds)}")
    for line in shown_body(answer, file):
        output.line(line)


def document_of(answer: Answer, file: Path) -> dict[str, Any]:
    """Return an answer for a program; `content` is what JSON says, or text, or null where it is neither."""
    try:
        content = answer.value
    except ValueError:
        content = answer.text
    return {
        "event": "answer",
        "status": answer.status,
        "content_type": answer.content_type or None,
        "seconds": round(answer.seconds, 3),
        "size": len(answer.body),
        "content": content,
        "file": str(file),
    }


def shown_body(answer: Answer, file: Path) -> list[str]:
    """Return the lines that are shown of a body.

    Args:
        answer: the answer.
        file: where all of it is.
    """
    if not answer.body:
        return ["(the answer is empty)"]
    try:
        text: str | None = json.dumps(answer.value, indent=2, ensure_ascii=False)
    except ValueError:
        text = answer.text
    if text is None:
        return [f"({size(len(answer.body))} that are no text, in {file})"]
    lines = text[:_CHARACTERS].splitlines()
    if len(text) > _CHARACTERS or len(lines) > _LINES:
        return [*lines[:_LINES], f"… (all of it, {size(len(answer.body))}, is in {file})"]
    return lines


def _is_control(character: str) -> bool:
    return ord(character) < ord(" ") and character not in "\t\r\n\f"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text that is too long for a name, or has a NUL in it
        return False
