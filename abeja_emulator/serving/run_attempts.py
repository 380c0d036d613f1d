"""Runs one run to its end: attempt after attempt, each in a process of its own, as the platform's runner does."""

from __future__ import annotations

import datetime
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.child_process import NotStarted
from abeja_emulator.runtime.requirements import Cancelled
from abeja_emulator.services.runs.rules import AGAIN, TRIED, Runs
from abeja_emulator.services.submission import SUBMITTED
from abeja_emulator.serving.conversion import close_contents
from abeja_emulator.serving.messages import ModelAnswer, ModelGone
from abeja_emulator.serving.model_process import NotReady
from abeja_emulator.serving.preparation import PreparationError
from abeja_emulator.serving.process_log import run_log
from abeja_emulator.serving.run_ancestry import GENERATIONS, why_it_loops
from abeja_emulator.serving.run_input import NoInputError, request_of
from abeja_emulator.serving.run_model import RunModel
from abeja_emulator.serving.run_output import keep_output

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.runner import Timing
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.serving.model_code import ModelCodes
    from abeja_emulator.serving.model_process import ModelProcess

#: Where a run is that waits to be tried, in the order it comes there.
WAITING = (SUBMITTED, "PENDING", AGAIN)

#: The last status that is a success (runner, proxy/proxy_oneshot.go).
LAST_GOOD = 299


class GoneError(Exception):
    """A run is not as its last step has left it: it was stopped, or is that of another state, or somebody moved it."""


@dataclass
class Ticket:
    """What stops a run.

    Attributes:
        stopped: whether nobody wants it any more.
        process: its process, while it has one.
        seen: status and retries that its last step has left it with; None before the first.
        lock: held while the process is started.
    """

    stopped: bool = False
    process: ModelProcess | None = None
    seen: tuple[str, int] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """Kill its process, and let it have no other."""
        with self.lock:
            self.stopped = True
            process = self.process
        if process is not None:
            process.kill()

    def fits(self, run: Run) -> bool:
        """Tell whether a run is as the last step has left it."""
        return run.status in WAITING if self.seen is None else self.seen == (run.status, run.retries)


