"""Takes the runs that are submitted, by somebody or by a trigger, and lets a number of them run at once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.work_host import WorkHost
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import LIFE_CYCLE, TRIED, Runs
from abeja_emulator.serving.model_code import ModelCodes
from abeja_emulator.serving.run_ancestry import GENERATIONS
from abeja_emulator.serving.run_attempts import WAITING, Attempts, Ticket

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.runner import Timing
    from abeja_emulator.runtime.work_queue import Entry, Mode


class RunHost(WorkHost[Run, Ticket]):
    """Runs the runs of one Platform.

    From `start` on every run that is submitted is taken: it goes from SUBMITTED to RUNNABLE when a slot is free, is
    STARTING while its process starts, RUNNING while its handler runs, and ends as SUCCEEDED or FAILED, with its log and
    its output. Those that wait already are taken too; one that is STARTING or RUNNING was left by a process that has
    ended: that attempt has failed, and the run is tried again if it may be, as one is whose machine is lost. Evidence:
    inferred. With `stop` those that run wait again, or are FAILED if they may not be tried, and those that wait stay
    as they are. A run says its own mode with the variable `ABEJA_EMULATOR_JOB_MODE`, as jobs do.

    Args:
        platform: where the runs are.
        folder: a sub-folder for each run is made there, and is gone when it has ended.
        slots: how many runs run at once, others are SUBMITTED meanwhile; as many as there are processors by default.
        mode: when a run begins, as for jobs: at once (`immediate`), when it is let go (`held`), or by the Platform's
            clock (`virtual`).
        timing: how long each attempt of a run of the virtual mode takes.
        generations: how often in a row a trigger may make a run over what came of its own runs.
        options: of `ChildOptions`.

    Attributes:
        timing: as given; it may be changed.
    """

    noun, kind = "run", Run

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        platform: Platform,
        folder: Path,
        *,
        slots: int | None = None,
        mode: Mode = "immediate",
        timing: Timing | None = None,
        generations: int = GENERATIONS,
        **options: Any,
    ) -> None:
        super().__init__(platform, Ticket, slots, mode, timing)
        self._folder = folder
        self._runs = Runs(platform.world)
        self._attempts = Attempts(platform, folder, ModelCodes(platform, **options), generations=generations)

    # -- what comes in --------------------------------------------------------------------------

    def _note(self, record: Run) -> None:
        entry = self._queue.get(record.run_id)
        if entry is None:
            if record.status in WAITING:
                self._take(record.run_id, record.user_env_vars)
        elif not self._is_as_left(entry):
            # Somebody else runs it or has moved it, or it is gone with its deployment.
            entry.ticket.stop()
            self._platform.clock.wake()
            self._queue.withdraw(entry)

    def _is_as_left(self, entry: Entry[Ticket]) -> bool:
        """Tell whether a run is as its last step has left it; what was told of it may be older than that step."""
        try:
            return entry.ticket.fits(self._find(entry.identifier))
        except NotFound:
            return False

    def _disown(self, record: Run, why: str) -> None:
        if record.status in TRIED:
            self._attempts.give_back(record.run_id, why)

    def _refuse(self, identifier: str, why: str) -> None:
        self._attempts.fail(identifier, why)

    def _is_in_place(self, entry: Entry[Ticket], record: Run) -> bool:
        return entry.ticket.fits(record)

    # -- what a person or a test asks -----------------------------------------------------------

    def abandon(self, run_id: str) -> None:
        """Let a run be FAILED at once, if it has not ended."""
        entry = self._queue.get(run_id)
        if entry is not None:
            self._end([entry])
            self._attempts.fail(run_id, "it was abandoned")

    def wait(self, run_id: str, timeout: float | None = None) -> Run:
        """Wait until a run has ended, and return it.

        Args:
            run_id: the run.
            timeout: real seconds; None waits for ever.

        Raises:
            TimeoutError: when it has not ended in time; it goes on.
            Conflict: when it waits to be let go, so that it would never end.
            NotFound: when there is no such run.
        """
        return self._wait_for(run_id, timeout)

    # -- running --------------------------------------------------------------------------------

    def _records(self) -> dict[str, Run]:
        with self._platform.world.store.reading():
            return {run.run_id: run for run in self._runs.everywhere() if LIFE_CYCLE[run.status]}

    def _find(self, identifier: str) -> Run:
        return self._attempts.find(identifier)

    def _work(self, entry: Entry[Ticket]) -> None:
        self._attempts.run(entry.identifier, entry.ticket, self.timing if entry.mode == "virtual" else None)

    def _end(self, entries: list[Entry[Ticket]], why: str | None = None) -> None:
        """End runs that run or wait, and wait until nothing of them is left; those that ran are given back."""
        for entry in entries:
            entry.ticket.stop()
        self._platform.clock.wake()
        for entry in entries:
            self._queue.withdraw(entry)
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join()
                if why is not None:
                    self._attempts.give_back(entry.identifier, why)

    def _end_all(self) -> None:
        self._end(self._queue.entries(), "the emulator was stopped while it ran")
        with suppress(OSError):  # it was never made, or somebody else's things are in it
            self._folder.rmdir()
