"""The search language of the parameter `q`: `label_id:1 AND label:dog OR tag:A`.

Seen in use: `key:value`, `key:>=value`, `AND`, `OR` (SDK docstrings of list_dataset_items and
list_channel_files; public handlers). AND binds tighter than OR, and parentheses group, as in the
Lucene syntax this looks like. Evidence for all else: inferred.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: Gives the values an object holds under a key.
    Lookup = Callable[[str], Iterator[str]]

_TOKEN = re.compile(r"""\s*(?:(?P<mark>[()])|(?P<term>(?:[^\s()"]|"[^"]*")+))""")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda have, want: have >= want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
}


@dataclass(frozen=True)
class Term:
    """One `key:value`."""

    key: str
    comparison: str
    value: str

    def matches(self, lookup: Lookup) -> bool:
        """Tell whether any value under the key fits."""
        if not self.comparison:
            if "*" in self.value:
                pattern = re.compile(".*".join(map(re.escape, self.value.split("*"))), re.DOTALL)
                return any(pattern.fullmatch(have) for have in lookup(self.key))
            return any(have == self.value for have in lookup(self.key))
        compare = _COMPARISONS[self.comparison]
        return any(compare(*_comparable(have, self.value)) for have in lookup(self.key))


@dataclass(frozen=True)
class Group:
    """Several parts, all (`AND`) or any (`OR`) of which must fit."""

    every: bool
    parts: tuple[Term | Group, ...]

    def matches(self, lookup: Lookup) -> bool:
        """Tell whether the group fits."""
        return (all if self.every else any)(part.matches(lookup) for part in self.parts)


def parse_search(text: str) -> Term | Group:
    """Return the search as something that matches.

    Raises:
        BadRequest: when the text is not well-formed.
    """
    tokens = []
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadRequest(_complaint(text, "a quote is not closed"))
        tokens.append(found.group(found.lastgroup or 0))
        position = found.end()
    search, rest = _any(tokens, text)
    if rest:
        raise BadRequest(_complaint(text, f"{rest[0]!r} is not expected"))
    return search


def attribute_values(value: Any, key: str) -> Iterator[str]:
    """Yield, as text, what stands under `key` anywhere inside free JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and not isinstance(inner, (dict, list)):
                yield _text(inner)
            elif name == key and isinstance(inner, list):
                yield from (_text(entry) for entry in inner if not isinstance(entry, (dict, list)))
            yield from attribute_values(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from attribute_values(inner, key)


def _any(tokens: list[str], text: str) -> tuple[Term | Group, list[str]]:
    part, tokens = _all(tokens, text)
    parts = [part]
    while tokens[:1] == ["OR"]:
        part, tokens = _all(tokens[1:], text)
        parts.append(part)
    return (part if len(parts) == 1 else Group(every=False, parts=tuple(parts))), tokens


def _all(tokens: list[str], text: str) -> tuple[Term | Group, list[str]]:
    part, tokens = _one(tokens, text)
    parts = [part]
    while tokens and tokens[0] not in {"OR", ")"}:
        part, tokens = _one(tokens[1:] if tokens[0] == "AND" else tokens, text)
        parts.append(part)
    return (part if len(parts) == 1 else Group(every=True, parts=tuple(parts))), tokens


def _one(tokens: list[str], text: str) -> tuple[Term | Group, list[str]]:
    if not tokens:
        raise BadRequest(_complaint(text, "a condition is missing at the end"))
    head, *rest = tokens
    if head == "(":
        group, rest = _any(rest, text)
        if rest[:1] != [")"]:
            raise BadRequest(_complaint(text, "a parenthesis is not closed"))
        return group, rest[1:]
    key, colon, value = head.partition(":")
    if not colon or not key or not value:
        raise BadRequest(_complaint(text, f"{head!r} is not of the form key:value"))
    comparison = next((mark for mark in _COMPARISONS if value.startswith(mark)), "")
    return Term(key, comparison, value[len(comparison) :].strip('"')), rest


def _comparable(have: str, want: str) -> tuple[Any, Any]:
    try:
        return float(have), float(want)
    except ValueError:
        return have, want


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _complaint(text: str, what: str) -> str:
    return f"the search q={text!r} is not understood: {what}"
