"""Runs one job that was made through the API in a child process, as the platform's runner does."""

from __future__ import annotations

import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from abeja_emulator.archives import ArchiveError, pack, unpack
from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.runtime.child_options import ChildOptions
from abeja_emulator.runtime.child_process import (
    ChildProcess,
    NotStarted,
    launcher_command,
    launcher_variables,
    signal_of,
)
from abeja_emulator.runtime.faked_disk import why_no_child
from abeja_emulator.runtime.git_sources import GitError
from abeja_emulator.runtime.interpreters import InterpreterError
from abeja_emulator.runtime.requirement_files import RequirementsError
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.runtime.training import RESULT_FOLDER, SUCCESS
from abeja_emulator.runtime.variables import VariableError, job_variables, overlaid, user_variables, without_foreign
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import LogLine
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.limits import AppliedLimits
    from abeja_emulator.services.training.records import JobDefinitionVersion, TrainingJob

#: A user variable of a job with which any client can say when it begins, see `Executor`.
MODE_VARIABLE = "ABEJA_EMULATOR_JOB_MODE"

#: Name of the log in the result of a job with `export_log` (runner, ABEJA_EXPORT_TRAIN_LOG). Evidence: client; that
#: `export_log` means that is inferred.
EXPORTED_LOG = ".abeja_train.log"


@dataclass(frozen=True)
class Timing:
    """How long a job of the virtual mode takes, in seconds of the Platform's clock.

    Attributes:
        pending: from its creation to its start.
        active: from its start to its end, at least; it is over when its process is, too.
    """

    pending: float = 10.0
    active: float = 60.0


@dataclass
class Ticket:
    """One run of a job, and how it is stopped.

    Attributes:
        stopped: whether nobody wants it any more.
        child: its process, once it has one.
        lock: held while the process is started.
    """

    stopped: bool = False
    child: ChildProcess | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Prepared(NamedTuple):
    """What the process of a job is started with."""

    command: list[str]
    work: Path
    environment: dict[str, str]


