"""Whose turn it is in this process, which can be the process of one served model at a time."""

from __future__ import annotations

import sys
import threading
import weakref
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, TextIO

from abeja_emulator.serving.messages import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    #: Tells, while it is entered, of each thread that is about to be started, in the one that starts it.
    Watch = Callable[[Callable[[threading.Thread], None]], AbstractContextManager[object]]


class TurnError(RuntimeError):
    """A served model that cannot be asked now; the text says why, and what to do."""


@dataclass(eq=False)
class Turn:
    """A request to one served model, or its import.

    Attributes:
        owner: the model.
        thread: that asks.
        streams: where output went before any model was asked.
        is_over: whether it lets nobody in any more.
    """

    owner: object
    thread: threading.Thread
    streams: tuple[TextIO, TextIO]
    is_over: bool = False


class Turns:
    """Gives turns, one at a time.

    A handler that asks another model waits for it, and so does its own turn: the other one is within it. That holds
    for threads that a model has started, too, such as those of a pool. All others wait until no turn is left.

    Args:
        watch: tells of threads that are started. Without it no thread belongs to a model.
        patience: seconds for which somebody waits while nothing moves. Only a thread that a handler waits for, and
            that is not known to be its own, waits in vain; it gets an error rather than wait for ever.
    """

    def __init__(self, watch: Watch = lambda _: nullcontext(), patience: float = TIMEOUT) -> None:
        self._watch = watch
        self._patience = patience
        self._changed = threading.Condition()
        self._stack: list[Turn] = []
        self._moves = 0
        self._started_by: weakref.WeakKeyDictionary[threading.Thread, object] = weakref.WeakKeyDictionary()
        self._watching = ExitStack()

    @contextmanager
    def turn(self, owner: object) -> Iterator[Turn]:
        """Wait for a turn and have it.

        Raises:
            TurnError: when the model is asked by itself, or nothing has moved for too long.
        """
        __tracebackhide__ = True
        turn = self._enter(owner)
        try:
            yield turn
        finally:
            self._leave(turn)

    def settle(self, turn: Turn) -> None:
        """Wait until all turns within this one are over, and let no other one in."""
        with self._changed:
            self._changed.wait_for(lambda: self._stack[-1] is turn)
            turn.is_over = True

    def _enter(self, owner: object) -> Turn:
        __tracebackhide__ = True
        with self._changed:
            while True:
                above = self._above()
                self._check_not_within(owner, above)
                last = self._stack[-1] if self._stack else None
                if last is above:
                    break
                moves = self._moves
                if not self._changed.wait_for(lambda: self._moves != moves, self._patience):  # noqa: B023 - asked at once
                    message = (
                        f"{owner} was not asked: for {self._patience:g} s this process has been answering for "
                        f"{last and last.owner}, one request at a time. If that one waits for this one, neither ends: "
                        "ask in a thread that its own handler starts, or let one be a service, which has a process "
                        "of its own"
                    )
                    raise TurnError(message)
            turn = Turn(owner, threading.current_thread(), above.streams if above else (sys.stdout, sys.stderr))
            if not self._stack:
                self._watching.enter_context(self._watch(self._note))
            self._stack.append(turn)
            return turn

    def _leave(self, turn: Turn) -> None:
        self.settle(turn)
        with self._changed:
            self._stack.pop()
            if not self._stack:
                self._watching.close()
            self._moves += 1
            self._changed.notify_all()

    def _check_not_within(self, owner: object, above: Turn | None) -> None:
        __tracebackhide__ = True
        if above is None:
            return
        if any(turn.owner is owner for turn in self._stack[: self._stack.index(above) + 1]):
            message = (
                f"{owner} is asked by its own handler, or by one that this one asks. An instance answers one request "
                "at a time, so that on the platform both would wait until they time out"
            )
            raise TurnError(message)

    def _above(self) -> Turn | None:
        """Return the turn within which the current thread would have one."""
        thread = threading.current_thread()
        owner = self._started_by.get(thread)
        for turn in reversed(self._stack):
            if not turn.is_over and (turn.thread is thread or (owner is not None and turn.owner is owner)):
                return turn
        return None

    def _note(self, thread: threading.Thread) -> None:
        """Note whose thread it is that the current one starts."""
        with self._changed:
            above = self._above()
            owner = self._started_by.get(threading.current_thread()) if above is None else above.owner
            if owner is not None:
                self._started_by[thread] = owner
