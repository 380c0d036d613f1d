"""Model code that is ready to start: unpacked, with its interpreter and its environment; and its processes."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.runtime.interpreters import InterpreterError, Interpreters
from abeja_emulator.runtime.limits import Cpus
from abeja_emulator.runtime.requirement_files import RequirementsError, project_of
from abeja_emulator.runtime.variables import VariableError, overlaid, without_foreign
from abeja_emulator.serving.model_process import ModelProcess
from abeja_emulator.serving.preparation import Preparation, PreparationError
from abeja_emulator.serving.variables import job_of_model_variables, merged_user_variables, platform_variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.git_sources import GitSources
    from abeja_emulator.runtime.limits import AppliedLimits, InstanceTypes, Limits
    from abeja_emulator.runtime.log_stream import Sink
    from abeja_emulator.runtime.requirements import Environments
    from abeja_emulator.serving.preparation import Log
    from abeja_emulator.serving.variables import Role

#: What the platform's images carry for models, where an environment is made for their requirements.
RUNTIME = "abejaruntime>=1.1.1"


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
        api_url: returns the base URL of the API for children, `http://127.0.0.1:<port>`.
        environment: returns what children have in their environment below what the platform and the user set.
        interpreters: which Python runs which image; the current one by default.
        environments: installs the requirements of the code; None leaves them alone, and the log says so.
        preinstalled: what images carry, installed with the requirements, such as `abeja-sdk>=2.3`; the runtime comes
            with them.
        instance_types: what a process on which instance type may use; None limits nothing.
        random_seed: seed of `random` and of NumPy's generator in every process.
        variables: user variables of all model code, below all others.
        git: the repositories that stand for the URLs of versions from git; none by default.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        platform: Platform,
        *,
        api_url: Callable[[], str],
        environment: Callable[[], Mapping[str, str]] = lambda: os.environ,
        interpreters: Interpreters | None = None,
        environments: Environments | None = None,
        preinstalled: Sequence[str] = (),
        instance_types: InstanceTypes | None = None,
        random_seed: int | None = None,
        variables: Mapping[str, Any] | None = None,
        git: GitSources | None = None,
    ) -> None:
        self._platform = platform
        self._api_url = api_url
        self._environment = environment
        self._interpreters = interpreters or Interpreters()
        self._environments = environments
        self._preinstalled = tuple(preinstalled)
        self._instance_types = instance_types
        self._cpus = Cpus()
        self._random_seed = random_seed
        self._variables = variables
        self._preparation = Preparation(platform, git)

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
        version = role.version
        try:
            user = merged_user_variables(
                self._variables, role.deployment.default_environment, version.user_parameters, variables
            )
            prepared = self._preparation.prepare(
                place, deployment=role.deployment, version=version, models=models, variables=user, log=log
            )
            calling = ModelCalling.of(self._interpreters.calling_of(version.image))
            python = self._interpreters.for_image(version.image)
            if self._environments is not None:
                python = self._environments.python_for(
                    prepared.source,
                    python,
                    preinstalled=self._carried(calling),
                    progress=log,
                    cancelled=cancelled,
                )
        except (InterpreterError, RequirementsError, VariableError) as error:
            raise PreparationError(str(error)) from error
        environment = {
            **({} if self._random_seed is None else {"PYTHONHASHSEED": str(self._random_seed % 2**32)}),
            **overlaid(
                {**without_foreign(self._environment()), **job_of_model_variables(prepared.job)},
                user,
            ),
            **platform_variables(role, self._api_url(), prepared.result, prepared.storage),
        }
        return ReadyCode(
            python=python,
            source=prepared.source,
            folder=place,
            environment=environment,
            calling=calling,
            limits=self._limits_of(instance_type),
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
            NotStarted: when there is no such interpreter.
        """
        stack = ExitStack()
        held: list[AppliedLimits] = []

        def hold(pid: int) -> None:
            if code.limits is not None:
                applied = stack.enter_context(code.limits.applied_to(pid, cpus=self._cpus))
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
            installed=self._environments is not None,
            random_seed=self._random_seed,
            on_start=hold,
            on_end=ended,
        )

    def _carried(self, calling: ModelCalling) -> tuple[str, ...]:
        """Return what the image carries: the runtime too, which came with 19.04."""
        names = [project_of(line) for line in self._preinstalled]
        needed = calling is ModelCalling.RUNTIME and project_of(RUNTIME) not in names
        return (*self._preinstalled, RUNTIME) if needed else self._preinstalled

    def _limits_of(self, instance_type: str | None) -> Limits | None:
        if self._instance_types is None or instance_type is None:
            return None
        return self._instance_types.for_type(instance_type)
