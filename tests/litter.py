"""What tests leave in the folder for temporary files: named with the test, and a failure of the run."""

from __future__ import annotations

import os
import shutil
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

#: What the emulator makes begins with it; what else comes there, libraries have to answer for.
OURS = "abeja-emulator-*"

#: Where pytest keeps the folders of tests; without it, in the folder for temporary files.
KEPT = "PYTEST_DEBUG_TEMPROOT"

#: When the folder goes at the end of the process; that of multiprocessing goes at -100.
LAST = -1000

#: Key of what a worker of pytest-xdist tells.
LEFT = "litter"


class Litter:
    """Gives this process a folder for temporary files of its own, and looks into it after each test.

    What a test makes for others may go after them; what is still there at the end of the run is litter.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._before = {name: os.environ.get(name) for name in (KEPT, "TMPDIR")}
        # Not in the folder of the process that started this one: the path of a socket must be short.
        parent = os.environ.setdefault(KEPT, tempfile.gettempdir())
        self._folder = Path(tempfile.mkdtemp(prefix="aet-", dir=parent))
        os.environ["TMPDIR"] = tempfile.tempdir = str(self._folder)
        self._made_by: dict[Path, str] = {}
        self._left: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note what is there after a test and was not before."""
        done = yield
        for path in self._folder.glob(OURS):
            self._made_by.setdefault(path, item.nodeid)
        return done

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker tells."""
        self._left += getattr(node, "workeroutput", {}).get(LEFT, [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail when something is left."""
        for path in sorted(self._folder.glob(OURS)):
            inside = ", ".join(sorted(str(each.relative_to(path)) for each in path.rglob("*"))[:5]) or "nothing"
            self._left.append(f"{self._made_by.get(path, 'no test')} left {path.name} with {inside}")
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[LEFT] = self._left
        elif self._left and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what is left, and who left it."""
        if self._left:
            terminalreporter.section("left in the folder for temporary files", red=True)
            terminalreporter.write_line(
                "close what makes it: a Platform, Server or Emulation, or end a process that has one"
            )
            for line in self._left:
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Remove the folder, and put back where temporary files go."""
        tempfile.tempdir = None
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        # Not at once: multiprocessing has a folder there too, removes that last of all, and complains when it has gone.
        Finalize(None, shutil.rmtree, (self._folder, True), exitpriority=LAST)
