"""How an answer reaches a client where that is not at once and whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Literal, Optional

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock

#: What comes after the last byte: the connection goes on; it is closed; it is reset; it stays open and silent.
Ending = Literal["whole", "closed", "reset", "silence"]


@dataclass(frozen=True)
class Delivery:
    """How a transport has to bring an answer.

    Attributes:
        clock: lets seconds pass.
        wait: seconds before the first byte.
        head: whether anything comes at all.
        stop_at: bytes of the body after which nothing more comes; None: all of it comes.
        ending: what happens then.
        pace: bytes of the body a second; None: as fast as it goes.
        given_up: called when the client does not wait for all of it.
    """

    clock: Clock
    wait: float = 0.0
    head: bool = True
    stop_at: Optional[int] = None
    ending: Ending = "whole"
    pace: Optional[float] = None
    given_up: Optional[Callable[[], None]] = None
