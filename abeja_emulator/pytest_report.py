"""What a test run shows: takes down each test, and makes of that a summary, sections and a page."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any, TextIO, cast, overload

import pytest

from abeja_emulator.archives import ArchiveError, unpack
from abeja_emulator.pytest_faults import unfired_sentence
from abeja_emulator.report.page import page
from abeja_emulator.report.progress import Progress
from abeja_emulator.report.recorder import Recorder
from abeja_emulator.report.records import TestRecord, pack
from abeja_emulator.report.records import unpack as unpack_record
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.report.summary import section, summary
from abeja_emulator.runtime.runner import EXPORTED_LOG
from abeja_emulator.runtime.source_folders import mark_kept
from abeja_emulator.wire.operations import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.refusals import Refusal
    from abeja_emulator.transports.errors import RefusedCall

#: Heading of the summary and of the sections.
TITLE = "ABEJA Platform"

#: In the place of a test's name, for what happens at an import, in a conftest.py or between tests.
OUTSIDE = "(outside of any test)"

#: Under this name a report carries what was taken down of its test, also from a worker of pytest-xdist.
ATTRIBUTE = "abeja_emulator"

#: Names of files have at most 255 bytes.
_LONGEST = 200

_NOTES = pytest.StashKey["Notes"]()


class Notes:
    """What is taken down of one test.

    Args:
        item: the test.
        emulation: what it has to do with.
        keep: folder to keep its jobs in, or None.

    Attributes:
        expected: whether the test looks at its refused calls itself.
        failed: whether it has failed, or was expected to.
    """

    def __init__(self, item: pytest.Item, emulation: Emulation, keep: Path | None) -> None:
        self._test = item.nodeid
        self._emulation = emulation
        self._keep = keep
        self._recorder = Recorder(emulation.platform, (emulation.job.training_job_id, emulation.result_dir))
        self._later: TestRecord | None = None
        self._refusals: list[Refusal] = []
        self._shown = 0
        self._stack = ExitStack()
        self._outcome = ""
        self._evidence: dict[str, str] = {}
        self._duplicates: list[str] = []
        self.expected = False
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

    def take_down(self, report: pytest.TestReport, *, of_subtest: bool) -> None:
        """Take down what the test did, once it was called or could not be, and then what its teardown did.

        A report of a failure gets a section.
        """
        expected_to_fail = hasattr(report, "wasxfail")
        self.failed = self.failed or report.failed or expected_to_fail
        if of_subtest:  # its test is taken down when it has ended
            return
        if report.when == "setup" and report.passed:
            return
        self._stack.close()
        if report.when == "teardown":
            if not self._emulation.platform.closed:
                self.take_down_rest()
            record, self._later = self._later, None
            record = record or TestRecord(test="")
        else:
            record = self._record()
            self._outcome = "error" if report.when == "setup" and report.failed else report.outcome
            if expected_to_fail:
                self._outcome = "xpassed" if report.passed else "xfailed"
        if not _says_anything(record):
            return
        record.outcome = "error" if report.when == "teardown" and report.failed else self._outcome
        setattr(report, ATTRIBUTE, pack(record))
        if report.failed:
            report.sections.append((TITLE, section(record)))

    def take_down_rest(self) -> None:
        """Take down what a teardown did so far, before the state of a scope is rolled back."""
        if not self._outcome or (self._recorder.is_quiet and not self.new_refusals()):
            return
        record = self._record()
        if self._later is None:
            self._later = record
        else:
            self._later.extend(record)

    def _record(self) -> TestRecord:
        record = self._recorder.record(self._test, [str(refusal) for refusal in self.new_refusals()])
        self._shown = len(self.refusals())
        self._evidence.update(record.evidence)
        if not self._emulation.platform.faults.allow_duplicates:
            self._duplicates = record.duplicates
        if self._keep is not None and record.jobs:
            try:
                with _real_disk():
                    self._keep_jobs(self._keep / _as_file_name(self._test), record)
            except OSError as error:
                warnings.warn(f"the jobs of {self._test} could not be kept: {error}", stacklevel=1)
        return record

    def new_refusals(self) -> list[Refusal]:
        """Return the refused calls of this test that are in no record yet."""
        return self.refusals()[self._shown :]

    def refusals(self) -> list[Refusal]:
        """Return the calls of this test to hosts that are not emulated; those of an earlier test are not among them."""
        self._refusals += self._emulation.refused.take()
        return [refusal for refusal in self._refusals if refusal.left_by is None]

    def left_overs(self) -> list[str]:
        """Return the calls to such hosts that what earlier tests left running made meanwhile, one sentence each."""
        return shown(self._emulation, [refusal for refusal in self._refusals if refusal.left_by is not None])

    def complaint(self) -> str:
        """Return why a test that went well so far has to fail, or an empty text.

        Where a machine without a network is played, a handler that lives with its errors is right.
        """
        if self.failed:
            return ""
        faults = [*self._duplicates, *filter(None, [unfired_sentence(self._emulation.platform)])]
        if self.expected or self._emulation.offline:
            return "\n".join(faults)
        return "\n".join([*shown(self._emulation, self.refusals()), *faults])

    def weakness(self, least: Callable[[], Evidence]) -> str:
        """Return which operations the test called that less is known of than what `least` returns, or an empty text."""
        if self.failed or not self._evidence:
            return ""
        grade = least()
        known = sorted(self._evidence.items())
        weak = [f"{name} ({value})" for name, value in known if Evidence(value).is_weaker_than(grade)]
        return (
            f"the test relies on behaviour that is not known from evidence of the grade {grade.value} or better: "
            f"{', '.join(weak)}; docs/coverage.md says where each is known from. If that is good enough for this "
            'test: @pytest.mark.abeja(min_evidence="inferred")'
            if weak
            else ""
        )

    def _keep_jobs(self, folder: Path, record: TestRecord) -> None:
        look = self._emulation.platform.look
        redact = Redaction(self._emulation.platform.secrets())
        folder.mkdir(parents=True, exist_ok=True)
        mark_kept(folder)
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
                    _redact_file(place / "result" / EXPORTED_LOG, redact)
                except ArchiveError:
                    (place / "result.bin").write_bytes(look.result(job.id))


class RefusedCalls(Sequence["RefusedCall"]):
    """The refused calls of one test so far, oldest first."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def _calls(self) -> list[RefusedCall]:
        return [refusal.call for refusal in self._notes.refusals()]

    def __len__(self) -> int:
        return len(self._calls())

    @overload
    def __getitem__(self, index: int) -> RefusedCall: ...
    @overload
    def __getitem__(self, index: slice) -> list[RefusedCall]: ...
    def __getitem__(self, index: int | slice) -> RefusedCall | list[RefusedCall]:
        return self._calls()[index]

    def __repr__(self) -> str:
        return f"[{', '.join(map(str, self._calls()))}]"


