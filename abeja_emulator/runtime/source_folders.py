"""The archive that is made of a source folder, as it is uploaded: without what is no source."""

from __future__ import annotations

import io
import os
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Folders that hold no source and may be large.
SKIPPED = (
    ".git",
    ".hg",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "__pycache__",
    "node_modules",
)

#: Marks a folder in which a run has kept what jobs have left.
KEPT = ".abeja-emulator-kept"

#: A folder with a file of such a name is a virtual environment, or what a run has kept, whatever it is called.
MARKS = ("pyvenv.cfg", KEPT)

_SENTENCE = "abeja-emulator has kept here what a job has left; this file keeps the folder out of source archives.\n"


def mark_kept(folder: Path) -> None:
    """Mark a folder in which something is kept."""
    (folder / KEPT).write_text(_SENTENCE, encoding="utf-8")


class SourceError(ValueError):
    """A source folder of which no archive can be made."""


def pack_source(folder: Path, patterns: Iterable[str] = (), left_out: Iterable[Path] = ()) -> bytes:
    """Return a zip of a source folder.

    Args:
        folder: the folder.
        patterns: of names, or of paths in the folder, that are left out.
        left_out: files and folders that are left out too.

    Raises:
        SourceError: when nothing is left.
    """
    patterns, real = tuple(patterns), {place.resolve() for place in left_out}
    buffer = io.BytesIO()
    # Zip knows no time before 1980, which reproducible builds like to give.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path, inside in _files(folder, patterns, real):
            archive.write(path, inside)
        empty = not archive.namelist()
    if empty:
        message = f"the source folder {folder} holds no files; name the folder that your handler is in"
        raise SourceError(message)
    return buffer.getvalue()


def _files(folder: Path, patterns: tuple[str, ...], left_out: set[Path]) -> Iterator[tuple[Path, str]]:
    for name, folders, files in os.walk(folder):
        place = Path(name)
        inside = place.relative_to(folder)
        kept = (each for each in folders if _is_kept(place, inside, each, patterns, left_out))
        folders[:] = sorted(each for each in kept if not any((place / each / mark).is_file() for mark in MARKS))
        for each in sorted(files):
            if _is_kept(place, inside, each, patterns, left_out) and (place / each).is_file():
                yield place / each, (inside / each).as_posix()


def _is_kept(place: Path, inside: Path, name: str, patterns: tuple[str, ...], left_out: set[Path]) -> bool:
    path = (inside / name).as_posix()
    if name in SKIPPED or any(fnmatch(each, pattern) for pattern in patterns for each in (name, path)):
        return False
    return not left_out or (place / name).resolve() not in left_out
