"""What a sweep has found, in a file that grows by a line a run: for other processes, and for a later sweep."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Union

import msgspec

from abeja_emulator.faults.sweep_verdict import Verdict  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Folders in which no code of a project is.
_FOREIGN = {"__pycache__", "build", "dist", "node_modules", "site-packages"}


class Base(msgspec.Struct, kw_only=True, tag="base"):
    """The run of a test without a fault.

    Attributes:
        test: node id.
        seconds: how long it took.
        limit: seconds after which a run counts as hanging.
        calls: the places of its calls, in order.
        columns: what goes wrong in the sweep.
        planned: how many runs there are, of the process that says so.
        left_out: how many of them did not happen; it is said once more at the end.
        why: why they did not, or why there is no sweep of this test.
        part: number of the process's part, from 0.
    """

    test: str
    seconds: float = 0.0
    limit: float = 0.0
    calls: list[str] = []
    columns: list[str] = []
    planned: int = 0
    left_out: int = 0
    why: str = ""
    part: int = 0


class Result(msgspec.Struct, kw_only=True, tag="run"):
    """One run with a fault.

    Attributes:
        test: node id.
        place: operation of the call, or its method and path.
        nth: number of the call among those of its place.
        column: what goes wrong.
        line: the fault as a line.
        verdict: how the test has met it.
        why: what was raised, or is there twice.
        seconds: how long it took.
        code: of what code it is.
        kept: whether an earlier sweep has found it.
    """

    test: str
    place: str
    nth: int
    column: str
    line: str
    verdict: Verdict
    why: str = ""
    seconds: float = 0.0
    code: str = ""
    kept: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """By what it is known in another sweep."""
        return self.code, self.test, self.column, self.line


Line = Union[Base, Result]


class ResultFile:
    """The file, which several processes may write at once.

    Args:
        path: of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Line).decode

    def begin(self, *, resume: bool) -> None:
        """Begin a sweep: with nothing, or with what earlier ones have found, which is beside it from now on.

        Raises:
            OSError: when it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        found = {}
        if resume:
            found = {
                each.key: each
                for path in (self._earlier, self.path)
                for each in self._read(path)
                if isinstance(each, Result)
            }
        self._earlier.write_bytes(b"".join(self._encode(each) + b"\n" for each in found.values()))
        self.path.write_bytes(b"")

    @property
    def _earlier(self) -> Path:
        return self.path.with_name(f"{self.path.name}.earlier")

    def earlier(self) -> dict[tuple[str, str, str, str], Result]:
        """Return what earlier sweeps have found, when this one goes on with it."""
        return {each.key: each for each in self._read(self._earlier) if isinstance(each, Result)}

    def add(self, line: Line) -> None:
        """Add a line, whole, behind whatever others add."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, self._encode(line) + b"\n")
        finally:
            os.close(descriptor)

    def lines(self) -> list[Line]:
        """Return what this sweep has found so far."""
        return self._read(self.path)

    def _read(self, path: Path) -> list[Line]:
        """Return the lines of a file; one that somebody was killed in is left out."""
        found: list[Line] = []
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return found
        for line in content.splitlines():
            with suppress(msgspec.MsgspecError):
                found.append(self._decode(line))
        return found


def code_of(folder: Path, version: str, also: Iterable[Path] = ()) -> str:
    """Return a text that changes with any Python file of a project, and with the version of this package."""
    digest = hashlib.blake2b(version.encode(), digest_size=12)
    for path in sorted({*_sources(folder), *also}):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        digest.update(f"{path} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(folder: Path) -> Iterable[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _FOREIGN and not (Path(where) / name / "pyvenv.cfg").exists()
        ]
        yield from (Path(where) / name for name in names if name.endswith(".py"))
