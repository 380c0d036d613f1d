"""A handler that is called in this process, in surroundings of its own."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.images import Calling
from abeja_emulator.runtime.tracebacks import shown_traceback, user_traceback
from abeja_emulator.serving.hints import hint_for
from abeja_emulator.serving.in_process import InProcessModel
from abeja_emulator.serving.messages import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from abeja_emulator.runtime.handlers import Handler
    from abeja_emulator.runtime.images import ModelCalling
    from abeja_emulator.runtime.output import Log
    from abeja_emulator.serving.messages import ModelAnswer, ModelRequest
    from abeja_emulator.serving.surroundings import Surroundings
    from abeja_emulator.serving.turns import Turn, Turns


class ServedModel:
    """A handler that is imported and called within its surroundings, when it has its turn. It is a `Model`.

    Args:
        handler: what to call.
        calling: how its image calls it.
        context: what it is called with besides a request.
        result: its result directory, for a hint where it misses something there.
        surroundings: its own.
        log: of the surroundings.
        turns: of this process.

    Attributes:
        exception: what the last request raised, or None.
        shown: how that reads, from the user's own frames on, and what to do about it.

    Raises:
        RuntimeMissing: when the image needs the published runtime, and it cannot be imported.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        handler: Handler,
        calling: ModelCalling,
        context: Mapping[str, Any],
        result: Path,
        surroundings: Surroundings,
        log: Log,
        turns: Turns,
    ) -> None:
        self.exception: BaseException | None = None
        self.shown = ""
        self._handler = handler
        self._calling = calling
        self._result = result
        self._surroundings = surroundings
        self._log = log
        self._turns = turns
        self._turn: Turn | None = None
        self._function: Callable[..., Any] | None = None
        # Before the handler is imported, which may take long and be of no use.
        self._model = InProcessModel(self._call, context, calling=calling)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, within which it may be loaded or asked once.

        Raises:
            TurnError: when there is none to be had.
        """
        __tracebackhide__ = True
        with self._turns.turn(self) as turn:
            before, self._turn = self._turn, turn
            try:
                yield
            finally:
                self._turn = before

    def load(self) -> None:
        """Import the handler.

        Raises:
            Exception: whatever its module raises, from the user's own frames on, with a note of what to do about it;
                that is printed where exceptions have no notes.
        """
        __tracebackhide__ = True
        try:
            with self.turn(), self._inside():
                self._function = self._handler.load(Calling.DICT)
        except Exception as error:  # noqa: BLE001 - it goes on, with a hint
            hint = hint_for(error, self._calling, self._result)
            if hint is not None and hasattr(error, "add_note"):
                error.add_note(f"abeja-emulator: {hint}")
            elif hint is not None:
                self.say(hint)
            raise error.with_traceback(user_traceback(error.__traceback__))  # noqa: B904 - it is the same

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Ask, and return the answer; see `InProcessModel`."""
        with self._inside():
            try:
                return self._model.ask(request, timeout)
            finally:
                self.exception = self._model.exception
                if self.exception is not None:
                    self._explain(self.exception)

    def forget(self) -> None:
        """Forget what the last request raised."""
        self.exception, self.shown = None, ""

    def say(self, text: str) -> None:
        """Say something in the log, and to whoever reads the output of a test."""
        line = f"abeja-emulator: {text}"
        self._log.end()
        self._log.write("WARNING", f"{line}\n")
        print(line, file=self._turn.streams[1] if self._turn is not None else sys.stderr)

    def close(self) -> None:
        """End the model; it answers no more."""
        self._model.close()
        self._surroundings.close()

    def __str__(self) -> str:
        return f"the served model {self._handler.name}"

    def _explain(self, error: BaseException) -> None:
        self.shown = shown_traceback(error)
        hint = hint_for(error, self._calling, self._result, self._function)
        if hint is not None:
            self.shown += f"abeja-emulator: {hint}\n"
            self.say(hint)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        turn = self._turn
        assert turn is not None, "it is asked in its turn"  # noqa: S101 - only its own service asks
        with self._surroundings.entered(turn.streams):
            try:
                yield
            finally:
                # What it asks in other threads has the process until it ends.
                self._turns.settle(turn)

    def _call(self, request: Any, context: Any) -> Any:
        assert self._function is not None, "it is loaded before it is asked"  # noqa: S101 - only its own service asks
        return self._function(request, context)