def begin(item: pytest.Item, emulation: Emulation, keep: Path | None) -> None:
    """Take down from now on what a test does."""
    notes = item.stash[_NOTES] = Notes(item, emulation, keep)
    notes.show_progress(item.config)


def take_down(item: pytest.Item, report: pytest.TestReport, *, of_subtest: bool) -> None:
    """Take down one phase of a test, if anything is taken down of it; a subtest is a part of one."""
    notes = item.stash.get(_NOTES, None)
    if notes is not None:
        notes.take_down(report, of_subtest=of_subtest)


def take_down_rest(item: pytest.Item) -> None:
    """Take down what a teardown did so far, before the state of a scope is rolled back."""
    notes = item.stash.get(_NOTES, None)
    if notes is not None:
        notes.take_down_rest()


def expected_refusals(item: pytest.Item) -> RefusedCalls:
    """Return the refused calls of a test, live; the test answers for them itself from now on."""
    notes = item.stash[_NOTES]
    notes.expected = True
    return RefusedCalls(notes)


def left_overs(item: pytest.Item) -> list[str]:
    """Return what earlier tests left running and was refused while a test ran, one sentence each."""
    notes = item.stash.get(_NOTES, None)
    return [] if notes is None else notes.left_overs()


def fail_afterwards(item: pytest.Item, least: Callable[[], Evidence]) -> None:
    """Fail a test that called an unknown host, or relied on what is known too little of, unless it has failed already.

    The handler may have swallowed the error of a refused call, as the SDK does for statistics.

    Args:
        item: the test.
        least: returns the weakest evidence that will do; asked only when something was called.
    """
    notes = item.stash.get(_NOTES, None)
    complaint = "" if notes is None else notes.complaint() or notes.weakness(least)
    if complaint:
        pytest.fail(complaint, pytrace=False)


def shown(emulation: Emulation, refusals: Sequence[Refusal]) -> list[str]:
    """Return refused calls as sentences, without secrets."""
    if not refusals:
        return []
    redact = Redaction(() if emulation.platform.closed else emulation.platform.secrets())
    return [redact(str(refusal)) for refusal in refusals]


def outside_record(refusals: Sequence[str], outcome: str) -> dict[str, Any]:
    """Return the record of what no test can answer for."""
    return pack(TestRecord(test=OUTSIDE, outcome=outcome, refused_hosts=list(refusals)))


def extended(packed: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a test with what its teardown did."""
    record, rest = unpack_record(packed), unpack_record(later)
    record.extend(rest)
    record.outcome = rest.outcome
    return pack(record)


def _says_anything(record: TestRecord) -> bool:
    return bool(record.jobs or record.calls_in_all or record.refused_hosts or record.faults or record.sleeps)


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


def _redact_file(path: Path, redact: Redaction) -> None:
    """Take secrets out of a log that is part of a result."""
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
        path.write_text("\n".join(map(redact, text.split("\n"))), encoding="utf-8")


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
