"""Runs the services that are made through the API, and answers what they are asked."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

from abeja_emulator.services.services.records import DELETED, FAILED, READY, STOPPED, Service
from abeja_emulator.services.services.rules import Services
from abeja_emulator.serving.answers import UNAVAILABLE, Identity, error_response
from abeja_emulator.serving.fleet import Fleets
from abeja_emulator.serving.keeper import Keeper
from abeja_emulator.serving.messages import TIMEOUT, checked_timeout
from abeja_emulator.serving.model_code import ModelCodes
from abeja_emulator.serving.process_log import service_log
from abeja_emulator.serving.recording import Recorder
from abeja_emulator.serving.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.messages import Request, Response


class ServiceHost:
    """Runs the services of one Platform.

    From `start` on every service is what its record says: one that is created or started gets processes and becomes
    READY, or FAILED with the reason in its log; one that is stopped or deleted has none, once what it was asked is
    answered; one that is changed gets new ones first. Services that are there already are started too.

    Args:
        platform: where the services are.
        folder: a sub-folder for each service is made there, and is gone when its processes are.
        most_instances: most processes of one service, whatever it asks for; the number of processors by default.
        patience: real seconds in which a process has to take requests; None waits as long as it lives.
        answer_timeout: seconds by the Platform's clock that a model has for one answer, see the attribute.
        options: of `ChildOptions`.

    Attributes:
        recorder: puts what services are asked into their record channels.

    Raises:
        ValueError: when `answer_timeout` is no time.
    """

    _now = staticmethod(time.monotonic)

    def __init__(
        self,
        platform: Platform,
        folder: Path,
        *,
        most_instances: int | None = None,
        patience: float | None = None,
        answer_timeout: float = TIMEOUT,
        **options: Any,
    ) -> None:
        self.recorder = Recorder(platform)
        self._platform = platform
        self._folder = folder
        self._codes = ModelCodes(platform, **options)
        self._tokens = Tokens(platform)
        self._services = Services(platform.world)
        self._most = most_instances or os.cpu_count() or 1
        self._patience = patience
        self.answer_timeout = answer_timeout
        self._lock = threading.Lock()
        self._keepers: dict[str, Keeper] = {}
        self._left: list[Keeper] = []
        self._looked = threading.Condition()
        self._looks = 0
        self._live = False

    # -- what comes in --------------------------------------------------------------------------

    def start(self) -> None:
        """Run services from now on, those that are there already too."""
        if self._live:
            return
        self._live = True
        self._platform.world.attendants.serving = self.handle
        self._platform.world.listeners.append(self._note)
        self.reconcile()

    def stop(self) -> None:
        """End all processes at once; the services stay as they are, and run again with the next host."""
        if not self._live:
            return
        self._live = False
        self._platform.world.listeners.remove(self._note)
        self._platform.world.attendants.serving = None
        self._drop(set())
        self.recorder.settle()
        shutil.rmtree(self._folder, ignore_errors=True)

    def reconcile(self) -> None:
        """Follow a return to another state: end what is not in it at once, and run what is as it is there.

        Requests to those that have to be started for that wait meanwhile.
        """
        if not self._live:
            return
        with self._platform.world.store.reading():
            known = {service.service_id for service in self._services.everywhere()}
        self._drop(known)
        for service_id in known:
            self._keep(service_id)
        with self._lock:
            keepers = list(self._keepers.values())
        for keeper in keepers:
            keeper.come_back()

    def _drop(self, kept: set[str]) -> None:
        """End all services but these at once, and those that are ending."""
        with self._lock:
            dropped = [keeper for service_id, keeper in self._keepers.items() if service_id not in kept]
            for keeper in dropped:
                del self._keepers[keeper.service_id]
            dropped += self._left
            self._left = []
        for keeper in dropped:
            keeper.hurry()
        for keeper in dropped:
            keeper.join()

    def handle(self, service_id: str, request: Request) -> Response:
        """Answer a request to a service.

        Args:
            service_id: of the service.
            request: as it came; its body stays its transport's to close.
        """
        with self._lock:
            keeper = self._keepers.get(service_id)
        if keeper is None:
            return error_response(503, UNAVAILABLE, Identity(service_id=service_id))
        return keeper.handle(request)

    # -- what a person or a test asks -----------------------------------------------------------

    def wait(self, service_id: str, timeout: float | None = None) -> Service:
        """Wait until a service answers, has failed or is stopped, and return it as it is then.

        Args:
            service_id: the service.
            timeout: real seconds; None waits for ever.

        Raises:
            TimeoutError: when that takes longer; the service goes on starting.
            NotFound: when there is no such service, or it was deleted meanwhile.
        """
        end = None if timeout is None else self._now() + timeout
        while True:
            with self._looked:
                looks = self._looks
            with self._platform.world.store.reading():
                service = self._services.find(service_id)
            with self._lock:
                keeper = self._keepers.get(service_id)
            if service.status in {STOPPED, FAILED} or (service.status == READY and keeper is not None and keeper.is_up):
                return service
            left = None if end is None else end - self._now()
            with self._looked:
                if not self._looked.wait_for(lambda: self._looks != looks, left):  # noqa: B023 - asked at once
                    message = f"service {service_id} does not answer after {timeout} s; it is {service.status}"
                    raise TimeoutError(message)

    def starting(self) -> list[str]:
        """Return the ids of the services that are being started, or have something else to do."""
        with self._lock:
            keepers = list(self._keepers.values())
        return [keeper.service_id for keeper in keepers if keeper.is_busy]

    def instances(self) -> dict[str, int]:
        """Return how many instances of each service answer, by its id."""
        with self._lock:
            return {service_id: len(keeper.instances) for service_id, keeper in self._keepers.items()}

    def at_work(self) -> set[str]:
        """Return the ids of the services that answer or are being started."""
        return {*self.starting(), *(service_id for service_id, count in self.instances().items() if count)}

    @property
    def answer_timeout(self) -> float:
        """Seconds by the Platform's clock that a model has for one answer; it may be changed, also while models run.

        A model that takes longer is killed and started again, and the request is 500, as on the platform.
        """
        return self._answer_timeout

    @answer_timeout.setter
    def answer_timeout(self, seconds: float) -> None:
        self._answer_timeout = checked_timeout(seconds)

    # -- services -------------------------------------------------------------------------------

    def _note(self, record: Any) -> None:
        """See a service that was made or has changed."""
        if not isinstance(record, Service):
            return
        if record.status != DELETED:
            self._keep(record.service_id)
        with self._lock:
            keeper = self._keepers.get(record.service_id)
        if keeper is not None:
            keeper.note(record)
        self._note_look()

    def _keep(self, service_id: str) -> None:
        """See that somebody keeps a service."""
        if service_id in self._keepers:
            return
        # Made without the lock: whoever tells of a service may hold the state.
        fleets = Fleets(
            self._platform,
            self._codes,
            self._folder.resolve(),
            self._tokens,
            service_log(self._platform, service_id),
            self._most,
            self._patience,
            lambda: self._answer_timeout,
        )
        keeper = Keeper(self._platform, service_id, fleets, self.recorder, self._may_leave, self._note_look)
        with self._lock:
            if self._live and self._keepers.setdefault(service_id, keeper) is keeper:
                keeper.start()

    def _may_leave(self, keeper: Keeper) -> bool:
        """Forget a keeper whose service is gone, unless it was told something meanwhile."""
        with self._lock:
            if keeper.has_news:
                return False
            # A later one may have its place already.
            if self._keepers.get(keeper.service_id) is keeper:
                del self._keepers[keeper.service_id]
            # Its last processes may be ending yet.
            self._left = [each for each in self._left if not each.is_over] + [keeper]
        return True

    def _note_look(self) -> None:
        with self._looked:
            self._looks += 1
            self._looked.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