class Runner:
    """Runs jobs of one Platform, each in a child process.

    Args:
        platform: where the jobs are.
        folder: a sub-folder for each job is made there: `source`, the result directory and the SDK's cache.
        options: of `ChildOptions`.
    """

    def __init__(self, platform: Platform, folder: Path, **options: Any) -> None:
        self._platform = platform
        self._folder = folder
        self._options = ChildOptions(**options)
        self._jobs = Jobs(platform.world)
        self._definitions = Definitions(platform.world)

    def result_dir(self, job_id: str) -> Path:
        """Return the result directory of a job, as its handler left it."""
        return self._folder.resolve() / job_id / RESULT_FOLDER

    def run(self, job_id: str, ticket: Ticket, timing: Timing | None = None) -> None:
        """Run a job that is Pending to its end; where it cannot be run it fails, and its log says why.

        Args:
            job_id: the job.
            ticket: stops it.
            timing: how long it takes by the Platform's clock, at least.
        """
        try:
            self._run(job_id, ticket, timing)
        except NotFound:
            pass  # it was rolled back or deleted meanwhile, and nobody will ask for it
        except Exception as error:  # noqa: BLE001 - a job ends, whatever goes wrong
            self._log(job_id, f"abeja-emulator: the job could not be run: {error!r}")
            self.move(job_id, "Failed", f"the job could not be run: {error!r}")

    def _run(self, job_id: str, ticket: Ticket, timing: Timing | None) -> None:
        job = self.find(job_id)
        if timing is not None and self._platform.clock.wait(timing.pending, lambda: ticket.stopped):
            return
        place = self._folder.resolve() / job.training_job_id
        prepared = self._prepared(ticket, job, place)
        if prepared is None or not self.move(job_id, "Active"):
            return
        began = self._platform.clock.timestamp()
        with ExitStack() as stack:
            held: list[AppliedLimits] = []
            child = self._started(job_id, ticket, prepared, lambda pid: held.extend(self._held(job, pid, stack)))
            if child is None:
                return
            code = child.wait()
            exceeded = held[0].exceeded if held else None
        if exceeded is not None:
            self._log(job_id, f"abeja-emulator: {exceeded}")
        if timing is not None:
            left = began + timing.active - self._platform.clock.timestamp()
            self._platform.clock.wait(left, lambda: ticket.stopped)
        self._finish(job, code, exceeded or child.message, place / RESULT_FOLDER)

    def _held(self, job: TrainingJob, pid: int, stack: ExitStack) -> list[AppliedLimits]:
        """Hold the process of a job to the limits of its instance type while `stack` is entered."""
        limits = self._options.limits_of(job.instance_type)
        if limits is None:
            return []
        applied = stack.enter_context(limits.applied_to(pid, cpus=self._options.cpus))
        for sentence in applied.not_applied:
            self._log(job.training_job_id, f"abeja-emulator: {sentence}")
        return [applied]

    def _started(
        self,
        job_id: str,
        ticket: Ticket,
        prepared: _Prepared,
        hold: Callable[[int], None],
    ) -> ChildProcess | None:
        """Start the child of a job, unless it was stopped meanwhile or cannot be started."""
        with ticket.lock:
            if ticket.stopped:
                return None
            try:
                ticket.child = ChildProcess(
                    prepared.command,
                    prepared.work,
                    prepared.environment,
                    lambda lines: self._keep(job_id, lines),
                    self._platform.clock,
                    on_start=hold,
                    on_end=self._platform.clock.wake,
                )
            except NotStarted as error:
                self._log(job_id, str(error))
                self.move(job_id, "Failed", str(error))
            return ticket.child

    def _prepared(self, ticket: Ticket, job: TrainingJob, place: Path) -> _Prepared | None:
        """Make what a job needs to start; where that cannot be done it fails, and None is returned."""
        try:
            _check_disk()
            return self._prepare(ticket, job, self.version(job), place)
        except Cancelled:
            pass
        except (ArchiveError, GitError, InterpreterError, RequirementsError, VariableError, OSError) as error:
            self._log(job.training_job_id, str(error))
            self.move(job.training_job_id, "Failed", str(error).splitlines()[0])
        return None

    def _prepare(self, ticket: Ticket, job: TrainingJob, version: JobDefinitionVersion, place: Path) -> _Prepared:
        work, result, storage = place / "source", place / RESULT_FOLDER, place / "storage"
        shutil.rmtree(place, ignore_errors=True)
        self._fill(work, job, version)
        for folder in (result, storage):
            folder.mkdir(parents=True)
        options = self._options
        python = options.interpreters.for_image(version.image)
        if options.environments is not None:
            python = options.environments.python_for(
                work,
                python,
                preinstalled=options.preinstalled,
                progress=lambda line: self._log(job.training_job_id, line, "INFO"),
                cancelled=lambda: ticket.stopped,
            )
        environment = {
            # Python 3.6 would write ASCII where no language is set, as in many a service.
            "PYTHONIOENCODING": "utf-8",
            **options.seed_variables,
            **overlaid(without_foreign(options.environment()), user_variables(options.variables, job.environment)),
            **job_variables(job, version.handler, options.api_url(), str(result), storage),
            **launcher_variables(
                options.interpreters.calling_of(version.image),
                installed=options.installs,
                clock_offset=self._platform.clock.offset,
                random_seed=options.random_seed,
            ),
        }
        environment.pop(MODE_VARIABLE, None)
        return _Prepared(launcher_command(python), work, environment)

    def _fill(self, work: Path, job: TrainingJob, version: JobDefinitionVersion) -> None:
        """Put the source of a version into the folder that a job runs in."""
        if version.git_url is not None:
            told = self._options.git.check_out(version, work)
            self._log(job.training_job_id, f"abeja-emulator: {told}", "INFO")
            return
        with self._platform.world.store.reading():
            archive = self._definitions.archive_of(version)
        unpack(archive, work)

    def _finish(self, job: TrainingJob, code: int, why: str | None, result: Path) -> None:
        """Keep the result, on success and failure alike, and let the job end."""
        current = self.find(job.training_job_id)
        if current.status != "Active":
            return
        if job.export_log:
            with self._platform.world.store.reading():
                lines = self._jobs.log_lines(job.training_job_id)
            text = "".join(f"{line.message}\n" for line in lines)
            result.mkdir(parents=True, exist_ok=True)
            (result / EXPORTED_LOG).write_text(text, encoding="utf-8")
        archive = pack(result)
        with self._platform.world.store.transaction():
            current = self._jobs.find(job.training_job_id)
            if current.status != "Active":
                return
            if archive is not None:
                current = self._jobs.keep_result(current, Upload(archive, len(archive), "application/zip"))
            succeeded = code in SUCCESS
            message = None if succeeded else why or _in_words(code)
            self._jobs.move(current, "Complete" if succeeded else "Failed", message)

    # -- the platform ---------------------------------------------------------------------------

    def find(self, job_id: str) -> TrainingJob:
        """Return a job as it is."""
        with self._platform.world.store.reading():
            return self._jobs.find(job_id)

    def version(self, job: TrainingJob) -> JobDefinitionVersion:
        """Return the version that a job runs."""
        with self._platform.world.store.reading():
            definition = self._definitions.get(job.organization_id, job.job_definition_id)
            return self._definitions.version(definition, str(job.job_definition_version))

    def move(self, job_id: str, status: str, message: str | None = None) -> bool:
        """Let a job go to another status; tell whether it could."""
        try:
            with self._platform.world.store.transaction():
                self._jobs.move(self._jobs.find(job_id), status, message)
        except (Conflict, NotFound):
            return False
        return True

    def _keep(self, job_id: str, lines: Sequence[LogLine]) -> None:
        """Append lines to the log of a job, unless it is gone."""
        with self._platform.world.store.transaction():
            try:
                self._jobs.find(job_id)
            except NotFound:
                return
            self._jobs.log(job_id, lines)

    def _log(self, job_id: str, text: str, level: str = "WARNING") -> None:
        now = round(self._platform.clock.timestamp() * 1000)
        lines = [LogLine(timestamp=now, message=line, log_level=level) for line in text.splitlines()]
        self._keep(job_id, lines)


def _check_disk() -> None:
    """Check that the disk is the real one: a child sees no other.

    Raises:
        VariableError: when a test has a fake one.
    """
    why = why_no_child("a job", "make the job in a test without, or run its handler with abeja_train")
    if why is not None:
        raise VariableError(why)


def _in_words(code: int) -> str:
    """Return what an exit code says, with the name of the signal that it stands for."""
    name = signal_of(code)
    return f"exit code {code} ({name})" if name else f"exit code {code}"
