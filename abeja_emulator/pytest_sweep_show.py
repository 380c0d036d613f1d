"""What a fault sweep shows: how far it has come, the matrices, the page; and what a run of pytest fails for."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.faults.sweep_matrix import MARKS, counted, matrices, text
from abeja_emulator.faults.sweep_page import page
from abeja_emulator.faults.sweep_results import ResultFile
from abeja_emulator.pytest_sweep_limit import Limit
from abeja_emulator.pytest_sweep_settings import ALLOWED, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.faults.sweep_matrix import Matrix
    from abeja_emulator.faults.sweep_verdict import Verdict
    from abeja_emulator.pytest_sweep_settings import SweepSettings

#: Under this name a worker of pytest-xdist is told what it has to know.
TOLD = "abeja_sweep"

#: Seconds between two lines of progress.
_PACE = 10.0

_OUTCOMES = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Show:
    """Shows what a sweep finds, and fails the run for it.

    Args:
        config: of the run.
        settings: of the sweep.

    Attributes:
        file: where all processes put what they find.
    """

    def __init__(self, config: pytest.Config, settings: SweepSettings) -> None:
        self._config = config
        self._settings = settings
        self._own: Path | None = None
        self.file = ResultFile(settings.file or self._kept_by_pytest())
        try:
            self.file.begin(resume=settings.resume)
        except OSError as error:
            message = f"abeja_sweep_file: {self.file.path} cannot be written: {error.strerror}"
            raise pytest.UsageError(message) from error
        if not Limit.works_here():
            message = "--abeja-fault-sweep ends runs that hang by a signal, and needs the main thread of a POSIX system"
            raise pytest.UsageError(message)
        self._shown = now()
        self._over = threading.Event()
        self._watch: threading.Thread | None = None

    def _kept_by_pytest(self) -> Path:
        cache = getattr(self._config, "cache", None)
        if cache is not None:
            return Path(cache.mkdir("abeja_sweep")) / "runs.jsonl"
        if self._settings.resume:
            message = "--abeja-sweep-resume needs pytest's cache, which is switched off, or --abeja-sweep-file FILE"
            raise pytest.UsageError(message)
        self._own = Path(tempfile.mkdtemp(prefix="abeja-sweep-"))
        self._config.add_cleanup(lambda: shutil.rmtree(str(self._own), ignore_errors=True))
        return self._own / "runs.jsonl"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where to put what it finds, and what it may cost; watch what comes."""
        budget, workers = self._settings.budget, node.workerinput["workercount"]
        node.workerinput[TOLD] = {
            "file": str(self.file.path),
            "runs": None if budget.runs is None else -(-budget.runs // workers),
            "until": budget.until,
        }
        if self._watch is None:
            self._watch = threading.Thread(target=self._look_now_and_then, name="abeja-emulator-sweep", daemon=True)
            self._watch.start()

    def _look_now_and_then(self) -> None:
        while not self._over.wait(_PACE):
            self.note()

    def note(self) -> None:
        """Show how far the sweep has come, when it was not shown for a while."""
        if now() - self._shown < _PACE - 1:
            return
        self._shown = now()
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        found = matrices(self.file.lines())
        if reporter is None or not found:
            return
        done = sum(len(matrix.results) for matrix in found)
        planned = done + sum(matrix.left_out for matrix in found)
        bad = [MARKS[result.verdict] for matrix in found for result in matrix.bad()]
        what = f", {len(bad)} bad ({', '.join(sorted(set(bad)))})" if bad else ""
        reporter.ensure_newline()
        reporter.write_line(f"sweep: {done} of {planned} runs{what}; {found[-1].test}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run for what was found, and write the page."""
        self._over.set()
        if self._watch is not None:
            self._watch.join()
        found = matrices(self.file.lines())
        if self._blamed(found) and session.exitstatus in _OUTCOMES:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        path = self._settings.page
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page(found), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the matrices."""
        found = matrices(self.file.lines())
        if not found:
            return
        terminalreporter.section("fault sweep")
        whole = terminalreporter.config.get_verbosity() > 0
        for line in text(found, whole=whole):
            terminalreporter.line(line)
        blamed, left = self._blamed(found), sum(matrix.left_out for matrix in found)
        if left:
            terminalreporter.line(f"{counted(left, 'run')} did not happen; --abeja-sweep-resume goes on with them")
        if blamed:
            allow = ",".join(word for word, verdict in ALLOWED.items() if verdict in blamed)
            failed = sum(result.verdict in blamed for matrix in found for result in matrix.bad())
            terminalreporter.line(
                f"sweep: {failed} failed ({', '.join(verdict.value for verdict in blamed)}); if that may be: "
                f"--abeja-sweep-allow {allow}"
            )
        if self._settings.page is not None:
            terminalreporter.line(f"all of it: {self._settings.page}")

    def _blamed(self, found: Sequence[Matrix]) -> list[Verdict]:
        """Return for what the run fails."""
        there = {result.verdict for matrix in found for result in matrix.bad()}
        return [verdict for verdict in ALLOWED.values() if verdict in there and verdict not in self._settings.allowed]
