"""What a path that a person wrote means: near a file of theirs, then among our samples."""

from __future__ import annotations

import errno
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A longer text is no path that anybody wrote; so much of it is shown then.
_LONGEST = 200
_BEGINNING = 80

#: More names than these help nobody.
_NAMED = 20

#: Folders beside data that hold none.
_NO_DATA = ("abeja-results", "fixtures", "handlers", "tests")

#: Folders beside a test, and in the working directory of a command, that hold data.
FIXTURES = ("fixtures",)


def find_data(source: str | Path, places: Iterable[Path], whose: str) -> Path | None:
    """Return the folder or file of items that a path means, in one of the places or among the samples.

    Args:
        source: the path.
        places: folders that a relative path may start from; the first one that has it wins.
        whose: what has the path in it, "the test".

    Raises:
        SeedError: when the path is empty or only leads upwards: then it means a folder with `whose` in it.
    """
    from abeja_emulator.seeding import SeedError  # noqa: PLC0415 - a run that seeds nothing does not pay

    path = Path(source)
    if not path.anchor and all(part == ".." for part in path.parts):
        message = (
            f"{str(source)!r} names no data, only a folder that {whose} is in; name a folder or a file of items, "
            f"such as {_samples()[0]!r}"
        )
        raise SeedError(message)
    return find(path, places)


def places_in(folders: Iterable[Path], names: Iterable[str] = FIXTURES) -> list[Path]:
    """Return the places that a relative path may start from: each of the folders, and then what holds data in it."""
    names = tuple(names)
    return [folder / name for folder in folders for name in ("", *names)]


def find(path: str | Path, places: Iterable[Path]) -> Path | None:
    """Return what a path means in the first of the places that has it, or among the samples."""
    return next((place / path for place in [*places, _samples_folder()] if exists(place / path)), None)


def advice(source: str | Path, places: Iterable[Path] = ()) -> str:
    """Return what to say when nothing was found: what sample data is called, what is there, what may be meant."""
    known = sorted({name for place in places if place.is_dir() for name in data_names(place)})
    sentence = f"sample data is called {', '.join(_samples())}"
    if known:
        sentence += f"; what is there: {', '.join(known[:_NAMED])}"
    near = get_close_matches(str(source), [*known, *_samples()], 1)
    return f"{sentence}; did you mean {near[0]!r}?" if near else sentence


def data_names(folder: Path) -> list[str]:
    """Return the names of what may be a dataset: folders and files of items, none of them hidden or of Python."""
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if (entry.is_dir() or entry.suffix in {".csv", ".json", ".jsonl", ".yaml", ".yml"})
        and entry.name[0] not in "._"
        and entry.name not in _NO_DATA
    )


def exists(path: Path) -> bool:
    """Tell whether there is something at `path`; there is nothing of a name too long for any disk."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def shortened(source: object) -> str:
    """Return what was given as a path, as it is shown: the beginning of one that is far too long."""
    text = str(source)
    return text if len(text) <= _LONGEST else f"{text[:_BEGINNING]}… ({len(text)} characters)"


def _samples() -> list[str]:
    return data_names(_samples_folder())


def _samples_folder() -> Path:
    from abeja_emulator.seeding import samples_folder  # noqa: PLC0415 - the same

    return samples_folder()
