"""A thread that is started by what an earlier test left running is left over as well."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from typing_extensions import Self


class ChildThreads:
    """Tells of every thread that is about to be started while it is entered.

    Args:
        on_start: told of the thread, by the one that starts it.
    """

    def __init__(self, on_start: Callable[[threading.Thread], None]) -> None:
        self._on_start = on_start
        self._original: Any = None
        self._hook: Any = None

    def __enter__(self) -> Self:
        original, on_start = threading.Thread.start, self._on_start

        def start(self: threading.Thread) -> None:
            on_start(self)
            original(self)

        start.__wrapped__ = original  # type: ignore[attr-defined] # for whoever looks at the signature
        start.__doc__ = original.__doc__
        self._original, self._hook = original, start
        threading.Thread.start = start  # type: ignore[method-assign]
        return self

    def __exit__(self, *exception: object) -> None:
        if threading.Thread.start is self._hook:
            threading.Thread.start = self._original  # type: ignore[method-assign]
