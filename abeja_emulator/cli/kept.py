"""Folders in which a run has kept what its job has left: marked, so that they are known again."""

from __future__ import annotations

from pathlib import Path

#: Folder of what jobs have left, in the working directory.
RESULTS = "abeja-results"

#: Folder of the job's own files, in one that is kept.
RESULT = "result"

_MARK = ".abeja-emulator-kept"
_SENTENCE = "abeja-emulator has kept here what a job has left; this file keeps the folder out of source archives.\n"


def mark(folder: Path) -> None:
    """Mark a folder."""
    (folder / _MARK).write_text(_SENTENCE, encoding="utf-8")


def is_kept(folder: Path) -> bool:
    """Return whether a folder is one that a run has kept."""
    return (folder / _MARK).is_file()


def newest_result() -> Path | None:
    """Return the result of the last run that was kept where it is by default, or None."""
    found = [place / RESULT for place in sorted(Path(RESULTS).glob("*")) if is_kept(place)]
    return next((result for result in reversed(found) if result.is_dir() and any(result.iterdir())), None)
