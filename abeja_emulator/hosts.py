"""Whoever runs the user's code for one Platform: its jobs, its services and its runs."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from abeja_emulator.runtime.executor import Executor
from abeja_emulator.runtime.limits import Cpus
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.services.records import Service
from abeja_emulator.services.services.rules import Services
from abeja_emulator.transports.child.abeja_emulator_child import BORN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.runner import Timing
    from abeja_emulator.runtime.work_queue import Mode
    from abeja_emulator.serving.run_host import RunHost
    from abeja_emulator.serving.service_host import ServiceHost
    from abeja_emulator.wire.messages import Request, Response


#: One of those who are made late.
HostT = TypeVar("HostT", "ServiceHost", "RunHost")


class Hosts:
    """Runs what is made through the API of one Platform, from `start` on.

    Who runs services and runs is made when there is the first of them, or when somebody asks for him: most test runs
    have none, and need not import what serves models. He is made at the start where pyfakefs is loaded: what is
    imported while it fakes the file system sees the fake ever after.

    Args:
        platform: where jobs, services and runs are.
        folder: a sub-folder for each kind is made there.
        slots: how many jobs run at once, and how many runs.
        mode: when jobs and runs begin, see `Executor`.
        timing: how long those of the virtual mode take.
        answer_timeout: seconds that a model has for one answer, see `ServiceHost`; 30 by default.
        options: of `ChildOptions`.

    Attributes:
        executor: runs jobs.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        platform: Platform,
        folder: Path,
        *,
        slots: int | None = None,
        mode: Mode = "immediate",
        timing: Timing | None = None,
        answer_timeout: float | None = None,
        **options: Any,
    ) -> None:
        # Of all, so that none is tied to a processor that another has while one is idle.
        self._options = {"cpus": Cpus(), **options}
        self._platform = platform
        self._folder = folder
        self._slots = slots
        self._run_mode: Mode = mode
        self._run_timing = timing
        self._answer_timeout = answer_timeout
        self._late: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._live = False
        self.executor = Executor(platform, folder / "jobs", slots=slots, mode=mode, timing=timing, **self._options)

    @property
    def services(self) -> ServiceHost:
        """Runs services."""
        return self._services or self._begun("service", self._make_services())

    @property
    def runs(self) -> RunHost:
        """Runs runs."""
        return self._runs or self._begun("run", self._make_runs())

    @property
    def working(self) -> Mapping[str, Executor | RunHost]:
        """`job` → who runs jobs, and `run` → who runs runs, if there is anybody yet."""
        return {"job": self.executor, **({} if self._runs is None else {"run": self._runs})}

    @property
    def mode(self) -> Mode:
        """When jobs and runs begin; it may be changed for those that come."""
        return self.executor.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.executor.mode = self._run_mode = mode
        if self._runs is not None:
            self._runs.mode = mode

    @property
    def timing(self) -> Timing:
        """How long those of the virtual mode take; it may be changed."""
        return self.executor.timing

    @timing.setter
    def timing(self, timing: Timing) -> None:
        self.executor.timing = self._run_timing = timing
        if self._runs is not None:
            self._runs.timing = timing

    @property
    def answer_timeout(self) -> float | None:
        """Seconds that a model has for one answer; None for those of the platform. It may be changed."""
        return self._answer_timeout if self._services is None else self._services.answer_timeout

    @answer_timeout.setter
    def answer_timeout(self, seconds: float | None) -> None:
        self._answer_timeout = seconds
        if self._services is not None:
            from abeja_emulator.serving.messages import TIMEOUT  # noqa: PLC0415 - imported already

            self._services.answer_timeout = TIMEOUT if seconds is None else seconds

    def make_all(self) -> None:
        """Let nobody be made late."""
        self.services, self.runs  # noqa: B018 - makes them

    def start(self) -> None:
        """Run what is there, and what comes."""
        if self._live:
            return
        self._live = True
        try:
            self.executor.start()
            self._platform.world.attendants.serving = self._handle
            self._platform.world.listeners.append(self._note)
            for host in (self._services, self._runs):
                if host is not None:
                    host.start()
            if "pyfakefs" in sys.modules:
                self.make_all()
            self._note_what_is_there()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all that runs: what others ask ends last."""
        if not self._live:
            return
        self._live = False
        if self._note in self._platform.world.listeners:
            self._platform.world.listeners.remove(self._note)
        if self._services is None:
            self._platform.world.attendants.serving = None
        with ExitStack() as stack:
            for host in (self.executor, self._services, self._runs):
                if host is not None:
                    stack.callback(host.stop)

    def reconcile(self) -> None:
        """Follow a return to an earlier state: what is not in it ends, and what waits in it is taken."""
        self.executor.reconcile()
        for host in (self._services, self._runs):
            if host is not None:
                host.reconcile()
        if self._live:
            self._note_what_is_there()

    # -- who is needed --------------------------------------------------------------------------

    @property
    def _services(self) -> ServiceHost | None:
        """Who runs services, if there is anybody yet."""
        return self._late.get("service")

    @property
    def _runs(self) -> RunHost | None:
        """Who runs runs, if there is anybody yet."""
        return self._late.get("run")

    def _make_services(self) -> ServiceHost:
        from abeja_emulator.serving.messages import TIMEOUT  # noqa: PLC0415 - see the class
        from abeja_emulator.serving.service_host import ServiceHost  # noqa: PLC0415 - the same

        limit = TIMEOUT if self._answer_timeout is None else self._answer_timeout
        options = _of_no_test(self._options)
        return ServiceHost(self._platform, self._folder / "services", answer_timeout=limit, **options)

    def _make_runs(self) -> RunHost:
        from abeja_emulator.serving.run_host import RunHost  # noqa: PLC0415 - see the class

        return RunHost(
            self._platform,
            self._folder / "runs",
            slots=self._slots,
            mode=self._run_mode,
            timing=self._run_timing,
            **self._options,
        )

    def _begun(self, kind: str, made: HostT) -> HostT:
        """Let a host that was made run what is there, unless another thread was faster, and return whose place it is.

        It was made without the lock, and starts without it: whoever tells of a service may hold the state.
        """
        with self._lock:
            host: HostT = self._late.setdefault(kind, made)
        if host is made and self._live:
            host.start()
        return host

    def _note(self, record: Any) -> None:
        """See that somebody runs what a record is of; from then on he hears of others himself."""
        if self._live and isinstance(record, Service):
            self.services  # noqa: B018 - makes it
        elif self._live and isinstance(record, Run):
            self.runs  # noqa: B018 - the same

    def _note_what_is_there(self) -> None:
        world = self._platform.world
        with world.store.reading():
            records = [
                *(Services(world).everywhere()[:1] if self._services is None else ()),
                *(Runs(world).everywhere()[:1] if self._runs is None else ()),
            ]
        for record in records:
            self._note(record)

    def _handle(self, service_id: str, request: Request) -> Response:
        """Answer for a service; as soon as there is one, who runs them answers himself."""
        return self.services.handle(service_id, request)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _of_no_test(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with which processes belong to no test: whoever rolls back their service ends them."""
    environment = options.get("environment", lambda: os.environ)
    return {**options, "environment": lambda: {**environment(), BORN: "0"}}
