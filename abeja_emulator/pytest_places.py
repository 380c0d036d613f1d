"""Where a test's files are looked for: near the test, then in the folders of fixtures, then among our samples."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.seeding import samples_folder

if TYPE_CHECKING:
    import pytest


class Places:
    """The places in which a test's files are looked for.

    Args:
        config: of the run.
        test_file: file of the test.

    Attributes:
        folders: from the test's own up to the root of the run, and where pytest was started.
    """

    def __init__(self, config: pytest.Config, test_file: Path) -> None:
        root = config.rootpath
        own = list(test_file.parents)
        nearest = own[: own.index(root) + 1] if root in own else own[:1]
        self.folders = list(dict.fromkeys([*nearest, root, config.invocation_params.dir]))
        self._names: list[str] = config.getini("abeja_fixtures")

    def find(self, source: Any) -> Any:
        """Return the file or folder that a path means; what is no path is returned as it is.

        Raises:
            FileNotFoundError: when there is none; it says where was looked and what is there.
        """
        __tracebackhide__ = True
        if not isinstance(source, (str, Path)):
            return source
        places = [place / name for place in self.folders for name in ("", *self._names)]
        for place in [*places, samples_folder()]:
            if (place / source).exists():
                return place / source
        beside = ", ".join(f"{name}/{source}" for name in self._names)
        known = sorted({entry.name for place in places[1:] if place.is_dir() for entry in _data(place)})
        samples = [entry.name for entry in _data(samples_folder())]
        near = get_close_matches(str(source), [*known, *samples], 1)
        message = (
            f"there is no {str(source)!r}, nor {beside}, in {', '.join(map(str, self.folders))}; "
            f"sample data is called {', '.join(samples)}"
        )
        if known:
            message += f"; what is there: {', '.join(known[:_NAMED])}"
        if near:
            message += f"; did you mean {near[0]!r}?"
        raise FileNotFoundError(message)

    def find_folder(self, source: Any) -> Path:
        """Return the folder that a path means.

        Raises:
            FileNotFoundError: when there is nothing of that name.
            NotADirectoryError: when it is something else.
        """
        folder = Path(self.find(source))
        if not folder.is_dir():
            message = f"source={str(source)!r} is {folder}, which is no folder"
            raise NotADirectoryError(message)
        return folder


#: More names than these help nobody.
_NAMED = 20

_NO_DATA = ("handlers", "tests")


def _data(folder: Path) -> list[Path]:
    """Return what may be a dataset: folders and files of items, none of them hidden or of Python."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if (entry.is_dir() or entry.suffix in {".json", ".yaml", ".yml"})
        and entry.name[0] not in "._"
        and entry.name not in _NO_DATA
    )
