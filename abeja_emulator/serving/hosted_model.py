"""One instance of a service: a process, and when it may be ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from abeja_emulator.serving.messages import TIMEOUT, ModelGone
from abeja_emulator.serving.proxy import GRACE

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock
    from abeja_emulator.serving.messages import ModelAnswer, ModelRequest
    from abeja_emulator.serving.model_process import ModelProcess

#: Real seconds in which a process that has lost a request ends, if it does.
_DEATH = 1.0


class HostedModel:
    """A process that a proxy asks and a keeper looks after. It is a `Model`.

    Args:
        start: starts the process; it takes what is to be called once that has ended.
        clock: of the Platform.
        changed: told when it has ended; it must only note that.

    Attributes:
        process: the process.
        asked: whether it was ever asked.
    """

    def __init__(
        self,
        start: Callable[[Callable[[], object]], ModelProcess],
        clock: Clock,
        changed: Callable[[], object],
    ) -> None:
        self.asked = False
        self._clock = clock
        self._changed = changed
        self._lost: str | None = None
        self._ended = False
        self._released = False
        self.process = start(self._note_end)

    @property
    def why_gone(self) -> str | None:
        """Why another one is needed in its place, or None: it has ended, or a request got no answer of it."""
        # What it has lost with its process is told a moment before that has ended.
        if self._ended or (self._lost is not None and self.process.has_ended(_DEATH)):
            return f"exit code {self.process.code}"
        return self._lost

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Ask the process; see `Model`."""
        self.asked = True
        try:
            return self.process.ask(request, timeout)
        except ModelGone as error:
            self._lost = str(error)
            raise

    def close(self) -> None:
        """Let the process be ended: a proxy says so when it has its last answer, and will not ask again."""
        self._released = True
        self._clock.wake()

    def end(self, hurried: Callable[[], bool]) -> None:
        """End the process once it may be, or 28 s have passed by the Platform's clock.

        Args:
            hurried: returns whether to wait for nothing.
        """
        self._clock.wait(GRACE, lambda: self._released or hurried())
        if hurried():
            self.process.kill()
        self.process.close()

    def _note_end(self) -> None:
        self._ended = True
        self._changed()
