"""The fault sweep: each test once as it is, and then once for each of its calls and each fault; loaded when wanted."""

from __future__ import annotations

import copy
import threading
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from abeja_emulator import __version__
from abeja_emulator.faults.sweep import Budget, numbered
from abeja_emulator.faults.sweep_results import Base, Result, ResultFile, code_of
from abeja_emulator.faults.sweep_verdict import Observation, Verdict, causes_of, judge, shorten
from abeja_emulator.pytest_plugin import session_emulation
from abeja_emulator.pytest_report import ATTRIBUTE
from abeja_emulator.pytest_serving import TITLE as SERVED
from abeja_emulator.pytest_sweep_limit import Limit, TookTooLong
from abeja_emulator.pytest_sweep_settings import SweepSettings, now
from abeja_emulator.pytest_sweep_show import TOLD, Show
from abeja_emulator.report.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.faults.fault import Fault
    from abeja_emulator.faults.sweep import Cell, MadeCall

#: Which part of the sweep of its test an item is, from 0.
_PART = pytest.StashKey[int]()

#: A run counts as hanging after so many seconds, or after so many times as long as the run without a fault.
_LEAST_LIMIT, _LIMIT_TIMES = 10.0, 10.0


def pytest_configure(config: pytest.Config) -> None:
    """Register what a sweep needs in this process: that which runs tests, that which shows, or both.

    Raises:
        UsageError: when an option says something that cannot be.
    """
    settings = SweepSettings.of(config)
    if config.option.collectonly:
        return
    told = getattr(config, "workerinput", {}).get(TOLD)
    if told is not None:
        budget = Budget(told["runs"], told["until"])
        config.pluginmanager.register(
            Sweeper(config, settings, ResultFile(Path(told["file"])), budget), "abeja_emulator_sweeper"
        )
        return
    show = Show(config, settings)
    config.pluginmanager.register(show, "abeja_emulator_sweep")
    if getattr(config.option, "dist", "no") == "no":
        sweeper = Sweeper(config, settings, show.file, settings.budget, show.note)
        config.pluginmanager.register(sweeper, "abeja_emulator_sweeper")


