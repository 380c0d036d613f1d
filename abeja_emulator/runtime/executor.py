"""Takes the jobs that are made through the API and lets a number of them run at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.runtime.child_process import GRACE
from abeja_emulator.runtime.job import TrainedJob
from abeja_emulator.runtime.runner import MODE_VARIABLE, Runner, Ticket, Timing
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import TrainingJob

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from abeja_emulator.platform import Platform

#: When a job begins: at once, when it is let go, or by the Platform's clock.
Mode = Literal["immediate", "held", "virtual"]
MODES = ("immediate", "held", "virtual")


@dataclass
class _Entry:
    """A job that is queued or runs."""

    job_id: str
    mode: Mode
    released: bool = False
    thread: threading.Thread | None = None
    ticket: Ticket = field(default_factory=Ticket)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def may_start(self) -> bool:
        """Whether nothing but a slot is missing."""
        return self.mode != "held" or self.released


class Executor:
    """Runs the jobs of one Platform.

    From `start` on every job that is made through the API of a version with a source archive, or from git, is
    taken: it becomes Active in a child process and ends as Complete, Failed or Stopped, with its log, statistics
    and result. A job says its own mode with the variable `ABEJA_EMULATOR_JOB_MODE`.

    Args:
        platform: where the jobs are.
        folder: see `Runner`.
        slots: how many jobs run at once, others are Pending meanwhile; as many as there are processors by default.
        mode: see `Mode`.
        timing: how long jobs of the virtual mode take.
        grace: seconds, by the Platform's clock, between SIGINT and SIGKILL for a job that is stopped.
        options: of `Runner`.

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
        grace: float = GRACE,
        **options: Any,
    ) -> None:
        self.mode = mode
        self.timing = timing or Timing()
        self._platform = platform
        self._runner = Runner(platform, folder, **options)
        self._slots = slots or os.cpu_count() or 1
        self._grace = grace
        self._entries: dict[str, _Entry] = {}
        self._queue: deque[_Entry] = deque()
        self._lock = threading.RLock()
        self._running = 0
        self._live = False

    @property
    def mode(self) -> Mode:
        """When a job begins; it may be changed for the jobs that come.

        Raises:
            ValueError: when it is set to something else than `immediate`, `held` or `virtual`.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in MODES:
            message = f"the mode of jobs must be one of {', '.join(MODES)}, not {mode!r}"
            raise ValueError(message)
        self._mode: Mode = mode

    # -- what comes in --------------------------------------------------------------------------

    def start(self) -> None:
        """Take jobs from now on, those that are Pending already too.

        One that is Active was left by a process that has ended: it is Failed.
        """
        self._live = True
        self._platform.world.listeners.append(self._note)
        self._adopt("the emulator that ran it has ended before it did")

    def stop(self) -> None:
        """Take no more jobs, and end those that run at once; they are Stopped, and those that wait stay Pending."""
        if not self._live:
            return
        self._live = False
        self._platform.world.listeners.remove(self._note)
        entries = self._all()
        for entry in entries:
            if entry.thread is not None:
                self._runner.move(entry.job_id, "Stopped")
                self._end(entry, grace=0)
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join()
            self._drop(entry)

    def _adopt(self, why: str) -> None:
        """Take the jobs that are Pending, and fail those that are Active and run nowhere."""
        with self._platform.world.store.reading():
            jobs = Jobs(self._platform.world).all()
        for job in jobs:
            if job.training_job_id not in self._entries:
                if job.status == "Pending":
                    self._note(job)
                elif job.status == "Active" and self._is_ours(job):
                    self._runner.move(job.training_job_id, "Failed", why)

    def _note(self, record: Any) -> None:
        """See a job that was made or has changed."""
        if not isinstance(record, TrainingJob):
            return
        entry = self._entries.get(record.training_job_id)
        if record.status == "Pending":
            if entry is None and self._is_ours(record):
                self._take(record)
        elif entry is not None and record.status == "Stopped" and not entry.ticket.stopped:
            entry.ticket.stopped = True
            name = f"abeja-emulator-stop-{entry.job_id}"
            threading.Thread(target=self._end, args=(entry, self._grace), name=name, daemon=True).start()
        elif entry is not None and entry.thread is None:
            # Somebody else runs it, such as a test in its own process.
            self._drop(entry)

    def _is_ours(self, job: TrainingJob) -> bool:
        if job.exec_env == "local":
            return False
        version = self._runner.version(job)
        return bool(version.source) or version.git_url is not None

    def _take(self, job: TrainingJob) -> None:
        said: Any = job.environment.get(MODE_VARIABLE, self.mode)
        if said not in MODES:
            message = f"the variable {MODE_VARIABLE} is {said!r}; it must be one of {', '.join(MODES)}"
            self._runner.move(job.training_job_id, "Failed", message)
            return
        entry = _Entry(job.training_job_id, said)
        with self._lock:
            self._entries[entry.job_id] = entry
            self._queue.append(entry)
        self._fill()

    def _drop(self, entry: _Entry) -> None:
        with self._lock:
            self._entries.pop(entry.job_id, None)
            if entry in self._queue:
                self._queue.remove(entry)
        entry.ended.set()

    # -- what a person or a test asks -----------------------------------------------------------

    def release(self, job_id: str | int | None = None) -> None:
        """Let a held job go, or all of them.

        Raises:
            NotFound: when no job of that id waits.
        """
        job_id = None if job_id is None else str(job_id)
        with self._lock:
            found = [entry for entry in self._queue if job_id in {None, entry.job_id}]
            for entry in found:
                entry.released = True
        if job_id is not None and not found:
            message = f"no job {job_id} waits to be let go; those that wait: {', '.join(self.queued()) or 'none'}"
            raise NotFound(message)
        self._fill()

    def queued(self) -> list[str]:
        """Return the ids of the jobs that wait, for a slot or to be let go, oldest first."""
        with self._lock:
            return [entry.job_id for entry in self._queue]

    def running(self) -> list[str]:
        """Return the ids of the jobs that run."""
        with self._lock:
            return [entry.job_id for entry in self._entries.values() if entry.thread is not None]

    def unfinished(self) -> list[str]:
        """Return the ids of the jobs that run, or will do so without anybody's doing."""
        with self._lock:
            return [entry.job_id for entry in self._entries.values() if entry.thread is not None or entry.may_start]

    def abandon(self, job_id: str) -> None:
        """Stop a job at once, if it has not ended."""
        entry = self._entries.get(job_id)
        if entry is not None:
            self._runner.move(job_id, "Stopped")
            self._end(entry, grace=0)

    def claim(self, job_id: str) -> bool:
        """Take a job that waits out of the queue, for the caller to run it; tell whether it was there."""
        with self._lock:
            entry = self._entries.get(job_id)
            if entry is None or entry.thread is not None:
                return False
            self._drop(entry)
            return True

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
        with self._lock:
            entry = self._entries.get(job_id)
            held = entry is not None and entry.thread is None and not entry.may_start
        if held:
            message = f"job {job_id} is held; let it go before you wait for it"
            raise Conflict(message)
        if entry is not None and not entry.ended.wait(timeout):
            message = f"job {job_id} has not ended after {timeout} s; it is {self._runner.find(job_id).status}"
            raise TimeoutError(message)
        self._runner.find(job_id)
        return TrainedJob(self._platform, job_id, self.result_dir(job_id))

    def reconcile(self) -> None:
        """Follow a return to an earlier state: end the jobs that are not in it, and take those that wait in it."""
        with self._platform.world.store.reading():
            statuses = {job.training_job_id: job.status for job in Jobs(self._platform.world).all()}
        for entry in self._all():
            known = statuses.get(entry.job_id)
            if known is None or (entry.thread is not None and known != "Active"):
                self._end(entry, grace=0)
                if entry.thread is not None:
                    entry.thread.join()
        if self._live:
            self._adopt("its process was ended when the platform returned to an earlier state")

    def result_dir(self, job_id: str) -> Path:
        """Return the result directory of a job, as its handler left it."""
        return self._runner.result_dir(job_id)

    # -- running --------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start as many jobs as there are slots."""
        with self._lock:
            while self._live and self._running < self._slots:
                entry = next((each for each in self._queue if each.may_start), None)
                if entry is None:
                    return
                self._queue.remove(entry)
                self._running += 1
                name = f"abeja-emulator-job-{entry.job_id}"
                entry.thread = threading.Thread(target=self._run, args=(entry,), name=name, daemon=True)
                entry.thread.start()

    def _run(self, entry: _Entry) -> None:
        try:
            self._runner.run(entry.job_id, entry.ticket, self.timing if entry.mode == "virtual" else None)
        finally:
            with self._lock:
                self._running -= 1
            self._drop(entry)
            self._fill()

    def _end(self, entry: _Entry, grace: float) -> None:
        """End a job that runs or waits."""
        with entry.ticket.lock:
            entry.ticket.stopped = True
            child = entry.ticket.child
        self._platform.clock.wake()
        if entry.thread is None:
            self._drop(entry)
        if child is not None:
            child.stop(grace, self._platform.clock.wait)

    def _all(self) -> list[_Entry]:
        with self._lock:
            return list(self._entries.values())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
