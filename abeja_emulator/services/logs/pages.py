"""What is in a log, and the two ways of paging through it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.times import utc, zulu

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from abeja_emulator.store.table import Row
    from abeja_emulator.wire.call import World

#: Lines on a page; the platform's number is not known. Evidence: inferred.
LINES_PER_PAGE = 100

#: What each log is kept as.
SERVICE_LOG, RUN_LOG, NOTEBOOK_LOG = "service_log", "run_log", "notebook_log"


class Window(NamedTuple):
    """From when to when lines are wanted, both included; `clock.iso` text, None: no bound."""

    start: str | None = None
    end: str | None = None

    def holds(self, at: str) -> bool:
        """Tell whether a line of that time is wanted."""
        return (self.start is None or self.start <= at) and (self.end is None or at <= self.end)


#: All of a log.
ALWAYS = Window()


def window_of(start: datetime.datetime | None, end: datetime.datetime | None) -> Window:
    """Return the window between two times, as they were sent; a time without a zone is UTC.

    Raises:
        BadRequest: when one is beyond what UTC can say.
    """
    return Window(*(None if moment is None else iso(utc(moment)) for moment in (start, end)))


class Logs:
    """The logs of one kind of a Platform."""

    def __init__(self, world: World, kind: str) -> None:
        self._world = world
        self._kind = kind
        self._lines = world.store.table(kind, Line)

    def write(self, owner: str, message: str) -> None:
        """Append a line to the log of a service, run or notebook, of now."""
        self.append(owner, [Line(at=iso(self._world.clock.now()), message=message)])

    def append(self, owner: str, lines: Sequence[Line]) -> None:
        """Append lines to a log, in the order they came in."""
        number = self._world.ids.number
        self._lines.insert_many(owner, [(str(number(self._kind, owner)), line) for line in lines])

    def delete(self, owner: str) -> None:
        """Delete a log."""
        self._lines.delete_under(owner)

    def page(self, owner: str, token: str | None = None, *, window: Window = ALWAYS) -> dict[str, Any]:
        """Return a page of lines, oldest first; `next_token` is absent at the end.

        Raises:
            BadRequest: when the token was made for another log or another time.
        """
        query = self._query("", owner)
        window, after = self._position(query, token, window)
        rows = self._read(owner, window, after, LINES_PER_PAGE + 1)
        shown = rows[:LINES_PER_PAGE]
        answer: dict[str, Any] = {"events": _events(shown, zulu)}
        if len(rows) > len(shown):
            answer["next_token"] = self._token(query, window, shown[-1].seq)
        return answer

    def recent(
        self,
        owner: str,
        forward: str | None = None,
        backward: str | None = None,
        *,
        window: Window = ALWAYS,
        shown: Callable[[str], str | None] = zulu,
    ) -> dict[str, Any]:
        """Return a page of lines, newest first: the newest, or those next to what a token stands for.

        Forward are lines that came later, so that asking again with a forward token follows a log; backward are
        earlier ones. Both tokens are always there, and the page behind the last line is empty (SDK docstring of
        get_service_recent_logs). Which way is forward is inferred: from the names, which are those of the service
        that keeps the logs of the platform's cloud.

        Args:
            owner: whose log.
            forward: a token of another page, to see what is later than that; not with `backward`.
            backward: a token of another page, to see what is earlier.
            window: from when to when.
            shown: how a kept time is shown.

        Raises:
            BadRequest: when both tokens are given, or one was made for another log, another way or another time.
        """
        if forward and backward:
            message = "next_forward_token and next_backward_token were both given; a page lies one way only"
            raise BadRequest(message)
        later, earlier = self._query("later ", owner), self._query("earlier ", owner)
        if forward:
            window, after = self._position(later, forward, window)
            rows = self._read(owner, window, after)[::-1]
            before = after + 1
        else:
            # Without a token, from the newest line on; no line is before place 1.
            window, before = self._position(earlier, backward, window)
            rows = self._read(owner, window, before, newest_first=True)
            before = max(before, 1)
            after = before - 1
        if rows:
            after, before = rows[0].seq, rows[-1].seq
        return {
            "events": _events(rows, shown),
            "next_forward_token": self._token(later, window, after),
            "next_backward_token": self._token(earlier, window, before),
        }

    def _query(self, way: str, owner: str) -> str:
        """Return what a token is good for."""
        return f"{way}{self._kind} of {owner}"

    def _read(
        self, owner: str, window: Window, after: int, limit: int = LINES_PER_PAGE, *, newest_first: bool = False
    ) -> list[Row[Line]]:
        rows = self._lines.scan(owner, after=after, newest_first=newest_first)
        return list(islice((row for row in rows if window.holds(row.record.at)), limit))

    def _token(self, query: str, window: Window, place: int) -> str:
        return self._world.signer.page_token(query, [place, *window])

    def _position(self, query: str, token: str | None, window: Window) -> tuple[Window, int]:
        """Return the window and the place that a token stands for; it carries the window, which may be left out."""
        if not token:
            return window, 0
        place, *bounds = self._world.signer.page_position(query, token)
        if window not in (ALWAYS, Window(*bounds)):
            message = "this page token was issued for another start_time or end_time; start again without a token"
            raise BadRequest(message)
        return Window(*bounds), place


def _events(rows: list[Row[Line]], shown: Callable[[str], str | None]) -> list[dict[str, Any]]:
    return [{"message": row.record.message, "timestamp": shown(row.record.at)} for row in rows]
