"""Model code that is ready to start: unpacked, with its interpreter and its environment; and its processes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.runtime.child_options import ChildOptions
from abeja_emulator.runtime.child_process import NotStarted
from abeja_emulator.runtime.faked_disk import why_no_child
from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.runtime.interpreters import InterpreterError
from abeja_emulator.runtime.requirement_files import RequirementsError, project_of
from abeja_emulator.runtime.variables import VariableError, overlaid, without_foreign
from abeja_emulator.serving.model_process import ModelProcess
from abeja_emulator.serving.preparation import Preparation, PreparationError
from abeja_emulator.serving.variables import job_of_model_variables, merged_user_variables, platform_variables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.limits import AppliedLimits, Limits
    from abeja_emulator.runtime.log_stream import Sink
    from abeja_emulator.serving.preparation import Log
    from abeja_emulator.serving.variables import Role

#: What the platform's images carry for models, where an environment is made for their requirements.
RUNTIME = "abejaruntime>=1.1.1"


#: What is not possible while a test has faked the file system, and what to do instead.
_IN_A_CHILD = ("a model", "start it in a test or a fixture without, or call its handler with abeja_serve")


@dataclass(frozen=True)
class ReadyCode:
    """Model code that processes can be started of.

    Attributes:
        python: the interpreter.
        source: its working directory.
        folder: where its processes may leave files.
        environment: all of the environment but what a process of its own has.
        calling: how its image calls a handler.
        limits: what each process may use, or None.
    """

    python: Path
    source: Path
    folder: Path
    environment: dict[str, str]
    calling: ModelCalling
    limits: Limits | None


class ModelCodes:
    """Makes model code of one Platform ready, and starts processes of it.

    Args:
        platform: where versions and models are.
        options: of `ChildOptions`; with what is `preinstalled` comes the runtime.
    """

    def __init__(self, platform: Platform, **options: Any) -> None:
        self._platform = platform
        self._options = ChildOptions(**options)
        self._preparation = Preparation(platform, self._options.git)

    def ready(  # noqa: PLR0913 - all but the first two by name
        self,
        place: Path,
        role: Role,
        *,
        models: Mapping[str, str],
        variables: Mapping[str, str],
        instance_type: str | None,
        log: Log,
        cancelled: Callable[[], bool],
    ) -> ReadyCode:
        """Make code ready in a folder, in the place of what it may have.

        Args:
            place: a folder of nobody else's.
            role: what the code runs as.
            models: alias → id of a training model.
            variables: of the service, the trigger or the run.
            instance_type: whose limits its processes have.
            log: takes sentences for the log.
            cancelled: returns whether nobody wants it any more.

        Raises:
            PreparationError: when that cannot be done; the text is for the log.
            Cancelled: when `cancelled` says so.
        """
        version, options = role.version, self._options
        nowhere = why_no_child(*_IN_A_CHILD)
        if nowhere is not None:
            raise PreparationError(nowhere)
        try:
            user = merged_user_variables(
                options.variables, role.deployment.default_environment, version.user_parameters, variables
            )
            prepared = self._preparation.prepare(
                place, deployment=role.deployment, version=version, models=models, variables=user, log=log
            )
            calling = ModelCalling.of(options.interpreters.calling_of(version.image))
            python = options.interpreters.for_image(version.image)
            if options.environments is not None:
                python = options.environments.python_for(
                    prepared.source,
                    python,
                    preinstalled=self._carried(calling),
                    progress=log,
                    cancelled=cancelled,
                )
        except (InterpreterError, RequirementsError, VariableError) as error:
            raise PreparationError(str(error)) from error
        environment = {
            **options.seed_variables,
            **overlaid(
                {**without_foreign(options.environment()), **job_of_model_variables(prepared.job)},
                user,
            ),
            **platform_variables(role, options.api_url(), prepared.result, prepared.storage),
        }
        return ReadyCode(
            python=python,
            source=prepared.source,
            folder=place,
            environment=environment,
            calling=calling,
            limits=options.limits_of(instance_type),
        )

    def start(
        self,
        code: ReadyCode,
        sink: Sink,
        log: Log,
        on_end: Callable[[], object] = lambda: None,
    ) -> ModelProcess:
        """Start a process of code that is ready, and hold it to its limits.

        Args:
            code: of `ready`.
            sink: takes the lines of its log.
            log: takes sentences for the log.
            on_end: called when the process has ended.

        Raises:
            NotStarted: when there is no such interpreter, or a test has faked the file system.
        """
        nowhere = why_no_child(*_IN_A_CHILD)
        if nowhere is not None:
            raise NotStarted(nowhere)
        stack = ExitStack()
        held: list[AppliedLimits] = []

        def hold(pid: int) -> None:
            if code.limits is not None:
                applied = stack.enter_context(code.limits.applied_to(pid, cpus=self._options.cpus))
                held.append(applied)
                for sentence in applied.not_applied:
                    log(sentence)

        def ended() -> None:
            stack.close()
            for applied in held:
                if applied.exceeded is not None:
                    log(applied.exceeded)
            on_end()

        return ModelProcess(
            code.python,
            code.source,
            code.folder,
            code.environment,
            sink,
            self._platform.clock,
            calling=code.calling,
            installed=self._options.installs,
            random_seed=self._options.random_seed,
            on_start=hold,
            on_end=ended,
        )

    def _carried(self, calling: ModelCalling) -> tuple[str, ...]:
        """Return what the image carries: the runtime too, which came with 19.04."""
        preinstalled = tuple(self._options.preinstalled)
        names = [project_of(line) for line in preinstalled]
        needed = calling is ModelCalling.RUNTIME and project_of(RUNTIME) not in names
        return (*preinstalled, RUNTIME) if needed else preinstalled
