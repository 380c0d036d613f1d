"""Records to keep in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

if TYPE_CHECKING:
    from abeja_emulator.store.store import Store
    from abeja_emulator.store.table import Table


class Thing(msgspec.Struct):
    """A record."""

    value: int


@pytest.fixture
def things(store: Store) -> Table[Thing]:
    """Its records of one kind."""
    return store.table("thing", Thing)
