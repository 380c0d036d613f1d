"""Bodies that are not JSON: what an operation sees of an upload, a download, a multipart form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Union

from abeja_emulator.wire.messages import Response

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

    def response(self) -> Response:
        """Return the answer."""
        kind = [("Content-Type", self.content_type)] if self.content_type else []
        return Response(200, [*kind, ("Content-Length", str(self.size))], self.content)


@dataclass(frozen=True)
class Empty:
    """No content, as an object store answers a PUT."""

    def response(self) -> Response:
        """Return the answer."""
        return Response(200, [("Content-Length", "0")])


@dataclass(frozen=True)
class Later:
    """An answer that is made once the state is let go: it takes its time, or calls the platform itself.

    Attributes:
        make: returns the answer; it may raise a `PlatformError`.
    """

    make: Callable[[], Response]


@dataclass(frozen=True)
class Multipart:
    """The shape of a form: which part holds a file, which holds JSON.

    Attributes:
        file: name of the part that holds the file.
        parameters: type of the JSON in the part `parameters`.
        encoded: name of the field that holds the file in base64 where a client sends JSON instead of a form, as the
            first SDKs do; empty where none does.
    """

    file: str
    parameters: Any
    encoded: str = ""


@dataclass(frozen=True)
class Form:
    """A form a client sent: its file and its parameters, validated."""

    file: Upload
    parameters: Any

    def close(self) -> None:
        """Let go of the file, unless somebody has kept it."""
        self.file.close()


@dataclass(frozen=True)
class FilesForm:
    """The shape of a form that is nothing but files: the names of its parts."""

    names: tuple[str, ...]


class Files(dict[str, Upload]):
    """The files a client sent, by the names of their parts."""

    def close(self) -> None:
        """Let go of those that nobody has kept."""
        for upload in self.values():
            upload.close()
