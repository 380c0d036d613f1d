"""What all of OpsBeeLLM has in common: how it is shown, its times and one part of a listing, and how it changes.

Every listing begins with what is newest. The docstrings of get_datasets and get_deployments show it, and histories are
sorted that way by default; that all the others do the same is inferred.
"""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

#: The zone that OpsBeeLLM shows its times in (SDK docstrings: `2023-12-15T16:50:33+09:00`).
ZONE = datetime.timezone(datetime.timedelta(hours=9))


class Part(NamedTuple):
    """One part of a listing: its entries, where it begins, how long it may be, and how many entries there are."""

    entries: list[dict[str, Any]]
    offset: int
    limit: int
    total: int

    def view(self, name: str, **around: Any) -> dict[str, Any]:
        """Return the part as the API shows it, its entries under `name`."""
        has_next = self.offset + len(self.entries) < self.total
        return {**around, name: self.entries, "offset": self.offset, "limit": self.limit, "has_next": has_next}


def shown_time(moment: str) -> str:
    """Return a kept time as OpsBeeLLM shows it, `2024-01-02T12:04:05+09:00`."""
    aware = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.timezone.utc)
    return aware.astimezone(ZONE).isoformat(timespec="seconds")


def shown(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record with its times as they are shown."""
    fields = msgspec.structs.asdict(record)
    fields.update((name, shown_time(fields[name])) for name in ("created_at", "updated_at"))
    return fields


def with_changes(record: RecordT, now: datetime.datetime, **fields: Any) -> RecordT:
    """Return a record with other fields, updated now; what is None stays."""
    given = {name: value for name, value in fields.items() if value is not None}
    return msgspec.structs.replace(record, **given, updated_at=iso(now))


def check_name(kind: str, name: str) -> None:
    """Check a name. Names need not differ: nothing here is found by its name, and no refusal is documented.

    That nothing limits the length of names and descriptions is inferred: the docstrings tell the limits of metadata.

    Raises:
        BadRequest: when it is empty.
    """
    if not name:
        message = f"a {kind} needs a name"
        raise BadRequest(message)


def unknown(kind: str, identifier: str, place: str, newest: list[str]) -> str:
    """Return what to say of an id that nothing has; in a path it is 404 (inferred: the docstrings name no status)."""
    known = ", ".join(newest) or "none"
    return f"{kind} {identifier!r} does not exist in {place}; newest: {known}"
