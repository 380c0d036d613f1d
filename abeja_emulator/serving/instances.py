"""The instances of a model: each answers one request at a time, and requests take turns in the order they came."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.serving.messages import Model


class NoInstanceError(Exception):
    """There is no instance to ask, or none became free in time."""


class Turn:
    """A place in the queue.

    Attributes:
        model: the instance to ask, once it is this one's turn.
        called: set when it is, or when there is no instance any more.
    """

    __slots__ = ("called", "model")

    def __init__(self) -> None:
        self.model: Model | None = None
        self.called = threading.Event()


class Instances:
    """Instances that requests take and give back; none at first.

    A member is one that requests may take. One that is busy may have ceased to be a member.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._members: dict[int, Model] = {}
        self._busy: dict[int, Model] = {}
        self._free: deque[Model] = deque()
        self._queue: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> tuple[Model, ...]:
        """Those that requests may take, busy or free."""
        with self._changed:
            return tuple(self._members.values())

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    def enter(self) -> Turn:
        """Queue; the place is taken when this returns.

        Raises:
            NoInstanceError: when there is nothing to queue for.
        """
        turn = Turn()
        with self._changed:
            if not self._members:
                raise NoInstanceError
            self._queue.append(turn)
            self._serve()
        return turn

    def wait(self, turn: Turn, timeout: float | None = None) -> Model:
        """Wait for the turn and return the instance, which is to be given back by `leave` or `lose`.

        Raises:
            NoInstanceError: when the last instance went meanwhile, or none was free in that many seconds; the place
                is given up then.
        """
        if not turn.called.wait(timeout):
            with self._changed:
                # The turn may come at this very moment.
                if turn in self._queue:
                    self._queue.remove(turn)
        if turn.model is None:
            raise NoInstanceError
        return turn.model

    def give_up(self, turn: Turn) -> None:
        """Give a place in the queue up, or the instance whose turn it has become."""
        with self._changed:
            if turn in self._queue:
                self._queue.remove(turn)
        if turn.model is not None:
            self.leave(turn.model)

    def leave(self, model: Model) -> None:
        """Give an instance back that can be asked again."""
        with self._changed:
            del self._busy[id(model)]
            if id(model) in self._members:
                self._free.append(model)
            self._serve()

    def lose(self, model: Model) -> bool:
        """Give an instance back that is not to be asked again; return whether it was a member."""
        with self._changed:
            del self._busy[id(model)]
            member = self._members.pop(id(model), None) is not None
            self._serve()
            return member

    def add(self, model: Model) -> None:
        """Take one more instance in."""
        with self._changed:
            self._members[id(model)] = model
            self._free.append(model)
            self._serve()

    def exchange(self, models: Iterable[Model]) -> list[Model]:
        """Make these the members at once; return those that no longer are, some of which may be busy."""
        with self._changed:
            before, self._members = self._members, {id(model): model for model in models}
            self._free = deque(model for key, model in self._members.items() if key not in self._busy)
            self._serve()
            return [model for key, model in before.items() if key not in self._members]

    def wait_for(self, models: Iterable[Model], timeout: float | None = None) -> bool:
        """Wait until none of these is busy; return whether that came in so many seconds."""
        keys = [id(model) for model in models]
        with self._changed:
            return self._changed.wait_for(lambda: not any(key in self._busy for key in keys), timeout)

    def _serve(self) -> None:
        while self._free and self._queue:
            turn, model = self._queue.popleft(), self._free.popleft()
            turn.model = self._busy[id(model)] = model
            turn.called.set()
        if not self._members:
            while self._queue:
                self._queue.popleft().called.set()
        self._changed.notify_all()
