"""What goes wrong between a client and a platform, for people to read.

None of them is an `OSError` or an HTTP error: a client would retry those for half a minute.
"""

from __future__ import annotations

from abeja_emulator.transports.child.abeja_emulator_child import (
    AddressTaken,
    EmulatorUnreachable,
    NeverAnswered,
    RefusedCall,
    UnknownHostError,
)

__all__ = ["AddressTaken", "EmulatorUnreachable", "NeverAnswered", "RefusedCall", "UnknownHostError"]
