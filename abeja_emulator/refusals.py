"""The calls to hosts that are neither emulated nor allowed, until somebody has taken notice of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Callable, NamedTuple, overload

if TYPE_CHECKING:
    from abeja_emulator.transports.errors import RefusedCall


class Refusal(NamedTuple):
    """One call that was refused.

    Attributes:
        call: what it was.
        left_by: the ended test that left running what called, or None.
    """

    call: RefusedCall
    left_by: str | None

    def __str__(self) -> str:
        by = "" if self.left_by is None else f" by what {self.left_by} left running"
        return f"refused {self.call}{by}: {self.call.advice}"


class Refusals(Sequence["RefusedCall"]):
    """The refused calls of one emulation, oldest first; threads may add to it at once.

    Args:
        left_by: returns the ended test that left running what calls now, see `Epochs.left_by`.
    """

    def __init__(self, left_by: Callable[[float | None], str | None]) -> None:
        self._left_by = left_by
        self._refusals: list[Refusal] = []
        self._taken = 0

    def add(self, call: RefusedCall) -> None:
        """Note a call."""
        self._refusals.append(Refusal(call, self._left_by(call.born)))

    def take(self) -> list[Refusal]:
        """Return those that nobody has taken yet."""
        new = self._refusals[self._taken :]
        self._taken += len(new)
        return new

    def __len__(self) -> int:
        return len(self._refusals)

    @overload
    def __getitem__(self, index: int) -> RefusedCall: ...
    @overload
    def __getitem__(self, index: slice) -> list[RefusedCall]: ...
    def __getitem__(self, index: int | slice) -> RefusedCall | list[RefusedCall]:
        if isinstance(index, slice):
            return [refusal.call for refusal in self._refusals[index]]
        return self._refusals[index].call
