"""Keeps the instances of one service as its record says."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.runtime.child_process import NotStarted
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.services.services.records import DELETED, FAILED, READY, STARTING, STOPPED
from abeja_emulator.services.services.rules import Services
from abeja_emulator.serving.answers import NOT_FOUND, UNAVAILABLE, Identity, error_response
from abeja_emulator.serving.fleet import CannotServeError, settings_of
from abeja_emulator.serving.messages import TIMEOUT
from abeja_emulator.serving.preparation import PreparationError

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.services.records import Service
    from abeja_emulator.serving.fleet import Fleet, Fleets
    from abeja_emulator.serving.hosted_model import HostedModel
    from abeja_emulator.serving.recording import Recorder
    from abeja_emulator.wire.messages import Request, Response

#: What a request gets while there is nobody to answer it: of a runner that starts, and of one that has come to its end.
STARTS, ENDED = (503, UNAVAILABLE), (404, NOT_FOUND)


class Keeper:
    """Starts, mends, exchanges and ends the instances of one service, in a thread of its own.

    It looks at the record whenever that has changed or a process has ended, and makes true what it says: what it was
    told is no more than that it should look. A service that is `IN_PROGRESS` gets instances and is `READY`, or
    `FAILED`; one with other settings gets new instances before the old ones are let go; one that is stopped, failed or
    gone has none.

    A service that cannot be started with other settings answers no more, for its status says so. Evidence: inferred.

    Args:
        platform: where the service is.
        service_id: of the service.
        fleets: starts instances.
        recorder: keeps what it is asked.
        leave: asked when there is no such service: whether the keeper may go, which it may not when it was told to
            look meanwhile.
        on_look: called whenever it has looked.
    """

    #: Real seconds that a request waits while a service comes back.
    _patience = TIMEOUT

    def __init__(  # noqa: PLR0913, PLR0917 - who else there is
        self,
        platform: Platform,
        service_id: str,
        fleets: Fleets,
        recorder: Recorder,
        leave: Callable[[Keeper], bool],
        on_look: Callable[[], object],
    ) -> None:
        self.service_id = service_id
        self._platform = platform
        self._fleets = fleets
        self._recorder = recorder
        self._leave = leave
        self._on_look = on_look
        self._services = Services(platform.world)
        self._changed = threading.Condition()
        # There is something to look at from the beginning on.
        self._notes, self._looked, self._asked = 1, 0, 0
        self._down = self._over = self._unwanted = self._looking = self._returning = False
        self._target: Any = None
        self._fleet: Fleet | None = None
        self._refusal = STARTS
        self._said: tuple[int, str] | None = None
        self._thread = threading.Thread(target=self._run, name=f"abeja-emulator-service-{service_id}", daemon=True)

    # -- what others do -------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def note(self, record: Service | None = None) -> None:
        """See that something has changed: the record, which may have changed again since, or something else."""
        with self._changed:
            self._notes += 1
            if record is not None:
                # Who has seen it stopped is not answered any more, however soon that is.
                self._said = {STOPPED: ENDED, DELETED: ENDED, FAILED: STARTS}.get(record.status)
                # It may be started again before anybody looks, and that is a new start all the same.
                self._down = self._down or self._said is not None
            self._changed.notify_all()

    def come_back(self) -> None:
        """See that the record has returned to an earlier state: requests wait until its instances are as it says.

        Whoever has returned to a state in which a service answers need not know what has become of it since.
        """
        with self._changed:
            self._returning, self._said = True, None
        self.note()

    def hurry(self) -> None:
        """End all of it at once, whatever the record says; `join` waits for that."""
        with self._changed:
            self._over = True
            self._notes += 1
            self._changed.notify_all()
        self._fleets.burials.hurry()

    def join(self) -> None:
        """Wait until nothing of it is left."""
        self._thread.join()

    @property
    def has_news(self) -> bool:
        """Whether it was told something that it has not looked at."""
        return self._notes != self._looked

    @property
    def is_busy(self) -> bool:
        """Whether it has something to do, or does it."""
        return self.has_news or self._looking

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return not self._thread.is_alive()

    @property
    def is_up(self) -> bool:
        """Whether its instances answer, and it has nothing else to do."""
        fleet = self._fleet
        return fleet is not None and fleet.proxy.state == "ready" and not self.is_busy

    @property
    def instances(self) -> tuple[HostedModel, ...]:
        """The instances that answer."""
        fleet = self._fleet
        return () if fleet is None else tuple(fleet.models)

    def handle(self, request: Request) -> Response:
        """Answer a request to the service.

        One that was stopped is 404, as a runner says that has come to its end; one that starts or has failed is 503.
        """
        if self._returning:
            with self._changed:
                self._changed.wait_for(lambda: not self._returning, self._patience)
        fleet, said = self._fleet, self._said
        if fleet is None or said is not None:
            return error_response(*(said or self._refusal), Identity(service_id=self.service_id))
        if fleet.service.record_channel_id is not None and fleet.proxy.state == "ready":
            self._recorder.note(fleet.service, request)
        return fleet.proxy.handle(request)

    # -- its thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            with self._changed:
                self._changed.wait_for(lambda: self._notes != self._looked)
                self._looked = self._asked = self._notes
                down, self._down, self._unwanted, self._looking = self._down, False, False, True
            going = self._attempt(down=down)
            with self._changed:
                self._looking = False
                self._returning = self._returning and going and self.has_news
                self._changed.notify_all()
            self._on_look()
        # What is still being answered may call the platform.
        self._fleets.burials.join()
        self._fleets.close()

    def _attempt(self, *, down: bool) -> bool:
        try:
            return self._look(None if self._over else self._find(), down=down)
        except Cancelled:
            return True  # there is something new to look at
        except (CannotServeError, PreparationError, NotStarted) as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - a service that nobody keeps any more must say so
            self._fail(f"the service could not be kept: {error!r}")
        return True

    def _look(self, service: Service | None, *, down: bool) -> bool:
        """Make true what the record says; return whether there is one to look at again."""
        if service is None:
            self._take_down(ENDED)
            return not (self._over or self._leave(self))
        if service.status not in {STARTING, READY}:
            self._take_down(ENDED if service.status == STOPPED else STARTS)
            return True
        if down:
            self._take_down(STARTS)
        self._target = settings_of(service)
        fleet = self._fleet
        if fleet is None:
            self._refusal = STARTS
        if fleet is None or settings_of(fleet.service) != self._target:
            if service.status == READY:
                service = self._move(STARTING, "starting again")
            fleet = self._fleet = self._fleets.start(service, fleet, self._is_unwanted, self.note)
        self._fleets.sort_out(fleet)
        if not fleet.models and service.status == READY:
            service = self._move(STARTING, "no instance is left; starting again")
        self._fleets.mend(fleet, self._is_unwanted, self.note)
        if service.status == STARTING:
            self._move(READY, "ready")
        return True

    def _take_down(self, refusal: tuple[int, str]) -> None:
        """Let nobody answer any more, and say that."""
        fleet, self._fleet, self._refusal = self._fleet, None, refusal
        if fleet is not None:
            self._fleets.end(fleet)

    def _find(self) -> Service | None:
        if self._platform.closed:
            return None
        try:
            with self._platform.world.store.reading():
                return self._services.find(self.service_id)
        except NotFound:
            return None

    def _is_unwanted(self) -> bool:
        """Tell whether what is being started is not what the record says any more."""
        with self._changed:
            if self._over or self._down:
                return True
            notes = self._notes
        if notes != self._asked:
            self._asked, service = notes, self._find()
            self._unwanted = (
                service is None or service.status not in {STARTING, READY} or settings_of(service) != self._target
            )
        return self._unwanted

    def _move(self, status: str, message: str) -> Service:
        """Let the service go to another status, and return it.

        Raises:
            Cancelled: when it was stopped, changed or deleted meanwhile, which is still to be looked at.
        """
        try:
            with self._platform.world.store.transaction():
                return self._services.move(self._as_looked_at(), status, message)
        except Conflict as error:
            raise Cancelled from error

    def _as_looked_at(self) -> Service:
        service = self._find()
        if service is None or settings_of(service) != self._target:
            raise Cancelled
        return service

    def _fail(self, reason: str) -> None:
        if self._platform.closed:
            self._take_down(ENDED)
            return
        # What has failed may be something that nobody wants any more.
        with suppress(Cancelled):
            self._as_looked_at()
            self._take_down(STARTS)
            self._move(FAILED, f"the service has failed: {reason}")
