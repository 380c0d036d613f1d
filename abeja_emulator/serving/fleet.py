"""The instances of a service that have the same settings, and how they are started."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.serving.burials import Burials
from abeja_emulator.serving.hosted_model import HostedModel
from abeja_emulator.serving.messages import TIMEOUT
from abeja_emulator.serving.model_process import ModelProcess, NotReady
from abeja_emulator.serving.role_proxy import proxy_of
from abeja_emulator.serving.variables import Role

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.services.records import Service
    from abeja_emulator.serving.model_code import ModelCodes, ReadyCode
    from abeja_emulator.serving.process_log import ProcessLog
    from abeja_emulator.serving.proxy import Proxy
    from abeja_emulator.serving.tokens import Tokens

    Unwanted = Callable[[], bool]

#: Processes that may end, one after the other, before they were asked anything; the last one lets the service fail.
#: Evidence: inferred.
TRIES = 3

#: Exit code of a runtime that could not load the model (abejaruntime, run.py); another try would end the same way.
NOT_LOADED = 1


class CannotServeError(Exception):
    """A service that cannot be started, or goes on ending; the text says why."""


@dataclass
class Fleet:
    """Instances of a service.

    Attributes:
        service: the service as it was when they were started.
        proxy: asks them.
        code: what they were started of.
        models: those that are asked.
        size: how many there ought to be.
        crashes: how many in a row have ended before they were asked anything.
    """

    service: Service
    proxy: Proxy
    code: ReadyCode
    size: int
    models: list[HostedModel] = field(default_factory=list)
    crashes: int = 0


class Fleets:
    """Starts the instances of one service.

    Args:
        platform: where the service is.
        codes: makes its code ready.
        folder: where a sub-folder for each start is made.
        tokens: credentials; the service has one as long as it is kept.
        log: of the service.
        most: most instances; others are not started, and the log says so.
        patience: real seconds in which a process has to take requests; None waits as long as it lives.
        answer_timeout: returns the seconds by the Platform's clock that an instance has for one answer.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a process is made of
        self,
        platform: Platform,
        codes: ModelCodes,
        folder: Path,
        tokens: Tokens,
        log: ProcessLog,
        most: int,
        patience: float | None = None,
        answer_timeout: Callable[[], float] = lambda: TIMEOUT,
    ) -> None:
        self._platform = platform
        self._codes = codes
        self._folder = folder
        self._tokens = tokens
        self._log = log
        self._most = most
        self._patience = patience
        self._answer_timeout = answer_timeout
        self._token: str | None = None
        self.burials = Burials(platform.clock)

    def start(self, service: Service, before: Fleet | None, unwanted: Unwanted, changed: Callable[[], object]) -> Fleet:
        """Start instances, which take requests when this returns, in the place of those there are.

        Args:
            service: the service as it is.
            before: instances with other settings; they answer what they were asked, and end.
            unwanted: returns whether nobody wants the instances any more.
            changed: told when one of them ends, or gave no answer; it must only note that.

        Raises:
            Cancelled: when `unwanted` says so.
            CannotServeError: when they cannot be started.
            PreparationError: when what they need is not there.
            NotStarted: when their interpreter is not.
        """
        role, place = self._role_of(service), self._place_of(service)
        fleet: Fleet | None = None
        try:
            code = self._codes.ready(
                place,
                role,
                models=service.models,
                variables=service.environment,
                instance_type=service.instance_type,
                log=self._log.say,
                cancelled=unwanted,
            )
            proxy = self._proxy_of(role, changed) if before is None else before.proxy
            fleet = Fleet(service, proxy, code, self._size_of(service))
            # All at once: what a model does when it is loaded takes its time.
            for _ in range(fleet.size):
                fleet.models.append(self._launched(code, changed))
            for number, model in enumerate(fleet.models):
                fleet.models[number] = self._made_ready(code, model, unwanted, changed)
        except BaseException:
            self.burials.bury([] if fleet is None else fleet.models, folder=place)
            raise
        if before is None:
            proxy.exchange(fleet.models)
        else:
            self.burials.exchange(proxy, fleet.models, before.models, before.code.folder)
        return fleet

    def mend(self, fleet: Fleet, unwanted: Unwanted, changed: Callable[[], object]) -> None:
        """Start instances in the place of those that have ended; the arguments are those of `start`.

        Raises:
            Cancelled: when `unwanted` says so.
            CannotServeError: when instances end again and again.
            NotStarted: when the interpreter is gone.
        """
        while len(fleet.models) < fleet.size:
            model = self._made_ready(fleet.code, self._launched(fleet.code, changed), unwanted, changed)
            fleet.models.append(model)
            fleet.proxy.add(model)

    def sort_out(self, fleet: Fleet) -> None:
        """Ask those no more that have ended, or gave no answer.

        Raises:
            CannotServeError: when too many in a row have ended before they were asked anything.
        """
        gone = [model for model in fleet.models if model.why_gone is not None]
        if not gone:
            return
        fleet.models = [model for model in fleet.models if model not in gone]
        self.burials.exchange(fleet.proxy, fleet.models, gone)
        for model in gone:
            model.close()
        for model in gone:
            self._log.say(f"an instance has ended ({model.why_gone}); another is started in its place")
            fleet.crashes = 0 if model.asked else fleet.crashes + 1
        if fleet.crashes >= TRIES:
            message = f"{fleet.crashes} instances in a row have ended before they were asked anything"
            raise CannotServeError(message)

    def end(self, fleet: Fleet) -> None:
        """Take no more requests, answer those there are, and end the instances, in the background."""
        self.burials.bury(fleet.models, proxy=fleet.proxy, folder=fleet.code.folder)

    def close(self) -> None:
        """Give the service's credential back."""
        if self._token is not None:
            self._tokens.take(self._token)
            self._token = None

    # -- what a fleet needs ---------------------------------------------------------------------

    def _role_of(self, service: Service) -> Role:
        if self._token is None:
            self._token = self._tokens.give(service.organization_id, service.creator_id)
        world = self._platform.world
        try:
            with world.store.reading():
                deployment = Deployments(world).get(service.organization_id, service.deployment_id)
                version = Versions(world).get(deployment, service.version_id)
        except NotFound as error:
            raise CannotServeError(error.description) from error
        return Role(deployment, version, self._token, service_id=service.service_id)

    def _place_of(self, service: Service) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        # One of its own, for that of earlier instances may be in use yet.
        return Path(tempfile.mkdtemp(prefix=f"{service.service_id}-", dir=self._folder))

    def _size_of(self, service: Service) -> int:
        if service.instance_number > self._most:
            self._log.say(
                f"{service.instance_number} instances are asked for, and {self._most} are started: more are not on "
                "this machine"
            )
        return min(service.instance_number, self._most)

    def _proxy_of(self, role: Role, changed: Callable[[], object]) -> Proxy:
        return proxy_of(
            role,
            self._platform,
            on_gone=lambda *_: changed(),
            log=self._log.say,
            timeout=self._answer_timeout,
        )

    # -- processes ------------------------------------------------------------------------------

    def _launched(self, code: ReadyCode, changed: Callable[[], object]) -> HostedModel:
        def start(on_end: Callable[[], object]) -> ModelProcess:
            return self._codes.start(code, self._log.keep, self._log.say, on_end)

        return HostedModel(start, self._platform.clock, changed)

    def _made_ready(
        self, code: ReadyCode, model: HostedModel, unwanted: Unwanted, changed: Callable[[], object]
    ) -> HostedModel:
        """Return an instance that takes requests: this one, or another after it.

        Raises:
            Cancelled: when nobody wants it.
            CannotServeError: when none can be had.
        """
        tries, stopped = 1, False

        def is_stopped() -> bool:
            # Once is enough: the record may say again what it said before.
            nonlocal stopped
            stopped = stopped or unwanted()
            return stopped

        while True:
            try:
                model.process.wait_ready(self._patience, is_stopped)
            except NotReady as error:
                reason = str(error).splitlines()[0].partition("; its log ends")[0]
                self.burials.bury([model])
            else:
                return model
            if is_stopped():
                raise Cancelled
            if tries == TRIES or model.process.code == NOT_LOADED or not model.process.has_ended():
                raise CannotServeError(reason)
            tries += 1
            self._log.say(f"{reason}; it is started again")
            model = self._launched(code, changed)


def settings_of(service: Service) -> Any:
    """Return what an instance is started with, and how many of them; others need none of it to be started anew."""
    return (
        service.version_id,
        service.environment,
        service.models,
        service.instance_type,
        service.instance_number,
        service.record_channel_id,
    )
