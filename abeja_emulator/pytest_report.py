"""What a test run shows: takes down each test, and makes of that a summary, sections and a page."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import warnings
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, TextIO, cast

import pytest

from abeja_emulator.archives import ArchiveError, unpack
from abeja_emulator.report.page import page
from abeja_emulator.report.progress import Progress
from abeja_emulator.report.recorder import Recorder
from abeja_emulator.report.records import TestRecord, pack
from abeja_emulator.report.records import unpack as unpack_record
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.report.summary import section, summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from abeja_emulator.emulation import Emulation

#: Heading of the summary and of the sections.
TITLE = "ABEJA Platform"

#: Under this name a report carries what was taken down of its test, also from a worker of pytest-xdist.
ATTRIBUTE = "abeja_emulator"

#: Names of files have at most 255 bytes.
_LONGEST = 200

_NOTES = pytest.StashKey["Notes"]()


class Notes:
    """What is taken down of one test.

    Args:
        emulation: what the test has to do with.
        keep: folder to keep the jobs of the test in, or None.
    """

    def __init__(self, emulation: Emulation, keep: Path | None) -> None:
        self._emulation = emulation
        self._keep = keep
        self._recorder = Recorder(emulation.platform, (emulation.job.training_job_id, emulation.result_dir))
        self._refused_before = len(emulation.refused)
        self._stack = ExitStack()
        self.failed = False

    def show_progress(self, config: pytest.Config) -> None:
        """Show on a terminal how far a long job has come, until the test is taken down."""
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = config.pluginmanager.get_plugin("capturemanager")
        if reporter is None or capture is None or not reporter.isatty:
            return
        terminal = config.get_terminal_writer()
        progress = Progress(self._emulation.platform, cast("TextIO", terminal), capture.global_and_fixture_disabled)
        self._stack.enter_context(self._emulation.platform.journal.told(progress.note))
        self._stack.callback(progress.end)

    def take_down(self, report: pytest.TestReport) -> None:
        """Take down what the test did, once it was called or could not be; add a section when it failed."""
        self.failed = self.failed or report.failed
        if type(report) is not pytest.TestReport:  # a subtest; its test is taken down when it has ended
            return
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        self._stack.close()
        record = self._recorder.record(report.nodeid, self.refused())
        if not (record.jobs or record.calls_in_all or record.refused_hosts):
            return
        record.outcome = "error" if report.when == "setup" and report.failed else report.outcome
        setattr(report, ATTRIBUTE, pack(record))
        if report.failed:
            report.sections.append((TITLE, section(record)))
        if self._keep is not None:
            try:
                with _real_disk():
                    self._keep_jobs(self._keep / _as_file_name(report.nodeid), record)
            except OSError as error:
                warnings.warn(f"the jobs of {report.nodeid} could not be kept: {error}", stacklevel=1)

    def refused(self) -> list[str]:
        """Return the calls of this test to hosts that are not emulated, one sentence each."""
        return [
            f"refused {call}: the host is neither emulated nor allowed; if it is needed: --abeja-allow-host {call.host}"
            for call in self._emulation.refused[self._refused_before :]
        ]

    def complaint(self) -> str:
        """Return why a test that went well so far has to fail, or an empty text.

        Where a machine without a network is played, a handler that lives with its errors is right.
        """
        return "" if self.failed or self._emulation.offline else "\n".join(self.refused())

    def _keep_jobs(self, folder: Path, record: TestRecord) -> None:
        look = self._emulation.platform.look
        redact = Redaction(self._emulation.platform.secrets())
        for job in record.jobs:
            place = folder / job.id
            # Ids repeat from run to run; what an earlier one left is not this job's.
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            lines = [redact(line.message) for line in look.log(job.id)]
            (place / "log.txt").write_text("\n".join(lines), encoding="utf-8")
            (place / "statistics.json").write_text(json.dumps(job.statistics, indent=2), encoding="utf-8")
            if look.job(job.id).artifact is not None:
                try:
                    unpack(look.result(job.id), place / "result")
                except ArchiveError:
                    (place / "result.bin").write_bytes(look.result(job.id))


def begin(item: pytest.Item, emulation: Emulation, keep: Path | None) -> None:
    """Take down from now on what a test does."""
    notes = item.stash[_NOTES] = Notes(emulation, keep)
    notes.show_progress(item.config)


def take_down(item: pytest.Item, report: pytest.TestReport) -> None:
    """Take down one phase of a test, if anything is taken down of it."""
    notes = item.stash.get(_NOTES, None)
    if notes is not None:
        notes.take_down(report)


def fail_for_refused(item: pytest.Item) -> None:
    """Fail a test that called a host that is neither emulated nor allowed, unless it has failed already.

    The handler may have swallowed the error, as the SDK does for statistics.
    """
    notes = item.stash.get(_NOTES, None)
    complaint = "" if notes is None else notes.complaint()
    if complaint:
        pytest.fail(complaint, pytrace=False)


def lines(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the summary of a run."""
    return summary([unpack_record(record) for record in records])


def write_page(records: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the report page of a run."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page([unpack_record(record) for record in records]), encoding="utf-8")
    except OSError as error:
        warnings.warn(f"the report page could not be written: {error}", stacklevel=1)


def _real_disk() -> AbstractContextManager[object]:
    """Return what puts the real disk back while it is entered, where a test has a fake one of pyfakefs."""
    module: Any = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    patcher = None if module is None else module.Patcher.PATCHER
    return nullcontext() if patcher is None else module.Pause(patcher)


def _as_file_name(node_id: str) -> str:
    """Return a name for the folder of a test; two tests never share one."""
    name = re.sub(r"[^\w.\-\[\]]+", "_", node_id)
    if name == node_id.replace("::", "_") and len(name.encode()) < _LONGEST:
        return name
    return f"{name[: _LONGEST // 4]}-{hashlib.sha256(node_id.encode()).hexdigest()[:8]}"