class Attempts:
    """Runs the runs of one Platform.

    An attempt in which the handler has not done it is tried again, as often as the run says: it has raised, ended its
    process or was killed, answered with a status over 299, or its output was refused. The runner ends with the same
    exit code for each of them, which is all that the platform around it sees. It is tried again at once, for a
    batch of the platform's cloud knows no pause but the wait for a free machine, which is `Timing.pending`. What is
    in the way before the handler can be called (no code, a damaged archive, requirements that cannot be had, no
    input) fails the run in the first attempt: all others would be like it. Evidence: inferred.

    Args:
        platform: where the runs are.
        folder: a sub-folder for each run is made there, and is gone when it has ended. Its attempts share it.
        codes: makes code ready.
        generations: see `why_it_loops`.
    """

    def __init__(self, platform: Platform, folder: Path, codes: ModelCodes, *, generations: int = GENERATIONS) -> None:
        self._platform = platform
        self._world = platform.world
        self._folder = folder
        self._codes = codes
        self._generations = generations
        self._runs = Runs(platform.world)

    def run(self, run_id: str, ticket: Ticket, timing: Timing | None = None) -> None:
        """Run a run that waits to its end; where it cannot be run it fails, and its log says why.

        Args:
            run_id: the run.
            ticket: stops it.
            timing: how long each attempt takes by the Platform's clock, at least.
        """
        place = self._folder.resolve() / run_id
        try:
            with self._platform.clock.working(run_id):
                self._run(run_id, ticket, timing, place)
        except (GoneError, Cancelled):
            pass  # whoever has stopped it says what becomes of it
        except (NoInputError, NotStarted, PreparationError) as error:
            self.fail(run_id, str(error), ticket)
        except Exception as error:  # noqa: BLE001 - a run ends, whatever goes wrong
            if self._platform.closed:
                return
            self.fail(run_id, f"the run could not be run: {error!r}", ticket)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def find(self, run_id: str) -> Run:
        """Return a run as it is."""
        with self._world.store.reading():
            return self._runs.find(run_id)

    def fail(self, run_id: str, why: str, ticket: Ticket | None = None) -> None:
        """Let a run be FAILED and say why, unless it has ended, or is not as the ticket's last step has left it."""
        with suppress(GoneError, NotFound), self._world.store.transaction():
            run = self._runs.find(run_id) if ticket is None else self._as_left(run_id, ticket)
            if run.status in {*WAITING, *TRIED}:
                run_log(self._platform, run_id).say(why)
                self._move(run, "FAILED", ticket)

    def give_back(self, run_id: str, why: str) -> None:
        """Let a run wait again that was being tried and is not any more; it is FAILED when that was its last attempt.

        Args:
            run_id: the run.
            why: what has ended the attempt.
        """
        with suppress(NotFound), self._world.store.transaction():
            run = self._runs.find(run_id)
            if run.status in TRIED:
                self._end(run, why, None)

    # -- its attempts ---------------------------------------------------------------------------

    def _run(self, run_id: str, ticket: Ticket, timing: Timing | None, place: Path) -> None:
        run = self.find(run_id)
        if not ticket.fits(run):
            raise GoneError
        while run.status != AGAIN:
            run = self._step(run_id, ticket, WAITING[WAITING.index(run.status) + 1])
        with self._world.store.reading():
            loop = why_it_loops(self._world, run, self._generations)
        if loop is not None:
            self.fail(run_id, loop, ticket)
            return
        with RunModel(self._platform, self._codes, run, place, lambda: ticket.stopped) as model:
            while run.status == AGAIN:
                if timing is not None:
                    self._pass(run, timing.pending, ticket)
                run = self._step(run_id, ticket, "STARTING", f"attempt {run.retries + 1} of {run.retry_count + 1}")
                outcome = self._attempt(run, ticket, model, timing)
                run = self._finish(run_id, ticket, outcome)

    def _attempt(self, run: Run, ticket: Ticket, model: RunModel, timing: Timing | None) -> ModelAnswer | str:
        """Call the handler, and return its answer, or why there is none."""
        request = request_of(self._world, run)
        try:
            model.make_ready()
            process = self._started(ticket, model)
            try:
                process.wait_ready(stopped=lambda: ticket.stopped)
                run = self._step(run.run_id, ticket, "RUNNING")
                # The 30 s of a service are those of its HTTP server, and a run has none. No other end is known.
                answer = process.ask(request, None)
            finally:
                process.close()
                ticket.process = None
        except (NotReady, ModelGone) as error:
            # What else the first one says is in the log already.
            return str(error).partition("\n")[0].replace("; its log ends:", "")
        finally:
            close_contents(request)
        if timing is not None:
            self._pass(run, timing.active, ticket)
        return answer

    def _pass(self, run: Run, seconds: float, ticket: Ticket) -> None:
        """Let that many seconds pass since the last step of a run, unless it is stopped."""
        then = datetime.datetime.fromisoformat(run.modified_at).replace(tzinfo=datetime.timezone.utc)
        gone = (self._world.clock.now() - then).total_seconds()
        self._world.clock.wait_idly(seconds - gone, lambda: ticket.stopped)

    def _started(self, ticket: Ticket, model: RunModel) -> ModelProcess:
        with ticket.lock:
            if ticket.stopped:
                raise GoneError
            ticket.process = model.start()
            return ticket.process

    def _finish(self, run_id: str, ticket: Ticket, outcome: ModelAnswer | str) -> Run:
        """Keep the output, on success and failure alike, and let the run go on from there."""
        with self._world.store.transaction():
            run = self._as_left(run_id, ticket)
            if isinstance(outcome, str):
                return self._end(run, outcome, ticket)
            refused = keep_output(self._platform, run, outcome)
            run = self._runs.find(run_id)
            why = "; ".join(filter(None, (_why_failed(outcome), refused)))
            return self._end(run, why, ticket) if why else self._move(run, "SUCCEEDED", ticket)

    def _end(self, run: Run, why: str, ticket: Ticket | None) -> Run:
        """Let an attempt have failed: the run waits for the next one, or there is none, and it is FAILED."""
        last = run.retries >= run.retry_count
        said = f"attempt {run.retries + 1} of {run.retry_count + 1} failed: {why}"
        run_log(self._platform, run.run_id).say(said)
        return self._move(run, "FAILED" if last else AGAIN, ticket)

    # -- the platform ---------------------------------------------------------------------------

    def _step(self, run_id: str, ticket: Ticket, status: str, line: str | None = None) -> Run:
        with self._world.store.transaction():
            run = self._as_left(run_id, ticket)
            if line is not None:
                run_log(self._platform, run_id).say(line)
            return self._move(run, status, ticket)

    def _as_left(self, run_id: str, ticket: Ticket) -> Run:
        """Return a run, as its last step has left it.

        Raises:
            GoneError: when it is not.
        """
        run = self._runs.find(run_id)
        if ticket.stopped or not ticket.fits(run):
            raise GoneError
        return run

    def _move(self, run: Run, status: str, ticket: Ticket | None) -> Run:
        moved = self._runs.move(run, status)
        if ticket is not None:
            ticket.seen = (moved.status, moved.retries)
        return moved


def _why_failed(answer: ModelAnswer) -> str | None:
    if answer.error is not None:
        return f"the handler failed ({answer.error})"
    if answer.status > LAST_GOOD:
        return f"the handler answered with the status {answer.status}, and only up to {LAST_GOOD} is it done"
    return None
