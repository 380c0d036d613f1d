"""Bodies that are not JSON: what an operation sees of an upload, a download, a multipart form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Union

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Body


@dataclass(frozen=True)
class Upload:
    """Raw bytes a client sent.

    Attributes:
        content: the bytes.
        size: how many.
        content_type: media type as the client named it, or None when it named none.
        metadata: `x-abeja-meta-*` headers, names lower-cased but otherwise as sent (still
            percent-encoded), with their prefix.
        file_name: name of the file, of a part of a form.
    """

    content: Body
    size: int
    content_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None

    def close(self) -> None:
        """Let go of the bytes; a file that nobody keeps goes with them."""
        if not isinstance(self.content, bytes):
            self.content.close()


@dataclass(frozen=True)
class Download:
    """Raw bytes the platform answers with."""

    content: Union[bytes, BinaryIO]
    size: int
    content_type: str | None


@dataclass(frozen=True)
class Multipart:
    """The shape of a form: which part holds a file, which holds JSON.

    Attributes:
        file: name of the part that holds the file.
        parameters: type of the JSON in the part `parameters`.
    """

    file: str
    parameters: Any


@dataclass(frozen=True)
class Form:
    """A form a client sent: its file and its parameters, validated."""

    file: Upload
    parameters: Any
