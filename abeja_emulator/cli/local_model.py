"""A model handler of a folder here: its process, started again when it is gone, and the proxy in front of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import CommandError
from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.runtime.requirement_files import RequirementsError
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.runtime.variables import overlaid, without_foreign
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.hosted_model import HostedModel
from abeja_emulator.serving.model_code import RUNTIME, ModelCodes, ReadyCode
from abeja_emulator.serving.model_process import NotReady
from abeja_emulator.serving.proxy import GRACE, Proxy
from abeja_emulator.serving.tokens import Tokens
from abeja_emulator.serving.variables import Role, merged_user_variables, platform_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from abeja_emulator.cli.signals import Signals
    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.log_stream import Sink
    from abeja_emulator.serving.model_process import ModelProcess

#: Name of the deployment and of the version that the model is told it is of.
_NAME = "local"
_VERSION = "0.0.1"

#: Seconds between two looks at what has happened.
_PACE = 0.1


class LocalModel:
    """One process of a model handler.

    It runs in the source folder itself, and has the result directory itself: what it writes there stays.

    Args:
        platform: what it calls when it calls the platform; a deployment is made there.
        folder: a folder of nobody else's, for what the process leaves.
        handler: `module:function`.
        image: decides how that is called.
        source: the source folder.
        result: its `ABEJA_TRAINING_RESULT_DIR`; made where there is none.
        variables: the user's.
        api_url: base URL of the platform.
        environment: what is below all other variables.
        sink: takes its log.
        say: takes sentences for the person.
        instance_type: whose limits it has, where there are limits.
        signals: end it.
        options: of an `Executor`.

    Attributes:
        proxy: answers requests to the model; 503 while there is none.

    Raises:
        BadRequest: when there is no such image.
        VariableError: when a variable is the platform's own.
    """

    def __init__(  # noqa: PLR0913 - what a process is made of
        self,
        platform: Platform,
        folder: Path,
        *,
        handler: str,
        image: str,
        source: Path,
        result: Path,
        variables: Mapping[str, str],
        api_url: str,
        environment: Mapping[str, str],
        sink: Sink,
        say: Callable[[str], object],
        instance_type: str,
        signals: Signals,
        options: Mapping[str, Any],
    ) -> None:
        self._platform = platform
        self._folder = folder
        self._image = image
        self._source = source
        self._sink = sink
        self._say = say
        self._signals = signals
        self._options = options
        self._instance_type = instance_type
        self._codes = ModelCodes(platform, api_url=lambda: api_url, **options)
        self._code: ReadyCode | None = None
        self._model: HostedModel | None = None
        user = merged_user_variables(variables)
        role = self._role(handler)
        places = result, folder / "storage"
        for place in places:
            place.mkdir(exist_ok=True)
        self._environment = {
            **overlaid(without_foreign(environment), user),
            **platform_variables(role, api_url, *places),
        }
        identity = Identity(role.deployment.deployment_id, model_version=_VERSION)
        self.proxy = Proxy(identity, platform.spool, on_gone=lambda *_: None, log=say)

    def start(self) -> None:
        """Let the model take requests.

        Raises:
            CommandError: when it cannot be served; its log says why.
            NotStarted: when there is no such interpreter.
            KeyboardInterrupt: when SIGINT comes meanwhile.
            Terminated: when SIGTERM does.
        """
        code = self._made_ready()
        self._model = model = HostedModel(
            lambda on_end: self._started(code, on_end), self._platform.clock, lambda: None
        )
        try:
            model.process.wait_ready(None, lambda: self._signals.number is not None)
        except NotReady as error:
            self._signals.check()
            # Its log was shown.
            raise CommandError(str(error).partition("; its log ends")[0]) from error
        self.proxy.exchange((model,))

    def keep(self) -> None:
        """Start the model again whenever it is gone, until a signal comes.

        Raises:
            CommandError: when it has ended although nobody had asked it anything, or cannot be started again.
        """
        while not self._signals.wait(_PACE):
            model = self._model
            if model is None or model.why_gone is None:
                continue
            if not model.asked:
                message = f"the model has ended ({model.why_gone}) before it was asked anything; its log says why"
                raise CommandError(message)
            self._say(f"the model has ended ({model.why_gone}); it is started again")
            model.end(lambda: True)
            self.start()

    def close(self) -> None:
        """Answer what was asked, and end the model; a second signal ends it at once."""
        self.proxy.end()
        end = time.monotonic() + GRACE
        model, self._model = self._model, None
        while not self.proxy.drain(_PACE):
            if model is not None and (self._signals.again or time.monotonic() >= end):
                model.process.kill()
        self.proxy.close(0)
        if model is not None:
            model.process.close()

    # -- how ------------------------------------------------------------------------------------

    def _role(self, handler: str) -> Role:
        platform = self._platform
        organization, creator = platform.organization.id, platform.user.id
        with platform.world.store.transaction():
            deployment = Deployments(platform.world).create(organization, _NAME, creator)
            version = Versions(platform.world).create(deployment, _VERSION, creator, image=self._image, handler=handler)
        return Role(deployment, version, Tokens(platform).give(organization, creator))

    def _made_ready(self) -> ReadyCode:
        """Return the code, with its interpreter; requirements are installed when this is called first."""
        if self._code is None:
            interpreters, environments = self._options["interpreters"], self._options["environments"]
            python = interpreters.for_image(self._image)
            if environments is not None:
                preinstalled = (*self._options["preinstalled"], RUNTIME)
                try:
                    python = environments.python_for(
                        self._source,
                        python,
                        preinstalled=preinstalled,
                        progress=self._say,
                        cancelled=lambda: self._signals.number is not None,
                    )
                except Cancelled:
                    self._signals.check()
                    raise
                except RequirementsError as error:
                    raise CommandError(str(error)) from error
            types = self._options["instance_types"]
            self._code = ReadyCode(
                python=python,
                source=self._source,
                folder=self._folder,
                environment=self._environment,
                calling=ModelCalling.of(interpreters.calling_of(self._image)),
                limits=None if types is None else types.for_type(self._instance_type),
            )
        return self._code

    def _started(self, code: ReadyCode, on_end: Callable[[], object]) -> ModelProcess:
        return self._codes.start(code, self._sink, self._say, on_end)
