"""Listing the files of a channel: range of days, search, order, pages."""

from __future__ import annotations

import datetime
import itertools
import re
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.datalake.records import File
from abeja_emulator.wire.search import parse_search
from abeja_emulator.wire.validation import METADATA_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.wire.call import World

#: Files on a page when the client names no number: what the CLI asks for (`DATALAKE_ITEMS_PER_PAGE`).
#: Evidence: inferred.
ITEMS_PER_PAGE = 100

#: Fields of a file that a listing is ordered and searched by.
FIELDS = ("uploaded_at", "file_id", "content_type", "lifetime")

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)


class _Place(NamedTuple):
    """Where a file stands in a listing: its values under the keys of `sort`, then its order of upload."""

    values: list[str]
    seq: int


class Listing:
    """Lists the files of channels.

    A page has a token as long as files are left; the last page has none. The token carries the
    whole question, because clients send it alone (`abeja/datalake/api/client.py`), and the place of
    the page's last file, so that files that come and go meanwhile neither hide nor repeat others.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._files = world.store.table("file", File)

    def page(self, channel_id: str, question: dict[str, Any], token: str | None) -> tuple[list[File], str | None]:
        """Return a page of files and the token of the next one.

        Args:
            channel_id: the channel.
            question: `start`, `end`, `timezone`, `items_per_page`, `sort` and `q` as sent.
            token: token of a page before; then `question` is the one it carries.

        Raises:
            BadRequest: when the question or the token is not well-formed.
        """
        Files(self._world).purge()
        signer, name = self._world.signer, f"files of {channel_id}"
        after = None
        if token:
            question, (values, seq) = signer.page_position(name, token)
            after = _Place(values, seq)
        limit = question.get("items_per_page", ITEMS_PER_PAGE)
        found = list(itertools.islice(self._found(channel_id, question, after), limit + 1))
        files = [file for _, file in found[:limit]]
        if len(found) <= limit:
            return files, None
        last, _ = found[limit - 1]
        return files, signer.page_token(name, [question, last])

    def _found(self, channel_id: str, question: dict[str, Any], after: _Place | None) -> Iterator[tuple[_Place, File]]:
        """Yield the fitting files behind `after`, each with its place, in order."""
        order = _order(question.get("sort") or "uploaded_at")
        fits = _filter(question)
        if [key for key, _ in order] == ["uploaded_at"]:
            # Order of creation is order of upload, down to files of one second.
            ((_, newest_first),) = order
            rows = self._files.scan(channel_id, after=after.seq if after else 0, newest_first=newest_first)
            return ((_Place([], row.seq), row.record) for row in rows if fits(row.record))
        found = [
            (_Place([next(_values(row.record, key), "") for key, _ in order], row.seq), row.record)
            for row in self._files.scan(channel_id)
            if fits(row.record)
        ]
        key = _sort_key([descending for _, descending in order])
        found.sort(key=lambda entry: key(entry[0]))
        return (entry for entry in found if after is None or key(after) < key(entry[0]))


def _order(sort: str) -> list[tuple[str, bool]]:
    """Return the keys of `sort`, each with whether it is descending.

    Raises:
        BadRequest: when a key is neither a field of a file nor a name of metadata.
    """
    order = []
    for entry in sort.split(","):
        key = entry.removeprefix("-")
        if key not in FIELDS and not key.lower().startswith(METADATA_PREFIX):
            message = f"sort has the key {key!r}; files have {', '.join(FIELDS)} and {METADATA_PREFIX}…"
            raise BadRequest(message)
        order.append((key, entry.startswith("-")))
    return order


def _sort_key(descending: list[bool]) -> Callable[[_Place], Any]:
    def compare(one: _Place, other: _Place) -> int:
        for mine, theirs, backwards in zip(one.values, other.values, descending):
            if mine != theirs:
                return -1 if (mine < theirs) is not backwards else 1
        return one.seq - other.seq

    return cmp_to_key(compare)


def _filter(question: dict[str, Any]) -> Callable[[File], bool]:
    start, end = _bounds(question)
    search = parse_search(question["q"]) if question.get("q") else None

    def fits(file: File) -> bool:
        if not start <= file.uploaded_at < end:
            return False
        return search is None or search.matches(lambda key: _values(file, key))

    return fits


def _values(file: File, key: str) -> Iterator[str]:
    """Yield what a file holds under a name: one of its fields, or metadata, decoded; names of headers have no case."""
    if key in FIELDS:
        value = getattr(file, key)
        if value is not None:
            yield value
    wanted = key.lower()
    for name, value in file.metadata.items():
        if unquote(name).lower() == wanted:
            yield unquote(value)


def _bounds(question: dict[str, Any]) -> tuple[str, str]:
    """Return the first moment that fits and the first that does not fit any more.

    `start` and `end` are days, `YYYYMMDD`, both included, in `timezone` or else in UTC.
    """
    name = question.get("timezone")
    try:
        # A machine without the time zone database still knows UTC.
        zone = ZoneInfo(name) if name else datetime.timezone.utc
    except (KeyError, ValueError, OSError) as error:
        message = f"timezone {name!r} is not known"
        raise BadRequest(message) from error
    start, end = (_day(question, name, zone) for name in ("start", "end"))
    return (_moment(start) if start else ""), (_moment(end, days=1) if end else "~")


def _day(question: dict[str, Any], name: str, zone: datetime.tzinfo) -> datetime.datetime | None:
    text = question.get(name)
    if not text:
        return None
    written = _DAY.fullmatch(text)
    try:
        if written is not None:
            year, month, day = map(int, written.groups())
            return datetime.datetime(year, month, day, tzinfo=zone)
    except ValueError:
        # 20240230 is written as a day and is none.
        pass
    message = f"{name} must be a day of the form YYYYMMDD, not {text!r}"
    raise BadRequest(message)


def _moment(day: datetime.datetime, days: int = 0) -> str:
    """Return the start of a day, or of one behind it, as text that sorts; the ends of time are out of reach."""
    try:
        return iso(day + datetime.timedelta(days=days))
    except OverflowError:
        return "" if day.year == datetime.MINYEAR else "~"
