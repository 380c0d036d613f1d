"""Takes the runs that are submitted, by somebody or by a trigger, and lets a number of them run at once."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.executor import MODES
from abeja_emulator.runtime.runner import MODE_VARIABLE, Timing
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import TRIED, Runs
from abeja_emulator.serving.model_code import ModelCodes
from abeja_emulator.serving.run_ancestry import GENERATIONS
from abeja_emulator.serving.run_attempts import WAITING, Attempts
from abeja_emulator.serving.run_queue import RunQueue

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Mode
    from abeja_emulator.serving.run_queue import Entry


class RunHost:
    """Runs the runs of one Platform.

    From `start` on every run that is submitted is taken: it goes from SUBMITTED to RUNNABLE when a slot is free, is
    STARTING while its process starts, RUNNING while its handler runs, and ends as SUCCEEDED or FAILED, with its log and
    its output. A run says its own mode with the variable `ABEJA_EMULATOR_JOB_MODE`, as jobs do.

    Args:
        platform: where the runs are.
        folder: a sub-folder for each run is made there, and is gone when it has ended.
        slots: how many runs run at once, others are SUBMITTED meanwhile; as many as there are processors by default.
        mode: when a run begins, as for jobs: at once (`immediate`), when it is let go (`held`), or by the Platform's
            clock (`virtual`).
        timing: how long each attempt of a run of the virtual mode takes.
        generations: how often in a row a trigger may make a run over what came of its own runs.
        options: of `ModelCodes`.

    Attributes:
        timing: as given; it may be changed.
    """

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
        self.mode = mode
        self.timing = timing or Timing()
        self._platform = platform
        self._folder = folder
        self._runs = Runs(platform.world)
        self._attempts = Attempts(platform, folder, ModelCodes(platform, **options), generations=generations)
        self._queue = RunQueue(self._run, slots or os.cpu_count() or 1)
        self._live = False

    @property
    def mode(self) -> Mode:
        """When a run begins; it may be changed for the runs that come.

        Raises:
            ValueError: when it is set to something else than `immediate`, `held` or `virtual`.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            message = f"the mode of runs must be one of {', '.join(MODES)}, not {mode!r}"
            raise ValueError(message)
        self._mode: Mode = mode

    # -- what comes in --------------------------------------------------------------------------

    def start(self) -> None:
        """Take runs from now on, those that wait already too.

        One that is STARTING or RUNNING was left by a process that has ended: that attempt has failed, and the run is
        tried again if it may be, as one is whose machine is lost. Evidence: inferred.
        """
        if self._live:
            return
        self._live = True
        world = self._platform.world
        world.attendants.runs = True
        world.listeners.append(self._note)
        self._queue.open()
        self._adopt("the emulator that ran it has ended before it did")

    def stop(self) -> None:
        """Take no more runs, and end those that run at once; they wait again, or are FAILED if they may not be tried.

        Those that wait stay as they are.
        """
        if not self._live:
            return
        self._live = False
        world = self._platform.world
        world.attendants.runs = False
        world.listeners.remove(self._note)
        self._queue.close()
        self._end(self._queue.entries(), "the emulator was stopped while it ran")
        with suppress(OSError):  # it was never made, or somebody else's things are in it
            self._folder.rmdir()

    def _adopt(self, why: str) -> None:
        """Take the runs that wait, and those that are being tried, but by nobody."""
        with self._platform.world.store.reading():
            runs = self._runs.everywhere()
        for run in runs:
            if self._queue.get(run.run_id) is None:
                self._note(run)
                if run.status in TRIED:
                    self._attempts.give_back(run.run_id, why)

    def _note(self, record: Any) -> None:
        """See a run that was made or has changed."""
        if not isinstance(record, Run) or not self._live:
            return
        entry = self._queue.get(record.run_id)
        if entry is None:
            if record.status in WAITING:
                self._take(record)
        elif not self._is_as_left(entry):
            # Somebody else runs it or has moved it, or it is gone with its deployment.
            entry.ticket.stop()
            self._platform.clock.wake()
            if entry.thread is None:
                self._queue.drop(entry)

    def _is_as_left(self, entry: Entry) -> bool:
        """Tell whether a run is as its last step has left it; what was told of it may be older than that step."""
        try:
            return entry.ticket.fits(self._attempts.find(entry.run_id))
        except NotFound:
            return False

    def _take(self, run: Run) -> None:
        said: Any = run.user_env_vars.get(MODE_VARIABLE, self.mode)
        if said in MODES:
            self._queue.add(run.run_id, said)
            return
        why = f"the variable {MODE_VARIABLE} is {said!r}; it must be one of {', '.join(MODES)}"
        self._attempts.fail(run.run_id, why)

    # -- what a person or a test asks -----------------------------------------------------------

    def release(self, run_id: str | None = None) -> None:
        """Let a held run go, or all of them.

        Raises:
            NotFound: when no run of that id waits.
        """
        self._queue.release(run_id)

    def queued(self) -> list[str]:
        """Return the ids of the runs that wait, for a slot or to be let go, oldest first."""
        return [entry.run_id for entry in self._queue.waiting()]

    def running(self) -> list[str]:
        """Return the ids of the runs that run."""
        return [entry.run_id for entry in self._queue.entries() if entry.thread is not None]

    def unfinished(self) -> list[str]:
        """Return the ids of the runs that run, or will do so without anybody's doing."""
        return [entry.run_id for entry in self._queue.entries() if entry.thread is not None or entry.may_start]

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
        ended = self._queue.wait(run_id, timeout)
        run = self._attempts.find(run_id)
        if not ended:
            message = f"run {run_id} has not ended after {timeout} s; it is {run.status}"
            raise TimeoutError(message)
        return run

    def reconcile(self) -> None:
        """Follow a return to an earlier state: end the runs that are not in it, and take those that wait in it."""
        with self._platform.world.store.reading():
            runs = {run.run_id: run for run in self._runs.everywhere()}
        entries = self._queue.entries()
        self._end([each for each in entries if each.run_id not in runs or not each.ticket.fits(runs[each.run_id])])
        if self._live:
            self._adopt("its process was ended when the platform returned to an earlier state")

    # -- running --------------------------------------------------------------------------------

    def _run(self, entry: Entry) -> None:
        self._attempts.run(entry.run_id, entry.ticket, self.timing if entry.mode == "virtual" else None)

    def _end(self, entries: list[Entry], why: str | None = None) -> None:
        """End runs that run or wait, and wait until nothing of them is left; those that ran are given back."""
        for entry in entries:
            entry.ticket.stop()
        self._platform.clock.wake()
        for entry in entries:
            if entry.thread is None:
                self._queue.drop(entry)
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join()
                if why is not None:
                    self._attempts.give_back(entry.run_id, why)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
