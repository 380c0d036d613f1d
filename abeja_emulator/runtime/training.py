"""Training in this process: breakpoints, coverage and speed, without a child."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abeja_emulator.archives import pack, unpack
from abeja_emulator.errors import Conflict
from abeja_emulator.runtime.confinement import VARIABLES as CONFINING
from abeja_emulator.runtime.confinement import ConfinementError
from abeja_emulator.runtime.git_sources import GitError, GitSources
from abeja_emulator.runtime.handlers import Handler, HandlerError
from abeja_emulator.runtime.images import calling_of, hint_for, make_context
from abeja_emulator.runtime.job import TrainedJob
from abeja_emulator.runtime.job_maker import JobMaker
from abeja_emulator.runtime.modules import FreshModules
from abeja_emulator.runtime.output import Log, kept_output
from abeja_emulator.runtime.process import restored_environment, restored_process
from abeja_emulator.runtime.randomness import seeded
from abeja_emulator.runtime.sdk import thawed_sdk
from abeja_emulator.runtime.tracebacks import user_traceback
from abeja_emulator.runtime.variables import (
    VariableError,
    context_entries,
    dataset_ids,
    job_variables,
    overlaid,
    user_variables,
    without_foreign,
)
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.images import Calling
    from abeja_emulator.services.training.records import JobDefinitionVersion, TrainingJob

#: Name of the result directory in the working directory (runner, util/path/path.go).
RESULT_FOLDER = "abejainc_training_result"

#: Exit codes of a job that succeeded; 120 is a failed flush at shutdown (runner, subprocess/runtime.go).
SUCCESS = (0, 120)


@dataclass(frozen=True)
class Outcome:
    """How a handler ended.

    Attributes:
        code: exit code; 0 and 120 are success.
        exception: what it raised, if it did.
    """

    code: int
    exception: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the job is Complete."""
        return self.code in SUCCESS

    @property
    def message(self) -> str | None:
        """What the job shows as its `status_message`."""
        if self.succeeded:
            return None
        if self.exception is None or isinstance(self.exception, SystemExit):
            return f"exit code {self.code}"
        return _in_one_line(self.exception)


