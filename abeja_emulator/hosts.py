"""Whoever runs the user's code for one Platform: its jobs, its services and its runs."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.executor import Executor
from abeja_emulator.runtime.limits import Cpus
from abeja_emulator.serving.run_host import RunHost
from abeja_emulator.serving.service_host import ServiceHost
from abeja_emulator.transports.child.abeja_emulator_child import BORN

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.runner import Timing
    from abeja_emulator.runtime.work_queue import Mode


class Hosts:
    """Runs what is made through the API of one Platform, from `start` on.

    Args:
        platform: where jobs, services and runs are.
        folder: a sub-folder for each kind is made there.
        slots: how many jobs run at once, and how many runs.
        mode: when jobs and runs begin, see `Executor`.
        timing: how long those of the virtual mode take.
        options: of `ChildOptions`.

    Attributes:
        executor: runs jobs.
        services: runs services.
        runs: runs runs.
    """

    def __init__(
        self,
        platform: Platform,
        folder: Path,
        *,
        slots: int | None = None,
        mode: Mode = "immediate",
        timing: Timing | None = None,
        **options: Any,
    ) -> None:
        # Of all, so that none is tied to a processor that another has while one is idle.
        options = {"cpus": Cpus(), **options}
        self.executor = Executor(platform, folder / "jobs", slots=slots, mode=mode, timing=timing, **options)
        self.services = ServiceHost(platform, folder / "services", **_of_no_test(options))
        self.runs = RunHost(platform, folder / "runs", slots=slots, mode=mode, timing=timing, **options)
        self._stack = ExitStack()

    @property
    def mode(self) -> Mode:
        """When jobs and runs begin; it may be changed for those that come."""
        return self.executor.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self.executor.mode = self.runs.mode = mode

    @property
    def timing(self) -> Timing:
        """How long those of the virtual mode take; it may be changed."""
        return self.executor.timing

    @timing.setter
    def timing(self, timing: Timing) -> None:
        self.executor.timing = self.runs.timing = timing

    def start(self) -> None:
        """Run what is there, and what comes."""
        try:
            for host in (self.executor, self.services, self.runs):
                self._stack.enter_context(host)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all that runs: what others ask ends last."""
        self._stack.close()

    def reconcile(self) -> None:
        """Follow a return to an earlier state: what is not in it ends, and what waits in it is taken."""
        self.executor.reconcile()
        self.services.reconcile()
        self.runs.reconcile()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _of_no_test(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with which processes belong to no test: whoever rolls back their service ends them."""
    environment = options.get("environment", lambda: os.environ)
    return {**options, "environment": lambda: {**environment(), BORN: "0"}}
