"""What every look has in common: the platform, and how one thing is found among those that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    import msgspec

    from abeja_emulator.platform import Platform

    RecordT = TypeVar("RecordT", bound=msgspec.Struct)

#: So many of what is there are named when something is not.
_NAMED = 10


class BaseLook:
    """A look at the default organization of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._world = platform.world
        self._store = platform.world.store

    @property
    def _organization_id(self) -> str:
        # Loading another state may bring another organization.
        return self._platform.organization.id


def only(found: Sequence[RecordT], wanted: str, what: str, *fields: str) -> RecordT:
    """Return the record that is wanted; an id goes before a name.

    Args:
        found: those that are there, oldest first.
        wanted: an id or a name.
        what: what they are, in the singular.
        fields: names of the fields in which `wanted` may be, the id first.

    Raises:
        NotFound: when it is none of them; the newest of those that are there are named.
    """
    for field in fields:
        for record in found:
            if getattr(record, field) == wanted:
                return record
    newest = [_introduced(record, *fields) for record in reversed(found[-_NAMED:])]
    message = f"there is no {what} {wanted!r}; newest {what}s: {', '.join(newest) or 'none'}"
    raise NotFound(message)


def _introduced(record: msgspec.Struct, identifier: str, *names: str) -> str:
    others = ", ".join(str(getattr(record, name)) for name in names)
    return f"{getattr(record, identifier)} ({others})" if others else str(getattr(record, identifier))
