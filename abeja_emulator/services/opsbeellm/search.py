"""The language of `search_query`: which keys there are, and what may be asked of each.

`input_text:"ABEJA*" AND created_at:>="2024-09-17T00:00:00"` (SDK docstrings of get_qa_histories, get_chat_histories and
get_dataset_items). It is the language of `q` (`wire/search.py`) but for this: a star is a wildcard in quotes too, as in
that example, and only under the keys that have wildcards; under others it is a star.

Times are compared as they are shown, to the second, and those without a zone are in the zone they are shown in.
Evidence: inferred.
"""

from __future__ import annotations

import datetime
import enum
import re
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.wire.search import Group, Term, parse_search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Kind(enum.Enum):
    """What may be asked of the values under a key."""

    EXACT = "exact"
    PATTERN = "pattern"
    COUNT = "count"
    TIME = "time"


HISTORY_KEYS = {
    "history_id": Kind.EXACT,
    "input_text": Kind.PATTERN,
    "output_text": Kind.PATTERN,
    "input_token_count": Kind.COUNT,
    "output_token_count": Kind.COUNT,
    "tag_id": Kind.EXACT,
    "tag_name": Kind.EXACT,
    "metadata_id": Kind.EXACT,
    "metadata_key": Kind.EXACT,
    "metadata_value": Kind.EXACT,
    "created_at": Kind.TIME,
    "updated_at": Kind.TIME,
}

ITEM_KEYS = {
    "item_id": Kind.EXACT,
    "input_keys": Kind.PATTERN,
    "input_values": Kind.PATTERN,
    "output_keys": Kind.PATTERN,
    "output_values": Kind.PATTERN,
    "tag_values": Kind.EXACT,
    "metadata_keys": Kind.EXACT,
    "metadata_values": Kind.EXACT,
    "created_at": Kind.TIME,
    "updated_at": Kind.TIME,
}

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<minute>\d\d:\d\d)(?:(?P<second>:\d\d)(?:\.(?P<fraction>\d{1,6}))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_NO_TIME = (
    "{!r} is no time; write 2024-09-17, 2024-09-17T00:00:00 (UTC+09:00) or 2024-09-17T00:00:00%2B09:00, with %2B for "
    "the plus, which a URL takes for a space"
)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


def parse(text: str, keys: Mapping[str, Kind]) -> Term | Group:
    """Return a search as something that matches what `history_values` or `item_values` gives.

    Raises:
        BadRequest: when it is not well-formed, asks under a key that there is not, or asks what the key does not have.
    """
    try:
        return _checked(parse_search(text), keys)
    except BadRequest as refusal:
        message = f"search_query cannot be used: {refusal.description}"
        raise BadRequest(message) from refusal


def history_values(history: dict[str, Any], key: str) -> Iterator[str]:
    """Yield what a history, as the API shows it, has under a key of a search."""
    if key == "history_id":
        yield history["id"]
    elif key in {"created_at", "updated_at"}:
        yield _comparable(history[key])
    elif key.startswith(("tag_", "metadata_")):
        place, _, field = key.partition("_")
        yield from (entry[field] for entry in history["tags" if place == "tag" else place])
    else:
        yield str(history[key])


def item_values(item: dict[str, Any], key: str) -> Iterator[str]:
    """Yield what an item, as the API shows it, has under a key of a search; what is not text as its JSON."""
    if key == "item_id":
        yield item["id"]
    elif key in {"created_at", "updated_at"}:
        yield _comparable(item[key])
    elif key == "tag_values":
        yield from item["tags"]
    else:
        place, _, side = key.partition("_")
        for entry in item[place if place == "metadata" else place + "s"]:
            yield from entry if side == "keys" else map(_text, entry.values())


def _checked(part: Term | Group, keys: Mapping[str, Kind]) -> Term | Group:
    if isinstance(part, Group):
        return Group(part.every, tuple(_checked(inner, keys) for inner in part.parts))
    kind = keys.get(part.key)
    if kind is None:
        message = f"there is no key {part.key!r}; there are {', '.join(keys)}"
        raise BadRequest(message)
    if part.comparison and kind not in {Kind.COUNT, Kind.TIME}:
        able = ", ".join(key for key, each in keys.items() if each in {Kind.COUNT, Kind.TIME})
        message = f"{part.key} cannot be compared with {part.comparison}, only {able} can; quote a mark that is text"
        raise BadRequest(message)
    if kind is Kind.PATTERN:
        return Term(part.key, "", part.value, tuple(part.value.split("*")))
    value = part.value
    if kind is Kind.TIME:
        value = _comparable(value)
    elif kind is Kind.COUNT:
        value = _count(part.key, value)
    return Term(part.key, part.comparison, value, (value,))


def _comparable(text: str) -> str:
    """Return a time in UTC, to the microsecond, in a form that is sorted as text."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadRequest(_NO_TIME.format(text))
    zone = {None: "+09:00", "Z": "+00:00"}.get(found["zone"], found["zone"])
    clock = f"{found['minute'] or '00:00'}{found['second'] or ':00'}.{(found['fraction'] or '').ljust(6, '0')}"
    try:
        moment = datetime.datetime.fromisoformat(f"{found['day']}T{clock}{zone}").astimezone(datetime.timezone.utc)
    except (ValueError, OverflowError):
        raise BadRequest(_NO_TIME.format(text)) from None
    return moment.isoformat(timespec="microseconds")


def _count(key: str, text: str) -> str:
    if not _COUNT.fullmatch(text):
        message = f"{key} is a number of tokens, which {text!r} is not"
        raise BadRequest(message)
    return str(int(text))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
