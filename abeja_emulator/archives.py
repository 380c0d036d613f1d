"""Source archives and result archives: told apart by content, unpacked without leaving their folder."""

from __future__ import annotations

import io
import ntpath
import os
import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

try:
    from lzma import LZMAError
except ImportError:  # pragma: no cover - a Python built without it reads none of these archives
    LZMAError = EOFError  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Body

#: Bytes an archive may unpack to, all files together. No number is known. Evidence: inferred.
UNPACKED_LIMIT = 4 * 1024**3

#: Bytes copied at once.
PIECE = 1024 * 1024

#: What reading a damaged archive raises: the readers let much through that their decoders raise.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)

#: Kinds of members that are unpacked: files, folders, and those of which nothing is noted.
_KINDS = {0, stat.S_IFREG, stat.S_IFDIR}


class ArchiveError(ValueError):
    """An archive that is damaged, is none at all, or wants to write where it must not."""


def check_archive(body: Body) -> None:
    """Check that `body` is a zip or tar archive whose members all stay inside their folder.

    Raises:
        ArchiveError: when it is not.
    """
    for _ in _members(_stream(body)):
        pass


def unpack(body: Body, folder: Path) -> None:
    """Unpack a zip, tar or tar.gz archive, told apart by content as the runner does.

    Raises:
        ArchiveError: when it is damaged, a member leaves the folder, is a link or device, is a file
            where another needs a folder, or the whole is larger than `UNPACKED_LIMIT`. Nothing
            outside the folder is written then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = UNPACKED_LIMIT
    for name, mode, content in _members(_stream(body)):
        target = folder.joinpath(*PurePosixPath(name).parts)
        try:
            if content is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                for piece in _pieces(content):
                    left -= len(piece)
                    if left < 0:
                        message = f"the archive unpacks to more than {UNPACKED_LIMIT} bytes"
                        raise ArchiveError(message)
                    file.write(piece)
            # Archives made by ZipFile.writestr carry mode 0600 or none at all.
            target.chmod(0o644 | (mode & 0o111))
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise ArchiveError(_refusal(name, "is a file in one place and a folder in another")) from error


def pack(folder: Path) -> bytes | None:
    """Return a zip of every file below `folder`, names relative to it; None when there is none.

    The layout opens again unchanged, sub-folders included: model handlers open
    `$ABEJA_TRAINING_RESULT_DIR/model.h5` directly (public templates).
    """
    buffer = io.BytesIO()
    count = 0
    # Zip knows no time before 1980, which reproducible builds like to give.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, _as_text(path.relative_to(folder).as_posix()))
                count += 1
    return buffer.getvalue() if count else None


def _as_text(name: str) -> str:
    """Return a name that a zip can hold: one that is no UTF-8 has U+FFFD where it cannot be read."""
    return os.fsencode(name).decode("utf-8", "replace")


def _stream(body: Body) -> BinaryIO:
    if isinstance(body, bytes):
        return io.BytesIO(body)
    body.seek(0)
    return body


def _members(stream: BinaryIO) -> Iterator[tuple[str, int, BinaryIO | None]]:
    """Yield (name, mode, content) of each member; content is None for a folder."""
    with _reading():
        # A tar may end with a zip inside it, which is_zipfile finds; the runner looks for a tar first, too.
        is_zip = not tarfile.is_tarfile(stream) and zipfile.is_zipfile(stream)
        stream.seek(0)
        yield from _zip_members(stream) if is_zip else _tar_members(stream)


def _pieces(content: BinaryIO) -> Iterator[bytes]:
    while True:
        with _reading():
            piece = content.read(PIECE)
        if not piece:
            return
        yield piece


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except _DAMAGE as error:
        # Of what is no archive at all tarfile tells in several lines what each way to open it has said.
        why = "" if "\n" in str(error) else f": {error}"
        message = f"the archive is damaged, or neither zip nor tar nor tar.gz{why}"
        raise ArchiveError(message) from error


def _zip_members(stream: BinaryIO) -> Iterator[tuple[str, int, BinaryIO | None]]:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in _KINDS:
                raise ArchiveError(_refusal(member.filename, "is a link or a device"))
            # And not is_dir, which stumbles over an empty name before Python 3.11.
            is_folder = member.filename.endswith("/")
            name = _inside(member.filename, folder=is_folder)
            yield name, mode, None if is_folder else archive.open(member)  # type: ignore[misc]


def _tar_members(stream: BinaryIO) -> Iterator[tuple[str, int, BinaryIO | None]]:
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for member in archive:
            if not (member.isfile() or member.isdir()):
                raise ArchiveError(_refusal(member.name, "is a link or a device"))
            name = _inside(member.name, folder=member.isdir())
            yield name, member.mode, archive.extractfile(member)  # type: ignore[misc]
        # tarfile takes a header it cannot read for the end, and says nothing.
        stream_of_tar = archive.fileobj
        if stream_of_tar is not None:
            stream_of_tar.seek(archive.offset)
            if stream_of_tar.read(tarfile.BLOCKSIZE).strip(b"\0"):
                message = "a header in its middle cannot be read"
                raise tarfile.ReadError(message)


def _inside(name: str, *, folder: bool) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ntpath.splitdrive(name)[0]:
        raise ArchiveError(_refusal(name, "would be written outside its folder"))
    if "\0" in name or not (folder or path.parts):
        raise ArchiveError(_refusal(name, "has no name a file can have"))
    return name


def _refusal(name: str, why: str) -> str:
    return f"the archive is refused: member {name!r} {why}"
