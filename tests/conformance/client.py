"""The real command line client as a process, and what a test checks of what it says."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.conformance.witnesses import note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from abeja_emulator.wire.journal import Journal

#: A command, and no option or value.
_COMMAND = re.compile(r"[a-z][a-z-]+")

#: Seconds; nothing that works takes so long.
PATIENCE = 120


@dataclass(frozen=True)
class Said:
    """What a command said.

    Attributes:
        out: its standard output.
        error: its standard error.
    """

    out: str
    error: str

    @property
    def json(self) -> Any:
        """Its standard output, which is JSON."""
        return json.loads(self.out)


class Abeja:
    """The real command `abeja` in a folder of its own, with nothing in its environment but what is given.

    What it calls is noted for the page of conformance.

    Attributes:
        folder: the working directory.
        home: the home directory; the command writes there.
        variables: the environment; may be changed.
    """

    def __init__(self, program: Path, folder: Path, home: Path, variables: Mapping[str, str], journal: Journal) -> None:
        self._program = program
        self._journal = journal
        self.folder = folder
        self.home = home
        self.variables = {**variables, "HOME": str(home)}

    def __call__(self, *arguments: str, code: int = 0, typed: str = "") -> Said:
        """Run a command, check its exit code, and return what it said."""
        before = self._journal.total
        done = subprocess.run(
            [str(self._program), *arguments],
            cwd=self.folder,
            env=self.variables,
            input=typed,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        called = {entry.operation for entry in self._journal.since(before) if entry.operation and entry.status < 400}
        note("abejacli", ((_name_of(arguments), operation) for operation in called))
        return Said(done.stdout, done.stderr)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file below the working directory."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def _name_of(arguments: Sequence[str]) -> str:
    """Return a command without its options and their values: `training create-job`."""
    return " ".join(itertools.takewhile(_COMMAND.fullmatch, arguments[:2]))


def shows(answer: Mapping[str, Any], record: Any, *names: str, zone: str = "Z") -> None:
    """Check, field by field, that a client was told what is kept; a time is kept without its zone."""
    for name in names:
        kept = getattr(record, name)
        wanted = f"{kept}{zone}" if kept and name.endswith(("_at", "_time")) else kept
        assert answer[name] == wanted, name
