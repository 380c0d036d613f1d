"""Folders in which a run has kept what its job has left: marked, so that they are known again."""

from __future__ import annotations

from pathlib import Path

from abeja_emulator.runtime.source_folders import KEPT

#: Folder of what jobs have left, in the working directory.
RESULTS = "abeja-results"

#: Folder of the job's own files, in one that is kept.
RESULT = "result"


def is_kept(folder: Path) -> bool:
    """Return whether a folder is one that a run has kept."""
    return (folder / KEPT).is_file()


def newest_result() -> Path | None:
    """Return the result of the last run that was kept where it is by default, or None."""
    found = [place / RESULT for place in sorted(Path(RESULTS).glob("*")) if is_kept(place)]
    return next((result for result in reversed(found) if result.is_dir() and any(result.iterdir())), None)