class Trainer:
    """Runs training jobs of a platform, one after the other, in this process.

    Args:
        platform: where the jobs are.
        folder: where result directories and caches are made, one sub-folder a job; it is left as it
            is afterwards, so that a test can look at it.
        api_url: base URL of the API, for `ABEJA_API_URL`.
        image: image of jobs that name none.
        environment: user variables of every job, below those of version and job.
        random_seed: seed of `random` and of NumPy's generator in every job.
        relative_result: give the handler a result directory relative to its working directory, as
            the documentation says, instead of the absolute one the runner makes.
        git: the repositories that stand for the URLs of versions from git; none by default.
    """

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        platform: Platform,
        folder: Path,
        *,
        api_url: str = "https://api.abeja.io",
        image: str | None = None,
        environment: Mapping[str, Any] | None = None,
        random_seed: int | None = None,
        relative_result: bool = False,
        git: GitSources | None = None,
    ) -> None:
        self._platform = platform
        self._folder = folder
        self._api_url = api_url
        self._environment = environment
        self._random_seed = random_seed
        self._relative_result = relative_result
        self._git = git or GitSources()
        self._definitions = Definitions(platform.world)
        self._jobs = Jobs(platform.world)
        self._maker = JobMaker(platform, image)

    def train(  # noqa: PLR0913 - the fields of a version and a job, all by name
        self,
        handler: Handler,
        *,
        datasets: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        image: str | None = None,
        instance_type: str | None = None,
        definition: str | None = None,
        description: str | None = None,
    ) -> TrainedJob:
        """Make a definition (or take the one of that name), a version and a job, and run it.

        Args:
            handler: what to call.
            datasets: alias → dataset id, or what has one as its text.
            environment: the user's variables of the job.
            image: image of the version; by default that of the trainer.
            instance_type: of the job.
            definition: name of the definition; the handler's name by default.
            description: of the job.

        Raises:
            VariableError: when an id is no integer or a variable has no name; no job is made then.
            BadRequest: when the platform would not take a field; no job is made then.
        """
        job, version = self._maker.make(
            handler.name,
            datasets=datasets,
            environment=environment,
            image=image,
            instance_type=instance_type,
            definition=definition,
            description=description,
        )
        return self._run(job, version, handler)

    def run(self, job_id: str) -> TrainedJob:
        """Run a job that was made through the API and is Pending, from its version's source archive or from git.

        One whose source is in no repository of this machine fails, and its log says why, as in a child.

        Raises:
            NotFound: when there is no such job.
            Conflict: when it is not Pending.
        """
        with self._platform.world.store.reading():
            job = self._jobs.find(job_id)
            if job.status != "Pending":
                message = f"job {job_id} is {job.status}; only a job that is Pending can be run"
                raise Conflict(message)
            definition = self._definitions.get(job.organization_id, job.job_definition_id)
            version = self._definitions.version(definition, str(job.job_definition_version))
            archive = None if version.git_url is not None else self._definitions.archive_of(version)
        source = self._folder / job_id / "source"
        shutil.rmtree(source, ignore_errors=True)
        log = Log(self._platform.clock)
        if archive is not None:
            unpack(archive, source)
        else:
            try:
                told = self._git.check_out(version, source)
            except GitError as error:
                return self._refuse(job, error, log)
            log.write("INFO", f"abeja-emulator: {told}\n")
        return self._run(job, version, Handler(version.handler, source), log)

    def _refuse(self, job: TrainingJob, error: Exception, log: Log) -> TrainedJob:
        """Let a job end that cannot begin."""
        log.write("WARNING", f"{error}\n")
        with self._platform.world.store.transaction():
            current = self._jobs.find(job.training_job_id)
            self._jobs.log(job.training_job_id, log.lines)
            if current.status == "Pending":
                self._jobs.move(current, "Failed", str(error))
        place = self._folder.resolve() / job.training_job_id
        shutil.rmtree(place, ignore_errors=True)
        return TrainedJob(self._platform, job.training_job_id, place / RESULT_FOLDER, error)

    def _run(
        self, job: TrainingJob, version: JobDefinitionVersion, handler: Handler, log: Log | None = None
    ) -> TrainedJob:
        # getcwd may be a link's target; the job's paths must be what the handler's own getcwd will say.
        work = handler.work.resolve()
        result = self._folder.resolve() / job.training_job_id / RESULT_FOLDER
        storage = self._folder.resolve() / job.training_job_id / "storage"
        for folder in (result, storage):
            # A job that was rolled back has its id again, and may have run before.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        shown = os.path.relpath(result, work) if self._relative_result else str(result)
        outside = dict(os.environ)
        environment = {
            **overlaid(without_foreign(outside), user_variables(self._environment, job.environment)),
            **job_variables(job, handler.name, self._api_url, shown, storage),
        }
        calling = calling_of(version.image)
        log = log or Log(self._platform.clock)
        confined = [name for name in CONFINING.values() if name in environment]
        if confined:
            message = (
                f"{' and '.join(confined)}: what a job is confined to is about its process, and this one runs in that "
                "of its test; run it in a child: abeja_train(…, train_in='child')"
            )
            return self._refuse(job, ConfinementError(message), log)
        self._move(job, "Active")
        outcome = Outcome(1)
        try:
            with ExitStack() as stack:
                stack.enter_context(restored_environment(environment))
                stack.enter_context(thawed_sdk(environment, outside))
                stack.enter_context(kept_output(log))
                stack.enter_context(restored_process(work))
                stack.enter_context(seeded(self._random_seed))
                if handler.source is not None:
                    stack.enter_context(FreshModules(handler.source, work))
                outcome = _call(handler, calling, lambda: _context(calling, job, environment))
        finally:
            self._finish(job, outcome, log, result)
        return TrainedJob(self._platform, job.training_job_id, result, outcome.exception)

    def _move(self, job: TrainingJob, status: str, message: str | None = None) -> None:
        with self._platform.world.store.transaction():
            self._jobs.move(self._jobs.find(job.training_job_id), status, message)

    def _finish(self, job: TrainingJob, outcome: Outcome, log: Log, result: Path) -> None:
        """Keep log and result, on success and failure alike, and let the job end."""
        archive = pack(result)
        with self._platform.world.store.transaction():
            current = self._jobs.find(job.training_job_id)
            self._jobs.log(job.training_job_id, log.lines)
            # Somebody may have stopped it through the API meanwhile; then that is how it ended, without a result.
            if current.status != "Active":
                return
            if archive is not None:
                current = self._jobs.keep_result(current, Upload(archive, len(archive), "application/zip"))
            self._jobs.move(current, "Complete" if outcome.succeeded else "Failed", outcome.message)


def _context(calling: Calling, job: TrainingJob, environment: Mapping[str, str]) -> Any:
    return make_context(calling, dataset_ids(job.datasets), context_entries(environment))


def _call(handler: Handler, calling: Calling, make: Callable[[], Any]) -> Outcome:
    """Import the handler and call it with the context that `make` returns; what it returns is ignored.

    Exit codes are the launcher's (behaviour.md, 1.3). An exception that is no `Exception` and no
    `SystemExit`, such as Ctrl-C or a skip of pytest, is the person's and not the handler's: it goes on.
    """
    try:
        function = handler.load(calling)
        function(make())
    except SystemExit as stop:
        if isinstance(stop.code, int) or stop.code is None:
            # One byte is all that a parent process sees of it.
            return Outcome((stop.code or 0) & 0xFF, stop)
        print(stop.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        return Outcome(1, stop)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises fails its job
        if isinstance(error, (HandlerError, VariableError)) and user_traceback(error.__traceback__) is None:
            print(error, file=sys.stderr)  # noqa: T201 - a sentence for the log
        else:
            traceback.print_exception(type(error), error, user_traceback(error.__traceback__))
            hint = hint_for(error, calling)
            if hint is not None:
                print(hint, file=sys.stderr)  # noqa: T201 - a sentence for the log
        return Outcome(1, error)
    return Outcome(0)


def _in_one_line(error: BaseException) -> str:
    # Notes come last in what traceback returns, and a message may have several lines.
    if isinstance(error, (HandlerError, VariableError)):
        return str(error)
    kind = type(error)
    package = "" if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}."
    name = package + kind.__qualname__
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - a job ends, whatever its exceptions can say of themselves
        text = "(it has no text)"
    return f"{name}: {text.splitlines()[0]}" if text else name