class Sweeper:
    """Runs tests, each of them many times.

    Args:
        config: of this process.
        settings: of the sweep.
        file: takes what is found.
        budget: of this process.
        note: called after each run.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: SweepSettings,
        file: ResultFile,
        budget: Budget,
        note: Any = None,
    ) -> None:
        self._config = config
        self._settings = settings
        self._file = file
        self._budget = budget
        self._note = note or (lambda: None)
        self._parts: int = getattr(config, "workerinput", {}).get("workercount", 1)
        self._left = 0
        self._code = ""
        self._earlier: dict[tuple[str, str, str, str], Result] = {}
        self._run: _Run | None = None

    @property
    def _emulation(self) -> Emulation:
        return session_emulation(self._config)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let each worker have a part of each test's sweep: first all first parts, then all second ones, and so on."""
        items[:] = [_part(item, part, self._parts) for part in range(self._parts) for item in items]
        self._left = -(-len(items) // self._parts)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test once without a fault, which is reported as ever, and then with one after the other."""
        part = item.stash.get(_PART, 0)
        if part == 0:
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        base = _Run(None, None)
        reports = self._perform(item, base)
        if part == 0:
            # The teardown is reported when wider fixtures are down as well, if nothing else uses them.
            for report in reports[:-1]:
                item.ihook.pytest_runtest_logreport(report=report)
        self._cancel_other_limits(item)
        try:
            self._sweep(item, part, base, reports)
        finally:
            last = self._leave(item, nextitem)
            if part == 0:
                report = reports[-1] if reports[-1].failed or not last.failed else last
                item.ihook.pytest_runtest_logreport(report=report)
                item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @staticmethod
    def _leave(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport:
        """Tear down what is wider than the test, and is not wanted any more.

        Not by the hook: the test itself is down, and plugins have put their things away.
        """
        capture: Any = item.config.pluginmanager.get_plugin("capturemanager")
        session = item.session
        nextitem = None if session.shouldfail or session.shouldstop else nextitem
        with nullcontext() if capture is None else capture.item_capture("teardown", item):
            call = pytest.CallInfo.from_call(
                lambda: session._setupstate.teardown_exact(nextitem),  # noqa: SLF001 - what the hook does
                when="teardown",
                reraise=(pytest.exit.Exception, KeyboardInterrupt),
            )
        return pytest.TestReport.from_item_and_call(item, call)

    @staticmethod
    def _cancel_other_limits(item: pytest.Item) -> None:
        """Take away the limit that pytest-timeout gives a test: it is about one run."""
        cancel = getattr(item.config.hook, "pytest_timeout_cancel_timer", None)
        if cancel is not None:
            cancel(item=item)

    def _sweep(self, item: pytest.Item, part: int, base: _Run, reports: Sequence[pytest.TestReport]) -> None:
        settings, test = self._settings, _name(item)
        budget = self._budget.of_next(self._left, now())
        self._left -= 1
        passed = len(reports) > 2 and all(report.passed for report in reports) and not _expects(reports)  # noqa: PLR2004
        calls = self._calls() if base.begun else []
        said = Base(test=test, seconds=round(base.seconds, 3), columns=settings.sweep.columns, part=part)
        if not (passed and calls):
            said.why = "no sweep: it makes no calls of the platform" if passed else f"no sweep: {_why_not(reports)}"
            self._file.add(said)
            return
        cells = settings.sweep.share(settings.sweep.cells(calls), part, self._parts)
        said.calls = [call.place for call in calls]
        said.planned = len(cells)
        said.limit = settings.limit or base.limit_of_others()
        self._file.add(said)
        if settings.resume and not self._code:
            self._earlier = self._file.earlier()
        self._code = self._code or code_of(item.config.rootpath, __version__, [item.path])
        with self._emulation.virtual_time():
            whole = 0.0
            for cell in cells:
                kept = self._earlier.get((self._code, test, cell.column, cell.line))
                if kept is not None:
                    kept.kept = True
                    self._file.add(kept)
                    continue
                if budget.is_spent(now()):
                    said.why = "the budget is spent"
                    self._file.add(said)
                    return
                for each in {id(each): each for each in (budget, self._budget)}.values():
                    each.spend()
                result = self._result(item, cell, said.limit)
                self._file.add(result)
                self._note()
                if result.verdict is Verdict.SURVIVES and settings.limit is None:
                    # The run without a fault may have been the first to import what is large.
                    whole = max(whole, result.seconds)
                    said.limit = min(base.limit_of_others(), round(max(_LEAST_LIMIT, _LIMIT_TIMES * whole), 1))
                if item.session.shouldstop or item.session.shouldfail:
                    return
        self._file.add(said)

    def _calls(self) -> list[MadeCall]:
        """Return the calls of the test that has just run."""
        return list(
            numbered(
                entry.operation or f"{entry.method} {entry.path}"
                for entry in self._emulation.platform.journal.current()
                if entry.method != "CONNECT"
            )
        )

    def _result(self, item: pytest.Item, cell: Cell, limit: float) -> Result:
        run = _Run(cell, limit)
        sections = list(item._report_sections)  # noqa: SLF001 - what runs have printed must not pile up
        reports = self._perform(item, run)
        item._report_sections[:] = sections  # noqa: SLF001 - the same
        verdict, why = judge(run.observation(reports, self._emulation))
        return Result(
            test=_name(item),
            place=cell.call.place,
            nth=cell.call.nth,
            column=cell.column,
            line=cell.line,
            verdict=verdict,
            why=why,
            seconds=round(run.seconds, 3),
            code=self._code,
        )

    def _perform(self, item: pytest.Item, run: _Run) -> list[pytest.TestReport]:
        self._run = run
        if isinstance(item.parent, pytest.Class):
            _forget_instance(item)
        begun = now()
        try:
            # With one beside it as the next, wider fixtures stay.
            return runtestprotocol(item, log=False, nextitem=_part(item, 1, 2))
        finally:
            self._run = None
            run.seconds = now() - begun

    # -- while a run goes on --------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Add the fault of a run where the calls of its test begin to be counted."""
        result = yield
        if fixturedef.argname == "_abeja_function" and self._run is not None:
            self._run.begin(self._emulation)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        """End a setup that takes too long."""
        return (yield from self._limited())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """End a test that takes too long."""
        return (yield from self._limited())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """End a teardown that takes too long; of the faults of a run none has to happen."""
        if self._run is not None and self._run.cell is not None:
            for fault in self._emulation.platform.faults.all():
                fault.optional = True
        return (yield from self._limited())

    def _limited(self) -> Generator[None, None, None]:
        run = self._run
        if run is None or run.limit is None:
            return (yield)
        with ExitStack() as stack:
            limit = stack.enter_context(Limit(run.limit))
            try:
                return (yield)
            finally:
                run.hangs = run.hangs or limit.is_over

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
        """Note what was raised."""
        report = yield
        if self._run is not None and report.failed and call.excinfo is not None:
            self._run.errors.append(call.excinfo)
        return report


class _Run:
    """One run of a test.

    Attributes:
        cell: what goes wrong, or None.
        limit: seconds that each of its phases may take, or None.
        begun: whether its calls were counted.
        hangs: whether it was ended.
        errors: what its phases have raised.
        seconds: how long it took.
    """

    def __init__(self, cell: Cell | None, limit: float | None) -> None:
        self.cell = cell
        self.limit = limit
        self.begun = False
        self.hangs = False
        self.errors: list[pytest.ExceptionInfo[BaseException]] = []
        self.seconds = 0.0
        self._fault: Fault | None = None

    def limit_of_others(self) -> float:
        """Return after how many seconds a run of the same test with a fault counts as hanging."""
        return round(max(_LEAST_LIMIT, _LIMIT_TIMES * self.seconds), 1)

    def begin(self, emulation: Emulation) -> None:
        """Let go wrong what is to."""
        self.begun = True
        if self.cell is not None:
            self._fault = emulation.platform.faults.add_line(self.cell.line, optional=True)

    def observation(self, reports: Sequence[pytest.TestReport], emulation: Emulation) -> Observation:
        """Return what was seen of it, without secrets."""
        platform = emulation.platform
        redact = Redaction(platform.secrets())
        records = [vars(report)[ATTRIBUTE] for report in reports if ATTRIBUTE in vars(report)]
        error = self.errors[0] if self.errors else None
        failed = [
            *(job for record in records for job in record["jobs"] if job["status"] == "Failed"),
            # A service answers 500 for what its handler raises, and is as well as before.
            *(model for record in records for model in record["models"]),
        ]
        return Observation(
            reached=self._fault is not None and self._fault.fired > 0,
            seconds=self.seconds,
            failure=None if error is None else redact(shorten(_said(error))),
            causes=[] if error is None else list(causes_of(error.value)),
            logs=[*map(_log_of, failed), *(text for report in reports for text in _served(report))],
            duplicates=[]
            if platform.faults.allow_duplicates
            else list(dict.fromkeys(each for record in records for each in record["duplicates"])),
            hangs=self.hangs,
        )


def _served(report: pytest.TestReport) -> Iterator[str]:
    """Yield what models that the test has served itself have raised, as far as its report tells."""
    if not any(title.startswith(SERVED) for title, _ in report.sections):
        return
    for title, text in report.sections:
        # A model prints its tracebacks; where nobody has captured them the section itself has them.
        if title.startswith((SERVED, "Captured stdout")) and "Traceback" in text:
            yield text


def _said(error: pytest.ExceptionInfo[BaseException]) -> str:
    """Return an exception in words; of one that we have raised, where that was in what somebody has written."""
    if not isinstance(error.value, TookTooLong):
        return error.exconly(tryshort=True)
    here = Path(__file__).parent
    places = [
        f"{entry.path}:{entry.lineno + 1}"
        for entry in error.traceback
        if not {"site-packages", "_pytest"} & set(Path(entry.path).parts)
        and here not in Path(entry.path).parents
        and Path(threading.__file__).parent not in Path(entry.path).parents
    ]
    return f"{error.value}{f', in {places[-1]}' if places else ''}"


def _log_of(failed: dict[str, Any]) -> str:
    """Return what a job, a service or a run says of its failure."""
    log = "\n".join(failed["log"])
    message = failed.get("message")
    return log if "Traceback" in log or not message else f"{log}\n{message}"


def _part(item: pytest.Item, part: int, parts: int) -> Any:
    """Return an item that is a part of the sweep of another; the first is that one itself."""
    if part == 0:
        return item
    found: Any = copy.copy(item)
    found._nodeid = f"{item.nodeid} (sweep {part + 1} of {parts})"  # noqa: SLF001 - as pytest-xdist names a group
    found.stash = found._store = pytest.Stash()  # noqa: SLF001 - what belongs to one item
    found.stash[_PART] = part
    found._report_sections, found.user_properties = [], []  # noqa: SLF001 - the same
    _forget_instance(found)
    if hasattr(found, "_request"):
        # It is made anew when the item runs, as for one that runs again.
        found._request = False  # noqa: SLF001 - as pytest leaves it
    return found


def _forget_instance(item: pytest.Item) -> None:
    """Let a test have a new object of its class, as every test has one."""
    for name in ("_instance", "_obj"):
        vars(item).pop(name, None)


def _name(item: pytest.Item) -> str:
    return item.nodeid.partition(" (sweep ")[0] if item.stash.get(_PART, 0) else item.nodeid


def _expects(reports: Sequence[pytest.TestReport]) -> bool:
    return any(hasattr(report, "wasxfail") for report in reports)


def _why_not(reports: Sequence[pytest.TestReport]) -> str:
    if _expects(reports):
        return "it is expected to fail"
    if any(report.failed for report in reports):
        return "it fails without a fault"
    return "it is skipped"
