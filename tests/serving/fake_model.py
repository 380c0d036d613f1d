"""A model that answers what a test says, when it says so."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from abeja_emulator.serving.messages import TIMEOUT, ModelAnswer, ModelGone

if TYPE_CHECKING:
    from typing import Callable

    from abeja_emulator.serving.messages import ModelRequest

#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60


class FakeModel:
    """Answers one request at a time, and fails the test that asks for two.

    Attributes:
        asked: what it was asked, with all bodies as bytes.
        timeouts: seconds it was given.
        closed: how often it was closed.
    """

    def __init__(
        self, answer: Callable[[ModelRequest], ModelAnswer] | ModelAnswer | BaseException | None = None
    ) -> None:
        self._answer = ModelAnswer() if answer is None else answer
        self.asked: list[ModelRequest] = []
        self.bodies: list[list[bytes]] = []
        self.timeouts: list[float | None] = []
        self.closed = 0
        self._busy = threading.Lock()

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Answer."""
        assert self._busy.acquire(blocking=False), "two requests at once"
        try:
            self.asked.append(request)
            self.timeouts.append(timeout)
            bodies = [content.body for content in request.contents]
            self.bodies.append([body if isinstance(body, bytes) else body.read() for body in bodies])
            if isinstance(self._answer, BaseException):
                raise self._answer
            return self._answer if isinstance(self._answer, ModelAnswer) else self._answer(request)
        finally:
            self._busy.release()

    def close(self) -> None:
        """Count."""
        self.closed += 1


class HeldModel(FakeModel):
    """Answers when it is let go; closed, it is gone.

    Attributes:
        begun: set while it is being asked.
    """

    def __init__(self, answer: ModelAnswer | BaseException | None = None) -> None:
        super().__init__(self._held)
        self._says = ModelAnswer() if answer is None else answer
        self.begun = threading.Event()
        self._go = threading.Semaphore(0)

    def let_go(self, times: int = 1) -> None:
        """Let it answer so often."""
        for _ in range(times):
            self._go.release()

    def close(self) -> None:
        """Count, and end what is being asked."""
        super().close()
        self._go.release()

    def _held(self, _: ModelRequest) -> ModelAnswer:
        self.begun.set()
        assert self._go.acquire(timeout=PATIENCE)
        self.begun.clear()
        if self.closed:
            message = "it was closed"
            raise ModelGone(message)
        if isinstance(self._says, BaseException):
            raise self._says
        return self._says
