"""The model of a run: its code is made ready once, and a process of it is started for each attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.runner import MODE_VARIABLE
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.serving.preparation import PreparationError
from abeja_emulator.serving.process_log import run_log
from abeja_emulator.serving.run_input import input_variables
from abeja_emulator.serving.tokens import Tokens
from abeja_emulator.serving.variables import Role

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.serving.model_code import ModelCodes, ReadyCode
    from abeja_emulator.serving.model_process import ModelProcess


class RunModel:
    """The model of one run; in a `with` it has a credential.

    Its log is that of the run. It runs without limits: a run has no instance type.

    Args:
        platform: where the run is.
        codes: makes code ready.
        run: the run.
        place: a folder of nobody else's.
        cancelled: returns whether nobody wants it any more.
    """

    def __init__(
        self, platform: Platform, codes: ModelCodes, run: Run, place: Path, cancelled: Callable[[], bool]
    ) -> None:
        self._deployments = Deployments(platform.world)
        self._reading = platform.world.store.reading
        self._tokens = Tokens(platform)
        self._codes = codes
        self._run = run
        self._place = place
        self._cancelled = cancelled
        self._log = run_log(platform, run.run_id)
        self._token = ""
        self._code: ReadyCode | None = None

    def make_ready(self) -> ReadyCode:
        """Return the code, made ready when this is called first.

        Raises:
            PreparationError: when that cannot be done; the text is for the log.
            Cancelled: when nobody wants it any more.
        """
        if self._code is None:
            run = self._run
            code = self._codes.ready(
                self._place,
                self._role(),
                models=run.models,
                variables=run.user_env_vars,
                instance_type=None,
                log=self._log.say,
                cancelled=self._cancelled,
            )
            environment = {**code.environment, **input_variables(run)}
            environment.pop(MODE_VARIABLE, None)
            self._code = replace(code, environment=environment)
        return self._code

    def start(self) -> ModelProcess:
        """Start a process.

        Raises:
            PreparationError: as `make_ready`.
            NotStarted: when there is no such interpreter.
        """
        return self._codes.start(self.make_ready(), self._log.keep, self._log.say)

    def _role(self) -> Role:
        run = self._run
        try:
            with self._reading():
                deployment = self._deployments.get(run.organization_id, run.deployment_id)
                version = self._deployments.version(deployment, run.model_version_id)
        except NotFound as error:
            message = f"the code of the run is not there any more: {error.description}"
            raise PreparationError(message) from error
        return Role(deployment=deployment, version=version, token=self._token, run_id=run.run_id)

    def __enter__(self) -> Self:
        self._token = self._tokens.give(self._run.organization_id, self._run.creator_id)
        return self

    def __exit__(self, *exception: object) -> None:
        self._tokens.take(self._token)
