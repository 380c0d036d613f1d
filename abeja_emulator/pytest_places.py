"""Where a test's files are looked for: near the test, then in the folders of fixtures, then among our samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.finding import advice, find, find_data, places_in, shortened

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
        self._places = places_in(self.folders, self._names)

    def find(self, source: Any) -> Any:
        """Return the file or folder that a path means; what is no path is returned as it is.

        Raises:
            SeedError: when the path means a folder that the test itself is in, as an empty one does.
            FileNotFoundError: when there is none; it says where was looked and what is there.
        """
        __tracebackhide__ = True
        if not isinstance(source, (str, Path)):
            return source
        found = find_data(source, self._places, "the test")
        if found is None:
            raise FileNotFoundError(self._nowhere(source))
        return found

    def find_folder(self, source: Any) -> Path:
        """Return the folder that a path means; `.` is the test's own.

        Raises:
            FileNotFoundError: when there is nothing of that name.
            NotADirectoryError: when it is something else.
            TypeError: when it is no path.
            ValueError: when it is empty.
        """
        __tracebackhide__ = True
        if not isinstance(source, (str, Path)):
            message = f"source is the name or path of a folder, not {source!r}"
            raise TypeError(message)
        if source == "":
            message = "source='' names no folder; '.' is the folder of the test"
            raise ValueError(message)
        folder = find(source, self._places)
        if folder is None:
            raise FileNotFoundError(self._nowhere(source))
        if not folder.is_dir():
            message = f"source={str(source)!r} is {folder}, which is no folder"
            raise NotADirectoryError(message)
        return folder

    def _nowhere(self, source: str | Path) -> str:
        name = shortened(source)
        beside = ", ".join(f"{folder}/{name}" for folder in self._names)
        where = ", ".join(map(str, self.folders))
        return f"there is no {name!r}, nor {beside}, in {where}; {advice(source, self._places[1:])}"
