"""The logs of services, and their two ways of paging."""

from __future__ import annotations

import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest
from abeja_emulator.services.services.records import ServiceLogLine
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from abeja_emulator.store.table import Row
    from abeja_emulator.wire.call import World

#: Lines on a page; the platform's number is not known. Evidence: inferred.
LINES_PER_PAGE = 100


class Window(NamedTuple):
    """From when to when lines are wanted, both included; `clock.iso` text, None: no bound."""

    start: str | None = None
    end: str | None = None

    def holds(self, at: str) -> bool:
        """Tell whether a line of that time is wanted."""
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)


class Logs:
    """The logs of the services of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lines = world.store.table("service_log", ServiceLogLine)

    def write(self, service_id: str, message: str) -> None:
        """Append a line to the log of a service."""
        number = str(self._world.ids.number("service_log", service_id))
        self._lines.insert(service_id, number, ServiceLogLine(at=iso(self._world.clock.now()), message=message))

    def delete(self, service_id: str) -> None:
        """Delete the log of a service."""
        self._lines.delete_under(service_id)

    def page(self, service_id: str, window: Window, token: str | None) -> dict[str, Any]:
        """Return a page of lines, oldest first; `next_token` is absent at the end.

        Raises:
            BadRequest: when the token was made for another log or another time.
        """
        query = f"log of {service_id}"
        window, after = self._position(query, token, window)
        rows = self._read(service_id, window, after, LINES_PER_PAGE + 1)
        shown = rows[:LINES_PER_PAGE]
        answer: dict[str, Any] = {"events": _events(shown)}
        if len(rows) > len(shown):
            answer["next_token"] = self._token(query, window, shown[-1].seq)
        return answer

    def recent(self, service_id: str, window: Window, forward: str | None, backward: str | None) -> dict[str, Any]:
        """Return a page of lines, newest first: the newest, or those next to what a token stands for.

        Forward are lines that came later, so that asking again with a forward token follows a log; backward are
        earlier ones. Both tokens are always there, and the page behind the last line is empty (SDK docstring of
        get_service_recent_logs). Which way is forward is inferred: from the names, which are those of the service
        that keeps the logs of the platform's cloud.

        Raises:
            BadRequest: when both tokens are given, or one was made for another log, another way or another time.
        """
        if forward and backward:
            message = "next_forward_token and next_backward_token were both given; a page lies one way only"
            raise BadRequest(message)
        later, earlier = f"later log of {service_id}", f"earlier log of {service_id}"
        if forward:
            window, after = self._position(later, forward, window)
            rows = self._read(service_id, window, after)[::-1]
            before = after + 1
        else:
            # Without a token, from the newest line on; no line is before place 1.
            window, before = self._position(earlier, backward, window)
            rows = self._read(service_id, window, before, newest_first=True)
            before = max(before, 1)
            after = before - 1
        if rows:
            after, before = rows[0].seq, rows[-1].seq
        return {
            "events": _events(rows),
            "next_forward_token": self._token(later, window, after),
            "next_backward_token": self._token(earlier, window, before),
        }

    def _read(
        self, service_id: str, window: Window, after: int, limit: int = LINES_PER_PAGE, *, newest_first: bool = False
    ) -> list[Row[ServiceLogLine]]:
        rows = self._lines.scan(service_id, after=after, newest_first=newest_first)
        return list(islice((row for row in rows if window.holds(row.record.at)), limit))

    def _token(self, query: str, window: Window, place: int) -> str:
        return self._world.signer.page_token(query, [place, *window])

    def _position(self, query: str, token: str | None, window: Window) -> tuple[Window, int]:
        """Return the window and the place that a token stands for; it carries the window, which may be left out."""
        if not token:
            return window, 0
        place, *bounds = self._world.signer.page_position(query, token)
        if window not in (Window(), Window(*bounds)):
            message = "this page token was issued for another start_time or end_time; start again without a token"
            raise BadRequest(message)
        return Window(*bounds), place


def window_of(start: datetime.datetime | None, end: datetime.datetime | None) -> Window:
    """Return the window between two times, as they were sent; a time without a zone is UTC.

    Raises:
        BadRequest: when one is beyond what UTC can say.
    """
    return Window(*(None if moment is None else _utc(moment) for moment in (start, end)))


def _utc(moment: datetime.datetime) -> str:
    try:
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc))
    except OverflowError as error:
        message = f"the time {moment.isoformat()} is outside the years 1 to 9999 of UTC"
        raise BadRequest(message) from error


def _events(rows: list[Row[ServiceLogLine]]) -> list[dict[str, Any]]:
    return [{"message": row.record.message, "timestamp": zulu(row.record.at)} for row in rows]
