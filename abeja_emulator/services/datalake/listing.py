"""Listing the files of a channel: range of days, search, order, pages."""

from __future__ import annotations

import datetime
import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.datalake.records import File
from abeja_emulator.wire.search import parse_search

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.store.table import Row
    from abeja_emulator.wire.call import World

#: Files on a page when the client names no number: what the CLI asks for (`DATALAKE_ITEMS_PER_PAGE`).
#: Evidence: inferred.
ITEMS_PER_PAGE = 100


class Listing:
    """Lists the files of channels.

    A page has a token as long as files are left; the last page has none. The token carries the
    whole question, because clients send it alone (`abeja/datalake/api/client.py`).
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
        place = 0
        if token:
            question, place = signer.page_position(name, token)
        limit = question.get("items_per_page", ITEMS_PER_PAGE)
        found = list(itertools.islice(self._found(channel_id, question, place), limit + 1))
        if len(found) <= limit:
            return [row.record for _, row in found], None
        next_place = found[limit - 1][0]
        return [row.record for _, row in found[:limit]], signer.page_token(name, [question, next_place])

    def _found(self, channel_id: str, question: dict[str, Any], place: int) -> Iterator[tuple[int, Row[File]]]:
        """Yield (place, row) of the fitting files behind `place`, in order."""
        order = [key for key in (question.get("sort") or "uploaded_at").split(",") if key]
        fits = _filter(question)
        if order in (["uploaded_at"], ["-uploaded_at"]):
            # Order of creation is order of upload, down to files of one second.
            newest_first = order == ["-uploaded_at"]
            rows = self._files.scan(channel_id, after=place, newest_first=newest_first)
            return ((row.seq, row) for row in rows if fits(row.record))
        rows_in_order = [row for row in self._files.scan(channel_id) if fits(row.record)]
        for key in reversed(order):
            name = key.lstrip("-")
            rows_in_order.sort(key=lambda row: next(_values(row.record, name), ""), reverse=key.startswith("-"))
        return itertools.islice(enumerate(rows_in_order, 1), place, None)


def _filter(question: dict[str, Any]) -> Any:
    start, end = _bounds(question)
    search = parse_search(question["q"]) if question.get("q") else None

    def fits(file: File) -> bool:
        if not start <= file.uploaded_at < end:
            return False
        return search is None or search.matches(lambda key: _values(file, key))

    return fits


def _values(file: File, key: str) -> Iterator[str]:
    """Yield what a file holds under a name: one of its fields, or metadata, decoded."""
    if key in {"file_id", "content_type", "uploaded_at", "lifetime"}:
        value = getattr(file, key)
        if value is not None:
            yield value
    for name, value in file.metadata.items():
        if unquote(name) == key:
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
    bounds = []
    for name, days, default in (("start", 0, ""), ("end", 1, "~")):
        text = question.get(name)
        if not text:
            bounds.append(default)
            continue
        try:
            day = datetime.datetime.strptime(text, "%Y%m%d").replace(tzinfo=zone)
            bounds.append(iso(day + datetime.timedelta(days=days)))
        except (ValueError, OverflowError) as error:
            message = f"{name} must be a day of the form YYYYMMDD, not {text!r}"
            raise BadRequest(message) from error
    return bounds[0], bounds[1]
