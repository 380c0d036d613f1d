"""The logs of notebooks, and how they are paged."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.training.records import LogLine

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World

#: Lines on a page; the platform's number is not known. Evidence: inferred.
LINES_PER_PAGE = 100

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Logs:
    """The logs of the notebooks of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lines = world.store.table("notebook_log", LogLine)

    def write(self, notebook_id: str, message: str) -> None:
        """Append a line to the log of a notebook."""
        number = str(self._world.ids.number("notebook_log", notebook_id))
        now = round(self._world.clock.timestamp() * 1000)
        self._lines.insert(notebook_id, number, LogLine(timestamp=now, message=message))

    def delete(self, notebook_id: str) -> None:
        """Delete the log of a notebook."""
        self._lines.delete_under(notebook_id)

    def recent(self, notebook_id: str, forward: str | None = None, backward: str | None = None) -> dict[str, Any]:
        """Return a page of lines, newest first: the newest, or those next to what a token stands for.

        Forward are lines that came later, so that asking again with a forward token follows a log; backward are
        earlier ones. Both tokens are always there, and the page behind the last line is empty. Which way is forward
        is inferred, as it is for services.

        Raises:
            BadRequest: when both tokens are given, or one was made for another log or the other way.
        """
        if forward and backward:
            message = "next_forward_token and next_backward_token were both given; a page lies one way only"
            raise BadRequest(message)
        signer, later, earlier = self._world.signer, f"later log of {notebook_id}", f"earlier log of {notebook_id}"
        if forward:
            after = signer.page_position(later, forward)
            rows = self._lines.page(notebook_id, after=after, limit=LINES_PER_PAGE)[::-1]
            before = after + 1
        else:
            before = signer.page_position(earlier, backward) if backward else 0
            rows = self._lines.page(notebook_id, after=before, limit=LINES_PER_PAGE, newest_first=True)
            # No line is before place 1, and a place 0 would mean the newest.
            before = max(before, 1)
            after = before - 1
        if rows:
            after, before = rows[0].seq, rows[-1].seq
        return {
            "events": [{"message": row.record.message, "timestamp": _millisecond(row.record)} for row in rows],
            "next_forward_token": signer.page_token(later, after),
            "next_backward_token": signer.page_token(earlier, before),
        }


def _millisecond(line: LogLine) -> str:
    """Return the time of a line as logs of notebooks have it, `2024-01-02T03:04:05.123Z`."""
    at = _EPOCH + datetime.timedelta(milliseconds=line.timestamp)
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
