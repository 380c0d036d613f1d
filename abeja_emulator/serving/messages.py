"""What a model is asked and what it answers, between HTTP or a run on one side and a runtime on the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Body

#: Seconds in which a model has to answer (runner, proxy/httpserver.go).
TIMEOUT = 30.0


def checked_timeout(seconds: Any) -> float:
    """Return the seconds that a model has for an answer.

    Raises:
        ValueError: when they are no time that can pass.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        message = f"the time that a model has for an answer is {seconds!r}; it must be a number of seconds over 0"
        raise ValueError(message)
    return float(seconds)


def timeout_of(text: str) -> float:
    """Return the seconds that a model has for an answer, as somebody wrote them.

    Raises:
        ValueError: when they are none.
    """
    try:
        seconds = float(text)
    except ValueError:
        message = f"{text!r} is no number of seconds, such as 2.5"
        raise ValueError(message) from None
    return checked_timeout(seconds)


@dataclass(frozen=True)
class ModelContent:
    """One content of a request: its body, or a part of a form.

    Attributes:
        body: the bytes, at hand or as a stream that is read from its start.
        content_type: media type, or None when nobody named one.
        metadata: of a file of the datalake, `x-abeja-meta-*`; None where there is none.
        file_name: of a part of a form.
        form_name: of a part of a form.
    """

    body: Body
    content_type: str | None = None
    metadata: dict[str, str] | None = None
    file_name: str | None = None
    form_name: str | None = None


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked.

    Attributes:
        method: upper-case method of HTTP.
        content_type: media type of the whole.
        headers: name in lower case and its values, sorted by name (runner, convert/converter.go).
        contents: none, one, or one for each part of a form.
    """

    method: str
    content_type: str
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    contents: tuple[ModelContent, ...] = ()


@dataclass(frozen=True)
class ModelAnswer:
    """What a model has answered.

    Attributes:
        status: status code of HTTP.
        content_type: media type, or None when the runtime named none.
        metadata: further headers of the response, names as the handler wrote them.
        body: the bytes.
        error: why there is no answer of the handler, in the runtime's words; None when there is one.
    """

    status: int = 200
    content_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: str | None = None


class ModelGone(RuntimeError):
    """Contact with a model was lost, or it took too long; the text says which."""


class Model(Protocol):
    """Model code that is ready to answer, one request at a time."""

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Ask, and return the answer.

        Args:
            request: its streams are read and left open.
            timeout: seconds by the Platform's clock; None for no end.

        Raises:
            ModelGone: when no answer came.
        """

    def close(self) -> None:
        """End the model; it answers no more."""
