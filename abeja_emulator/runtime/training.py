"""Training in this process: breakpoints, coverage and speed, without a child."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abeja_emulator.archives import pack, unpack
from abeja_emulator.runtime.handlers import Handler
from abeja_emulator.runtime.images import calling_of, make_context
from abeja_emulator.runtime.job import TrainedJob
from abeja_emulator.runtime.modules import FreshModules
from abeja_emulator.runtime.output import Log, kept_output
from abeja_emulator.runtime.process import restored_environment, restored_process
from abeja_emulator.runtime.sdk import thawed_sdk
from abeja_emulator.runtime.variables import dataset_ids, job_variables, user_variables, without_foreign
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping
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
        return traceback.format_exception_only(type(self.exception), self.exception)[-1].strip()


class Trainer:
    """Runs training jobs of a platform, one after the other, in this process.

    Args:
        platform: where the jobs are.
        folder: where result directories and caches are made, one sub-folder a job; it is left as it
            is afterwards, so that a test can look at it.
        api_url: base URL of the API, for `ABEJA_API_URL`.
        environment: user variables of every job, below those of version and job.
        relative_result: give the handler a result directory relative to its working directory, as
            the documentation says, instead of the absolute one the runner makes.
    """

    def __init__(
        self,
        platform: Platform,
        folder: Path,
        *,
        api_url: str = "https://api.abeja.io",
        environment: Mapping[str, Any] | None = None,
        relative_result: bool = False,
    ) -> None:
        self._platform = platform
        self._folder = folder
        self._api_url = api_url
        self._environment = environment
        self._relative_result = relative_result
        self._definitions = Definitions(platform.world)
        self._jobs = Jobs(platform.world)

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
            image: image of the version.
            instance_type: of the job.
            definition: name of the definition; the handler's name by default.
            description: of the job.

        Raises:
            VariableError: when an id is no integer or a variable has no name; no job is made then.
            BadRequest: when the platform would not take a field; no job is made then.
        """
        wanted, variables = dataset_ids(datasets), user_variables(environment)
        organization = self._platform.organization.id
        with self._platform.world.store.transaction():
            name = definition or handler.name.replace(":", "-").replace("<", "").replace(">", "")
            made = self._definitions.find(organization, name) or self._definitions.create(organization, name)
            version = self._definitions.create_version(made, None, handler=handler.name, image=image)
            job = self._jobs.create(
                made,
                version,
                self._platform.user.id,
                datasets=wanted,
                environment=variables,
                instance_type=instance_type,
                description=description,
            )
        return self._run(job, version, handler)

    def run(self, job_id: str) -> TrainedJob:
        """Run a job that was made through the API and is Pending, from its version's source archive.

        Raises:
            NotFound: when there is no such job.
            Conflict: when it is not Pending.
        """
        with self._platform.world.store.reading():
            job = self._jobs.find(job_id)
            definition = self._definitions.get(job.organization_id, job.job_definition_id)
            version = self._definitions.version(definition, str(job.job_definition_version))
            archive = self._definitions.archive_of(version)
        source = self._folder / job_id / "source"
        unpack(archive, source)
        return self._run(job, version, Handler(version.handler, source))

    def _run(self, job: TrainingJob, version: JobDefinitionVersion, handler: Handler) -> TrainedJob:
        # getcwd may be a link's target; the job's paths must be what the handler's own getcwd will say.
        work = handler.work.resolve()
        result = self._folder.resolve() / job.training_job_id / RESULT_FOLDER
        storage = self._folder.resolve() / job.training_job_id / "storage"
        for folder in (result, storage):
            folder.mkdir(parents=True)
        shown = os.path.relpath(result, work) if self._relative_result else str(result)
        outside = dict(os.environ)
        environment = {
            **without_foreign(outside),
            **user_variables(self._environment, job.environment),
            **job_variables(job, handler.name, self._api_url, shown, storage),
        }
        calling = calling_of(version.image)
        context = make_context(calling, job.datasets)
        log = Log(self._platform.clock)
        self._move(job, "Active")
        outcome = Outcome(1)
        try:
            with ExitStack() as stack:
                stack.enter_context(restored_environment(environment))
                stack.enter_context(thawed_sdk(environment, outside))
                stack.enter_context(kept_output(log))
                stack.enter_context(restored_process(work))
                if handler.source is not None:
                    stack.enter_context(FreshModules(handler.source))
                outcome = _call(handler, calling, context)
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
            if archive is not None:
                current = self._jobs.keep_result(current, Upload(archive, len(archive), "application/zip"))
            # Somebody may have stopped it through the API meanwhile; then that is how it ended.
            if current.status == "Active":
                self._jobs.move(current, "Complete" if outcome.succeeded else "Failed", outcome.message)


def _call(handler: Handler, calling: Calling, context: Any) -> Outcome:
    """Import and call the handler; what it returns is ignored.

    Exit codes are the launcher's (behaviour.md, 1.3). An exception that is no `Exception` and no
    `SystemExit`, such as Ctrl-C or a skip of pytest, is the person's and not the handler's: it goes on.
    """
    try:
        handler.load(calling)(context)
    except SystemExit as stop:
        if isinstance(stop.code, int) or stop.code is None:
            return Outcome(stop.code or 0, stop)
        print(stop.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        return Outcome(1, stop)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises fails its job
        # From the handler's own frames on: the two above them are ours.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, trace or error.__traceback__)
        return Outcome(1, error)
    return Outcome(0)
