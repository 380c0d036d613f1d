"""The state before the last change, for answers that are stale."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Copy(Protocol):
    """A state as it was."""

    def forget(self) -> None:
        """Let go of it."""


class Past:
    """Keeps one copy of a state, and each copy as long as an answer is made of it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: _Kept | None = None

    def __bool__(self) -> bool:
        return self._kept is not None

    def keep(self, copy: Copy) -> None:
        """Keep a copy in the place of the one that there is."""
        self._put(_Kept(copy))

    def forget(self) -> None:
        """Keep none any more."""
        self._put(None)

    @contextmanager
    def shown(self) -> Iterator[Copy | None]:
        """Return the copy, which stays for that long whatever happens; None where none is kept any more."""
        with self._lock:
            kept = self._kept
            if kept is not None:
                kept.holders += 1
        try:
            yield None if kept is None else kept.copy
        finally:
            if kept is not None:
                self._let_go(kept)

    def _put(self, kept: _Kept | None) -> None:
        with self._lock:
            earlier, self._kept = self._kept, kept
        if earlier is not None:
            self._let_go(earlier)

    def _let_go(self, kept: _Kept) -> None:
        with self._lock:
            kept.holders -= 1
            is_over = not kept.holders
        if is_over:
            kept.copy.forget()


class _Kept:
    """A copy, and how many hold it: whoever keeps it, and the answers that are being made of it."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.holders = 1
