"""The pytest plugin: `pytest --abeja-emulate`. A run without it imports nothing but this file and its options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.pytest_options import add_options, choices_of, is_configured, is_swept, is_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.faults.plan import FaultPlan
    from abeja_emulator.platform import Platform
    from abeja_emulator.pytest_settings import Settings
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.seeding import SeededDataset
    from abeja_emulator.serving.run_host import RunHost
    from abeja_emulator.serving.served import Served
    from abeja_emulator.serving.service_host import ServiceHost
    from abeja_emulator.transports.errors import RefusedCall
    from abeja_emulator.transports.virtual_time import VirtualTime

_SESSION = pytest.StashKey["Session"]()

#: The test that is running, which also sets up the fixtures of wider scopes it is the first to want.
_ITEM = pytest.StashKey[pytest.Item]()

#: Puts variables back after a platform that was there for one test.
_PUT_BACK = pytest.StashKey["Callable[[], None]"]()

#: Whether a test is being called.
_CALLED = pytest.StashKey[bool]()

#: Whether any test of the run had to do with a platform.
_USED = pytest.StashKey[bool]()

#: Exit statuses of a run in which nothing failed.
_GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

MARKER = """\
abeja(image=None, datasets=None, environment=None, auth=None, enforce_cidrs=None, train_in=None, jobs=None, \
faults=None, min_evidence=None): \
for abeja_context and for the jobs of abeja_train: image, which decides what a context is; datasets, \
{alias: dataset id, or what abeja_dataset takes}; environment, {name: value}; auth, "open" or "strict" \
credentials; enforce_cidrs, whether calls from outside of an organization's CIDRs are refused; train_in, \
"process" or "child", where the jobs of abeja_train run; jobs, when those made \
through the API begin: "immediate", "held" or "virtual"; faults, lines that say what goes wrong, such as \
"get_dataset status=503 calls=1-2"; min_evidence, the weakest evidence that will do, as \
--abeja-min-evidence. The nearest marker wins."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and what the configuration may say instead."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start before any conftest.py is imported: they may import handlers, which read variables."""
    _start(early_config, early_config.known_args_namespace)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker; start now if the plugin came too late for the hook before."""
    config.addinivalue_line("markers", MARKER)
    config.pluginmanager.register(Collector(config), "abeja_emulator_collector")
    _start(config, config.option)
    if is_swept(config.option):
        config.pluginmanager.import_plugin("abeja_emulator.pytest_sweep")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Take down from here on what a test does, what its fixtures do included."""
    item.config.stash[_ITEM] = item
    session = item.config.stash.get(_SESSION, None)
    if session is not None:
        from abeja_emulator.pytest_report import begin

        session.note_outside()
        begin(item, session.emulation, session.settings.keep)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note that a test is running: reports that are made meanwhile are those of its subtests."""
    item.stash[_CALLED] = True
    try:
        return (yield)
    finally:
        item.stash[_CALLED] = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail a test for what it called, once all of its fixtures are down, wider scopes included."""
    try:
        result = yield
    except pytest.skip.Exception:
        _fail_afterwards(item)
        raise
    finally:
        # Not in the fixture's own teardown: monkeypatch, when it was there first, comes after that.
        item.stash.get(_PUT_BACK, _nothing)()
    _fail_afterwards(item)
    return result


def _nothing() -> None:
    """Do nothing, for a test that had no platform of its own."""


