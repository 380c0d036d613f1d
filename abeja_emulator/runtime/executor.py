"""Takes the jobs that are made through the API and lets a number of them run at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.child_process import GRACE
from abeja_emulator.runtime.job import TrainedJob
from abeja_emulator.runtime.runner import MODE_VARIABLE, Runner, Ticket, Timing
from abeja_emulator.runtime.work_host import WorkHost
from abeja_emulator.services.training.jobs import LIFE_CYCLE, Jobs
from abeja_emulator.services.training.records import TrainingJob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.confinement import Confinement
    from abeja_emulator.runtime.work_queue import Entry, Mode


class Executor(WorkHost[TrainingJob, Ticket]):
    """Runs the jobs of one Platform.

    From `start` on every job that is made through the API of a version with a source archive, or from git, is
    taken: it becomes Active in a child process and ends as Complete, Failed or Stopped, with its log, statistics
    and result. Those that are Pending already are taken too; one that is Active was left by a process that has ended,
    and is Failed. With `stop` those that run are Stopped, and those that wait stay Pending. A job says its own mode
    with the variable `ABEJA_EMULATOR_JOB_MODE`, and what it is confined to with others, see `Confinement`.

    Args:
        platform: where the jobs are.
        folder: see `Runner`.
        slots: how many jobs run at once, others are Pending meanwhile; as many as there are processors by default.
        mode: see `Mode`.
        timing: how long jobs of the virtual mode take.
        grace: seconds, by the Platform's clock, between SIGINT and SIGKILL for a job that is stopped.
        options: of `ChildOptions`.

    Attributes:
        timing: as given; it may be changed.
    """

    noun, kind = "job", TrainingJob

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        platform: Platform,
        folder: Path,
        *,
        slots: int | None = None,
        mode: Mode = "immediate",
        timing: Timing | None = None,
        grace: float = GRACE,
        **options: Any,
    ) -> None:
        super().__init__(platform, Ticket, slots, mode, timing)
        self._jobs = Jobs(platform.world)
        self._runner = Runner(platform, folder, **options)
        self._grace = grace
        self._at_once: set[str] = set()

    # -- what comes in --------------------------------------------------------------------------

    def _note(self, record: TrainingJob) -> None:
        entry = self._queue.get(record.training_job_id)
        if record.status == "Pending":
            if entry is None and self._is_ours(record):
                at_once = {MODE_VARIABLE: "immediate"} if record.training_job_id in self._at_once else {}
                self._at_once.discard(record.training_job_id)
                self._take(record.training_job_id, {**at_once, **record.environment})
        elif entry is not None and record.status == "Stopped" and not entry.ticket.stopped:
            entry.ticket.stopped = True
            name = f"abeja-emulator-stop-{entry.identifier}"
            threading.Thread(target=self._interrupt, args=(entry, self._grace), name=name, daemon=True).start()
        elif entry is not None:
            # If it waits, somebody else runs it, such as a test in its own process.
            self._queue.withdraw(entry)

    def _is_ours(self, job: TrainingJob) -> bool:
        if job.exec_env == "local":
            return False
        version = self._runner.version(job)
        return bool(version.source) or version.git_url is not None

    def _disown(self, record: TrainingJob, why: str) -> None:
        if record.status == "Active" and self._is_ours(record):
            self._runner.move(record.training_job_id, "Failed", why)

    def _refuse(self, identifier: str, why: str) -> None:
        self._runner.move(identifier, "Failed", why)

    def _is_in_place(self, entry: Entry[Ticket], record: TrainingJob) -> bool:
        return entry.thread is None or record.status == "Active"

    # -- what a person or a test asks -----------------------------------------------------------

    @property
    def confinement(self) -> Confinement:
        """What all jobs are confined to, besides what they say themselves; it may be changed for those that come."""
        return self._runner.confinement

    @confinement.setter
    def confinement(self, confinement: Confinement) -> None:
        self._runner.confinement = confinement

    @property
    def on_confined(self) -> Callable[[str, Confinement], object] | None:
        """Is called with the id of each job that was confined, and what to, once its process has ended."""
        return self._runner.on_confined

    @on_confined.setter
    def on_confined(self, called: Callable[[str, Confinement], object] | None) -> None:
        self._runner.on_confined = called

    def begin_at_once(self, job_id: str) -> None:
        """Let a job begin at once when it comes, whatever the mode is, unless its own variable says something else."""
        self._at_once.add(job_id)

    def abandon(self, job_id: str) -> None:
        """Stop a job at once, if it has not ended."""
        entry = self._queue.get(job_id)
        if entry is not None:
            self._runner.move(job_id, "Stopped")
            self._interrupt(entry, grace=0)

    def claim(self, job_id: str) -> bool:
        """Take a job that waits out of the queue, for the caller to run it; tell whether it was there."""
        entry = self._queue.get(job_id)
        return entry is not None and self._queue.withdraw(entry)

    def wait(self, job_id: str | int, timeout: float | None = None) -> TrainedJob:
        """Wait until a job has ended, and return it with its log, statistics and result.

        Args:
            job_id: the job.
            timeout: real seconds; None waits for ever.

        Raises:
            TimeoutError: when it has not ended in time; it goes on.
            Conflict: when it waits to be let go, so that it would never end.
            NotFound: when there is no such job.
        """
        job_id = str(job_id)
        self._wait_for(job_id, timeout)
        return TrainedJob(self._platform, job_id, self.result_dir(job_id))

    def result_dir(self, job_id: str) -> Path:
        """Return the result directory of a job, as its handler left it."""
        return self._runner.result_dir(job_id)

    # -- running --------------------------------------------------------------------------------

    def _records(self) -> dict[str, TrainingJob]:
        with self._platform.world.store.reading():
            return {job.training_job_id: job for job in self._jobs.all() if LIFE_CYCLE[job.status]}

    def _find(self, identifier: str) -> TrainingJob:
        return self._runner.find(identifier)

    def _work(self, entry: Entry[Ticket]) -> None:
        self._runner.run(entry.identifier, entry.ticket, self.timing if entry.mode == "virtual" else None)

    def _interrupt(self, entry: Entry[Ticket], grace: float) -> None:
        """End a job that runs or waits; its thread has something to tidy up yet."""
        with entry.ticket.lock:
            entry.ticket.stopped = True
            child = entry.ticket.child
        self._platform.clock.wake()
        self._queue.withdraw(entry)
        if child is not None:
            child.stop(grace, self._platform.clock.wait)

    def _end(self, entries: list[Entry[Ticket]]) -> None:
        for entry in entries:
            self._interrupt(entry, grace=0)
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join()

    def _end_all(self) -> None:
        entries = self._queue.entries()
        for entry in entries:
            if entry.thread is not None:
                self._runner.move(entry.identifier, "Stopped")
        self._end(entries)
