"""Runs one job that was made through the API in a child process, as the platform's runner does."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
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
from abeja_emulator.runtime.confinement import VARIABLES as CONFINING
from abeja_emulator.runtime.confinement import Confinement, ConfinementError
from abeja_emulator.runtime.faked_disk import why_no_child
from abeja_emulator.runtime.git_sources import GitError
from abeja_emulator.runtime.interpreters import InterpreterError
from abeja_emulator.runtime.launcher.abeja_emulator_confinement import PLATFORM, RESULT_DIR
from abeja_emulator.runtime.limits import Limits, can_watch_memory
from abeja_emulator.runtime.requirement_files import RequirementsError
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.runtime.training import RESULT_FOLDER, SUCCESS
from abeja_emulator.runtime.variables import VariableError, job_variables, overlaid, user_variables, without_foreign
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import LogLine
from abeja_emulator.transports.child.abeja_emulator_child import ALLOW_HOSTS
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.limits import AppliedLimits
    from abeja_emulator.services.training.records import JobDefinitionVersion, TrainingJob

#: A user variable of a job with which any client can say when it begins, see `Executor`.
MODE_VARIABLE = "ABEJA_EMULATOR_JOB_MODE"

#: Name of the log in the result of a job with `export_log` (runner, ABEJA_EXPORT_TRAIN_LOG). Evidence: client; that
#: `export_log` means that is inferred.
EXPORTED_LOG = ".abeja_train.log"

#: Why a job cannot be run, with a sentence for its log.
_NOT_RUN = (
    ArchiveError,
    ConfinementError,
    GitError,
    InterpreterError,
    RequirementsError,
    VariableError,
    OSError,
)


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
    confinement: Confinement


class _Handed:
    """What the child of a job hands over, until it has ended.

    Args:
        adopt: see `ChildOptions`.
    """

    def __init__(self, adopt: Callable[[int], Callable[[], None]] | None) -> None:
        self._adopt = adopt
        self._result: int | None = None
        self._stack = ExitStack()

    def take(self, name: str, descriptor: int) -> None:
        """Take a descriptor, by the name it has in the launcher."""
        if name == PLATFORM and self._adopt is not None:
            self._stack.callback(self._adopt(descriptor))
            return
        self._stack.callback(os.close, descriptor)
        if name == RESULT_DIR:
            self._result = descriptor

    def bring_result(self, folder: Path) -> None:
        """Copy the result directory from the child's memory to the disk, if it was kept there."""
        if self._result is not None:
            _copy(Path(f"/proc/self/fd/{self._result}"), folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


class Runner:
    """Runs jobs of one Platform, each in a child process.

    Args:
        platform: where the jobs are.
        folder: a sub-folder for each job is made there: `source`, the result directory and the SDK's cache.
        options: of `ChildOptions`.

    Attributes:
        confinement: what all jobs are confined to; variables of a job say what it is confined to besides.
        on_confined: called with the id of each job that was confined, and what to, once its process has ended, in a
            thread of its own.
    """

    def __init__(self, platform: Platform, folder: Path, **options: Any) -> None:
        self._platform = platform
        self._folder = folder
        self._options = ChildOptions(**options)
        self._jobs = Jobs(platform.world)
        self._definitions = Definitions(platform.world)
        self.confinement = Confinement()
        self.on_confined: Callable[[str, Confinement], object] | None = None

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
            with self._platform.clock.working(job_id):
                self._run(job_id, ticket, timing)
        except NotFound:
            pass  # it was rolled back or deleted meanwhile, and nobody will ask for it
        except Exception as error:  # noqa: BLE001 - a job ends, whatever goes wrong
            self._log(job_id, f"abeja-emulator: the job could not be run: {error!r}")
            self.move(job_id, "Failed", f"the job could not be run: {error!r}")

    def _run(self, job_id: str, ticket: Ticket, timing: Timing | None) -> None:
        job = self.find(job_id)
        if timing is not None and self._platform.clock.wait_idly(timing.pending, lambda: ticket.stopped):
            return
        place = self._folder.resolve() / job.training_job_id
        prepared = self._prepared(ticket, job, place)
        if prepared is None or not self.move(job_id, "Active"):
            return
        began = self._platform.clock.timestamp()
        with ExitStack() as stack:
            held: list[AppliedLimits] = []
            handed = stack.enter_context(_Handed(self._options.adopt))
            memory = prepared.confinement.memory
            child = self._started(
                job_id, ticket, prepared, lambda pid: held.extend(self._held(job, pid, memory, stack)), handed
            )
            if child is None:
                return
            code = child.wait()
            exceeded = held[0].exceeded if held else None
            handed.bring_result(place / RESULT_FOLDER)
        if _was_confined(prepared.confinement, child):
            self._platform.faults.note_confined(job_id)
            if self.on_confined is not None:
                self.on_confined(job_id, prepared.confinement)
        if exceeded is not None:
            self._log(job_id, f"abeja-emulator: {exceeded}")
        if timing is not None:
            left = began + timing.active - self._platform.clock.timestamp()
            self._platform.clock.wait_idly(left, lambda: ticket.stopped)
        self._finish(job, code, exceeded or child.message, place / RESULT_FOLDER)

    def _held(self, job: TrainingJob, pid: int, memory: int | None, stack: ExitStack) -> list[AppliedLimits]:
        """Hold the process of a job to its own memory and the limits of its instance type while `stack` is entered."""
        limits = self._options.limits_of(job.instance_type)
        if memory is not None:
            limits = Limits(memory, None if limits is None else limits.cpus)
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
        handed: _Handed,
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
                    on_handed=handed.take,
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
        except _NOT_RUN as error:
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
        user = user_variables(options.variables, job.environment)
        confinement = self._confinement(user)
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
            **overlaid(without_foreign(options.environment()), user),
            **job_variables(job, version.handler, options.api_url(), str(result), storage),
            **launcher_variables(
                options.interpreters.calling_of(version.image),
                installed=options.installs,
                clock_offset=self._platform.clock.offset,
                random_seed=options.random_seed,
            ),
        }
        for name in (MODE_VARIABLE, *CONFINING.values()):
            environment.pop(name, None)
        environment.update(confinement.launcher_variables())
        if confinement.network is not None:
            # What is not the platform fails as the system says: there is no need to guard against it.
            environment[ALLOW_HOSTS] = "*"
        return _Prepared(launcher_command(python), work, environment, confinement)

    def _confinement(self, variables: Mapping[str, str]) -> Confinement:
        """Return what a job with these variables is confined to.

        Raises:
            ConfinementError: when that cannot be.
        """
        confinement = self.confinement.merge(self._platform.faults.confinement())
        confinement = confinement.merge(Confinement.of_variables(variables))
        if confinement.memory is not None and not can_watch_memory():
            message = confinement.why_not() or ""
            raise ConfinementError(message)
        if confinement.network is not None and self._options.adopt is None:
            message = "a job cannot be without a network here: nothing lets the platform answer in a network of its own"
            raise ConfinementError(message)
        return confinement

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


def _was_confined(confinement: Confinement, child: ChildProcess) -> bool:
    """Tell whether a child was held to what it was to be confined to."""
    return child.confined if confinement.launcher_variables() else bool(confinement)


def _copy(folder: Path, target: Path) -> None:
    """Copy what a folder holds, but for what is neither a file, a folder nor a link."""

    def others(parent: str, names: list[str]) -> list[str]:
        paths = [(name, Path(parent, name)) for name in names]
        return [name for name, path in paths if not (path.is_symlink() or path.is_file() or path.is_dir())]

    shutil.copytree(folder, target, symlinks=True, ignore=others, dirs_exist_ok=True)


def _in_words(code: int) -> str:
    """Return what an exit code says, with the name of the signal that it stands for."""
    name = signal_of(code)
    return f"exit code {code} ({name})" if name else f"exit code {code}"