def _fail_afterwards(item: pytest.Item) -> None:
    if item.config.stash.get(_USED, False):
        from abeja_emulator.pytest_report import fail_afterwards
        from abeja_emulator.pytest_settings import least_evidence

        # Not looked at before: a marker that cannot be has failed the test already.
        fail_afterwards(item, lambda: least_evidence(item, marked(item)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Add to a report what its test did to the platform."""
    report: Any = yield
    if (
        report.failed
        and _SESSION not in item.config.stash
        and "ScopeMismatch" in str(getattr(call.excinfo, "value", ""))
    ):
        _explain_scope(report)
    if item.config.stash.get(_USED, False):
        from abeja_emulator.pytest_report import left_overs, take_down

        take_down(item, report, of_subtest=item.stash.get(_CALLED, False))
        session = item.config.stash.get(_SESSION, None)
        if session is not None and report.when == "teardown":
            session.outside += left_overs(item)
    return report


def _explain_scope(report: pytest.TestReport) -> None:
    """Say what to do where a fixture of wider scope asks for one of ours, and the platform is there for a test only."""
    if re.search(r"\b_?abeja", str(report.longrepr)):
        sentence = "fixtures of wider scope than a test can use the platform when it is there for the whole run"
        report.sections.append(("ABEJA Platform", f"{sentence}: pytest --abeja-emulate"))


class Collector:
    """Collects what reports carry, from workers of pytest-xdist too, and shows it at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: dict[str, dict[str, Any]] = {}
        self._outside: list[str] = []
        self._page = self._find_page()

    def _find_page(self) -> Path | None:
        """Return where the page goes: relative to where pytest was started, or to the root of the run when configured.

        Raises:
            UsageError: when that is a folder.
        """
        given, configured = self._config.getoption("abeja_report"), self._config.getini("abeja_report")
        if not (given or configured):
            return None
        folder: Path = self._config.invocation_params.dir if given else self._config.rootpath
        page = folder / str(given or configured)
        from abeja_emulator.pytest_settings import check_can_be_made

        check_can_be_made("abeja_report", page)
        if page.is_dir():
            message = f"abeja_report is {str(page)!r}, which is a folder; name a file, such as report.html"
            raise pytest.UsageError(message)
        return page

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what a report carries; a test whose teardown fails is in error."""
        record = vars(report).get("abeja_emulator")
        known = self._records.get(report.nodeid) if report.when == "teardown" else None
        if record is not None and known is not None:
            from abeja_emulator.pytest_report import extended

            self._records[report.nodeid] = extended(known, record)
        elif record is not None:
            self._records[report.nodeid] = record
        elif known is not None and report.failed:
            known["outcome"] = "error"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist says happened outside of any test."""
        self._outside += getattr(node, "workeroutput", {}).get("abeja_emulator", [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page, where the whole run is known; and fail a run for what no test can answer for."""
        emulated = self._config.stash.get(_SESSION, None)
        if emulated is not None:
            emulated.note_outside()
            self._outside += emulated.outside
        if hasattr(self._config, "workerinput"):
            vars(self._config)["workeroutput"]["abeja_emulator"] = self._outside
            return
        never = self._never_fired()
        if never:
            self._outside.append(never)
        if self._outside:
            from abeja_emulator.pytest_report import OUTSIDE, outside_record

            fails = bool(never) or (emulated is not None and not emulated.emulation.offline)
            sentences = list(dict.fromkeys(self._outside))
            outside = outside_record(sentences, "error" if fails else "passed")
            self._records = {OUTSIDE: outside, **self._records}
            if fails and session.exitstatus in _GOOD:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._page is not None and not self._config.option.collectonly:
            from abeja_emulator.pytest_report import write_page

            write_page(list(self._records.values()), self._page)

    def _never_fired(self) -> str:
        """Return what is wrong with the faults of the run, or an empty text."""
        lines = (*self._config.getini("abeja_faults"), *(self._config.getoption("abeja_fault") or ()))
        if not (lines and self._records) or self._config.getoption("abeja_mute_faults"):
            return ""
        from abeja_emulator.pytest_faults import run_sentence

        return run_sentence(
            lines, [fault["text"] for record in self._records.values() for fault in record["faults"] if fault["fired"]]
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the summary, when a test had to do with a platform."""
        if not self._records:
            return
        from abeja_emulator.pytest_report import TITLE, lines

        terminalreporter.section(TITLE)
        for line in lines(list(self._records.values())):
            terminalreporter.line(line)


def _start(config: pytest.Config, options: Any) -> None:
    wanted = is_wanted(config, options)
    if _SESSION in config.stash or not (wanted or is_configured(config, options)):
        return
    from abeja_emulator.pytest_settings import Settings

    settings = Settings.of(config, options)
    if not wanted:
        return
    session = config.stash[_SESSION] = Session(settings)
    config.stash[_USED] = True
    # And not pytest_unconfigure, which is not called when a conftest.py cannot be imported.
    config.add_cleanup(session.close)
    config.pluginmanager.import_plugin("abeja_emulator.pytest_isolation")


class Session:
    """The emulation of a whole test run.

    Attributes:
        settings: of the run.
        emulation: started.
        outside: the refused calls that no test can answer for, one sentence each.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.emulation = make_emulation(settings)
        self.outside: list[str] = []
        from abeja_emulator.transports.errors import AddressTaken

        try:
            self.emulation.start()
        except BaseException as error:
            self.emulation.platform.close()
            if not isinstance(error, AddressTaken):
                raise
            message = (
                f"abeja_emulate: {error} A run of pytest within another that is emulated, in the same process, shares "
                "its platform; run it in a process of its own (pytester.runpytest_subprocess), or without the option."
            )
            raise pytest.UsageError(message) from error

    def note_outside(self) -> None:
        """Note the refused calls that no test has taken down: at imports, in a conftest.py, between tests."""
        from abeja_emulator.pytest_report import shown

        self.outside += shown(self.emulation, self.emulation.refused.take())

    def close(self) -> None:
        """Put everything back."""
        self.emulation.stop()
        self.emulation.platform.close()


def make_emulation(settings: Settings) -> Emulation:
    """Return an emulation that fits the settings, not started."""
    from abeja_emulator.emulation import Emulation
    from abeja_emulator.platform import Platform
    from abeja_emulator.pytest_faults import check_faults

    platform = (
        _seeded(settings.seed, settings)
        if settings.seed is not None
        else Platform(auth=settings.auth, enforce_cidrs=settings.enforce_cidrs)
    )
    try:
        check_faults(platform, settings.faults)
    except pytest.UsageError:
        platform.close()
        raise
    return Emulation(
        platform,
        image=settings.image,
        environment=settings.environment,
        relative_result=settings.relative_result,
        allow_hosts=settings.allow_hosts,
        offline=settings.unknown_host == "connection-error",
        jobs=settings.jobs,
        execution=settings.execution,
    )


def _seeded(path: Path, settings: Settings) -> Platform:
    from abeja_emulator.platform import Platform
    from abeja_emulator.seed_file import SeedFile
    from abeja_emulator.seeding import SeedError

    platform = None
    try:
        seed = SeedFile(path)
        organization = seed.document.organization
        platform = Platform(
            auth=settings.auth,
            enforce_cidrs=settings.enforce_cidrs,
            organization=organization.name,
            organization_id=organization.id,
        )
        seed.put(platform)
    except (SeedError, ValueError) as error:
        if platform is not None:
            platform.close()
        named = "" if isinstance(error, SeedError) else f"{path}: organization: "
        message = f"abeja_seed: {named}{error}"
        raise pytest.UsageError(message) from error
    return platform


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    """Return the scope of a fixture: with the whole run emulated, fixtures of every scope may ask for it."""
    del fixture_name
    return "session" if _SESSION in config.stash else "function"


@pytest.fixture(scope=_scope)
def _abeja_emulation(request: pytest.FixtureRequest) -> Iterator[Emulation]:
    """The platform within reach, for the other fixtures."""
    session = request.config.stash.get(_SESSION, None)
    if session is not None:
        yield session.emulation
        return
    from abeja_emulator.pytest_faults import begin_faults
    from abeja_emulator.pytest_report import begin, take_down_rest
    from abeja_emulator.pytest_settings import Settings

    settings = Settings.of(request.config, request.config.option)
    request.config.stash[_USED] = True
    marks = marked(request.node)
    emulation = make_emulation(settings)
    obey(marks, emulation.platform)
    emulation.hosts.mode = marks.get("jobs") or emulation.hosts.mode
    with emulation.platform, emulation:
        begin_faults(emulation.platform, settings.faults, marks.get("faults", ()), muted=settings.mute_faults)
        begin(request.node, emulation, settings.keep)
        request.node.stash[_PUT_BACK] = emulation.put_back
        yield emulation
        take_down_rest(request.node)


@pytest.fixture(scope=_scope)
def abeja(_abeja_emulation: Emulation) -> Platform:
    """The emulated platform: `abeja.seed` puts things there, `abeja.look` shows them, `abeja.calls()` lists calls.

    With --abeja-emulate it is there for the whole run, fixtures of any scope may ask for it, and each
    test gets it back as it was; without, it is there for just the test that asks.
    """
    return _abeja_emulation.platform


@pytest.fixture(scope=_scope)
def abeja_dataset(abeja: Platform, request: pytest.FixtureRequest) -> Callable[..., SeededDataset]:
    """Factory: abeja_dataset(source, name=None, type=None, props=None) creates a dataset and returns its id.

    The source is a folder with one sub-folder for each label, a JSON or YAML file, or a list of
    items. A relative path is looked for in the test's folder and its `fixtures/` (or the folders that
    `abeja_fixtures` names), then upwards, and last among the sample data: "shapes", "points". The id,
    a text, also has `name`, `labels`, `channel_id` and `total_count`.
    """
    config = request.config

    def make(source: Any, name: str | None = None, **options: Any) -> SeededDataset:
        from abeja_emulator.pytest_jobs import make_dataset
        from abeja_emulator.pytest_places import Places

        __tracebackhide__ = True
        return make_dataset(abeja.seed, Places(config, config.stash[_ITEM].path), source, {"name": name, **options})

    return make


@pytest.fixture
def abeja_context(
    _abeja_emulation: Emulation,
    abeja_dataset: Callable[..., SeededDataset],
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    """The context of a handler that the test calls itself; the test is a job then.

    Variables are set, the result directory is empty. Image, datasets and variables come from
    `@pytest.mark.abeja`; datasets can also be put into the context: `abeja_context["datasets"]["train"] = id`,
    or `abeja_context.datasets["train"] = id` with an image up to 18.10.
    """
    from abeja_emulator.pytest_jobs import found_datasets
    from abeja_emulator.runtime.process import restored_environment

    marks = marked(request.node)
    datasets = found_datasets(marks.get("datasets"), abeja_dataset)
    with restored_environment():
        yield _abeja_emulation.make_current(
            image=marks.get("image"), datasets=datasets, environment=marks.get("environment")
        )


@pytest.fixture
def abeja_result_dir(_abeja_emulation: Emulation) -> Path:
    """What the handler knows as `ABEJA_TRAINING_RESULT_DIR`, a `Path`; empty when the test starts.

    A job of `abeja_train` has a directory of its own, `job.result_dir`.
    """
    _abeja_emulation.empty_result_dir()
    return _abeja_emulation.result_dir


@pytest.fixture(scope=_scope)
def abeja_jobs(_abeja_emulation: Emulation) -> Executor:
    """The jobs that are made through the API, which run in child processes.

    `abeja_jobs.wait(job_id)` returns the job once it has ended, as abeja_train does. With
    `@pytest.mark.abeja(jobs="held")` a job stays Pending until `abeja_jobs.release(job_id)`; with "virtual" it
    lasts as long as `abeja_jobs.timing` says, by the platform's clock (`abeja.clock.advance(seconds)`).
    """
    return _abeja_emulation.executor


@pytest.fixture
def abeja_faults(abeja: Platform) -> FaultPlan:
    """What goes wrong on the platform, on purpose, in this test: a `FaultPlan`; nothing unless marker or run say so.

    `abeja_faults.add("get_dataset", status=503, calls=[1, 2])` or `abeja_faults.add_line("get_dataset status=503
    calls=1-2")`; `abeja_faults.fired` are those that fired. One that never fired fails the test, unless it is
    `optional=True`.
    """
    return abeja.faults


@pytest.fixture
def abeja_clock(_abeja_emulation: Emulation) -> Iterator[VirtualTime]:
    """The platform's clock, virtual for this test: sleeps, back-off and polls take no time, and its clock goes on.

    `abeja_clock.slept` are the sleeps, in order, with `seconds` and `why` ("back-off", "Retry-After", "time.sleep");
    `abeja_clock.slept_seconds` is their sum, `abeja_clock.advance(seconds)` lets time pass, `abeja_clock.now()` tells
    it, and `abeja_clock.passed` how much the test let pass in all. What Python says of the time stays: freezegun and
    time-machine are yours.
    """
    with _abeja_emulation.virtual_time() as clock:
        yield clock


@pytest.fixture
def abeja_confine(abeja_jobs: Executor) -> Iterator[Callable[..., None]]:
    """Factory `abeja_confine(result_dir_size="1MB")`: what the jobs of this test that run in children are confined to.

    `result_dir_size` and `storage_size` (the SDK's cache) are disks that get full, for C libraries too; `read_only`
    is `result_dir`, `storage` or `source`; `memory="512MB"`; `network="none"` leaves nothing but the platform. It skips
    the test, with the reason, where the system does not allow it, and fails it when no job was confined.
    """
    from abeja_emulator.pytest_confinement import ConfinedJobs

    with ConfinedJobs(abeja_jobs) as jobs:

        def confine(**options: Any) -> None:
            __tracebackhide__ = True
            jobs.confine(options)

        yield confine
    jobs.check()


@pytest.fixture(scope=_scope)
def abeja_services(_abeja_emulation: Emulation) -> ServiceHost:
    """The services that are made through the API, whose models answer in child processes.

    `abeja_services.wait(service_id)` returns the service once it answers, or has failed; its log says why.
    """
    return _abeja_emulation.hosts.services


@pytest.fixture(scope=_scope)
def abeja_runs(_abeja_emulation: Emulation) -> RunHost:
    """The runs that are made through the API, by somebody or by a trigger, in child processes.

    `abeja_runs.wait(run_id)` returns the run once it has ended; they begin as jobs do, see `abeja_jobs`.
    """
    return _abeja_emulation.hosts.runs


@pytest.fixture(scope=_scope)
def abeja_server(_abeja_emulation: Emulation) -> str:
    """URL of the platform on this machine, `http://127.0.0.1:<port>`, for programs that are not led there.

    Those are other languages, and clients that open sockets of their own; they need a credential, such as
    `abeja.credentials()` has. The SDK, requests, boto3 and urllib need none of it, in children neither.
    """
    return _abeja_emulation.url


@pytest.fixture
def abeja_refused(_abeja_emulation: Emulation, request: pytest.FixtureRequest) -> Sequence[RefusedCall]:
    """The calls of the test to hosts that are neither emulated nor allowed, with `host`, `port`, `method`, `url`.

    Children's too. A test that asks for it answers for them itself and does not fail for them at its
    teardown: `assert [call.host for call in abeja_refused] == ["weights.example"]`.
    """
    from abeja_emulator.pytest_report import expected_refusals

    return expected_refusals(request.node)


@pytest.fixture(scope=_scope)
def abeja_train(
    _abeja_emulation: Emulation,
    abeja_dataset: Callable[..., SeededDataset],
    request: pytest.FixtureRequest,
) -> Callable[..., TrainedJob]:
    """Factory: abeja_train("train:handler", datasets=None, environment=None, image=None, source=None) runs a job.

    The handler is `module:function`, `path/to/train.py:function` or a callable, or the id of a job
    that was made through the API. The job comes back with `status`, `statistics` (a list, and a table
    by stage), `artifacts`, `log`, `exception` and `result_dir`; a handler that raises makes it Failed.
    Further options: `instance_type`, `definition` (its name), `description`, and `train_in`: "process", or "child"
    for a process of its own, as on the platform.
    """
    config = request.config

    def train(handler: Any, **options: Any) -> TrainedJob:
        from abeja_emulator.pytest_jobs import train_job
        from abeja_emulator.pytest_places import Places
        from abeja_emulator.pytest_settings import train_in

        __tracebackhide__ = True
        item = config.stash[_ITEM]
        marks = marked(item)
        marks["train_in"] = train_in(config, marks)
        return train_job(_abeja_emulation, handler, options, marks, Places(config, item.path), abeja_dataset)

    return train


@pytest.fixture(scope=_scope)
def abeja_serve(_abeja_emulation: Emulation, request: pytest.FixtureRequest) -> Iterator[Callable[..., Served]]:
    """Factory: abeja_serve("main:handler", result_dir=None, environment=None, image=None, source=None, context=None).

    The handler is `module:function`, `path/to/main.py:function` or a callable; it is served in this process by
    the platform's own runtime. `result_dir` is a folder, or a job of `abeja_train`. What comes back has `post`,
    `get`, `put`, `request` and `health_check`, which answer as the platform does, and `log` and `exception`.
    """
    from abeja_emulator.pytest_serving import ServedModels

    config = request.config
    with ServedModels(config, _abeja_emulation, lambda: config.stash[_ITEM]) as models:

        def serve(handler: Any, **options: Any) -> Served:
            __tracebackhide__ = True
            return models.serve(handler, options, marked(config.stash[_ITEM]))

        yield serve


def session_emulation(config: pytest.Config) -> Emulation:
    """Return the emulation of the whole run; there is one, because only then isolation is loaded."""
    return config.stash[_SESSION].emulation


def session_settings(config: pytest.Config) -> Settings:
    """Return the settings of the whole run."""
    return config.stash[_SESSION].settings


def current_item(config: pytest.Config) -> pytest.Item:
    """Return the test that is running."""
    return config.stash[_ITEM]


def obey(marks: dict[str, Any], platform: Platform) -> None:
    """Make a platform as strict as the markers of a test say; what they do not say stays."""
    platform.auth = marks.get("auth") or platform.auth
    enforced = marks.get("enforce_cidrs")
    platform.enforce_cidrs = platform.enforce_cidrs if enforced is None else enforced


def marked(node: Any) -> dict[str, Any]:
    """Return what the markers of a test say, the nearest one winning.

    Raises:
        UsageError: when one says something that cannot be.
    """
    __tracebackhide__ = True
    markers = list(node.iter_markers("abeja"))
    if not markers:
        return {}
    from abeja_emulator.pytest_jobs import check_mapping, check_text

    found: dict[str, Any] = {}
    choices = choices_of("auth", "enforce_cidrs", "train_in", "jobs", "min_evidence")
    for marker in reversed(markers):
        unknown = sorted(set(marker.kwargs) - {"image", "datasets", "environment", "faults", *choices})
        if unknown or marker.args:
            given = unknown or list(marker.args)
            *others, last = ("image", "datasets", "environment", "faults", *choices)
            message = f"@pytest.mark.abeja takes {', '.join(others)} and {last} by name, not {given}"
            raise pytest.UsageError(message)
        for name in ("datasets", "environment"):
            check_mapping(f"@pytest.mark.abeja({name}=…)", name, marker.kwargs.get(name), pytest.UsageError)
        check_text("@pytest.mark.abeja(image=…)", marker.kwargs.get("image"), pytest.UsageError)
        for name, known in choices.items():
            if marker.kwargs.get(name) not in {None, *known}:
                words = f"{', '.join(map(str, known[:-1]))} or {known[-1]}"
                message = f"@pytest.mark.abeja({name}={marker.kwargs[name]!r}): it must be {words}"
                raise pytest.UsageError(message)
        found.update(marker.kwargs)
        if "faults" in marker.kwargs:
            from abeja_emulator.pytest_faults import marked_faults

            found["faults"] = marked_faults(marker.kwargs["faults"])
    return found
