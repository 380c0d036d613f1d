"""The search language of the parameter `q`: `label_id:1 AND label:dog OR tag:A`.

Seen in use: `key:value`, `key:>=value`, `AND`, `OR` (SDK docstrings of list_dataset_items and
list_channel_files; public handlers). AND binds tighter than OR, and parentheses group, as in the
Lucene syntax this looks like. Evidence for all else: inferred.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, NoReturn

from abeja_emulator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: Gives the values an object holds under a key.
    Lookup = Callable[[str], Iterator[str]]

#: How deep parentheses may nest. Far more than anybody writes, and far fewer than would exhaust the stack.
DEPTH = 50

#: A parenthesis, a condition, or a quote that is not closed; between them there is only white space.
_TOKEN = re.compile(r"""[()]|(?:[^\s()"]|"[^"]*")+|["]""")
_CONDITION = re.compile(
    r"""(?P<key>(?:[^":]|"[^"]*")+):(?:(?P<comparison>[<>]=?)(?![<>=])|(?![<>]))(?P<value>.+)""", re.DOTALL
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda have, want: have >= want,
    "<=": lambda have, want: have <= want,
    ">": lambda have, want: have > want,
    "<": lambda have, want: have < want,
}


@dataclass(frozen=True)
class Term:
    """One `key:value`.

    Attributes:
        key: what to look under.
        comparison: how a value must compare, or nothing: then it must fit the pieces.
        value: what to compare with.
        pieces: the value between its wildcards; a star in quotes is no wildcard.
    """

    key: str
    comparison: str
    value: str
    pieces: tuple[str, ...]

    def matches(self, lookup: Lookup) -> bool:
        """Tell whether any value under the key fits."""
        if not self.comparison:
            return any(_fits(have, self.pieces) for have in lookup(self.key))
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
    return _Parser(text).parse()


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


class _Parser:
    """Reads one search from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = _TOKEN.findall(text)
        self._position = 0
        self._depth = 0

    def parse(self) -> Term | Group:
        if '"' in self._tokens:
            self._refuse("a quote is not closed")
        search = self._any()
        if self._next is not None:
            self._refuse(f"{self._next!r} is not expected")
        return search

    @property
    def _next(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _any(self) -> Term | Group:
        parts = [self._all()]
        while self._next == "OR":
            self._position += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Group(every=False, parts=tuple(parts))

    def _all(self) -> Term | Group:
        parts = [self._one()]
        while self._next not in {None, "OR", ")"}:
            if self._next == "AND":
                self._position += 1
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Group(every=True, parts=tuple(parts))

    def _one(self) -> Term | Group:
        head = self._next
        if head is None:
            self._refuse("a condition is missing at the end")
        self._position += 1
        if head == "(":
            return self._grouped()
        found = _CONDITION.fullmatch(head)
        if found is None:
            self._refuse(f"{head!r} is not of the form key:value")
        key, value = found["key"].replace('"', ""), found["value"]
        return Term(key, found["comparison"] or "", value.replace('"', ""), _pieces(value))

    def _grouped(self) -> Term | Group:
        self._depth += 1
        if self._depth > DEPTH:
            self._refuse(f"parentheses are nested deeper than {DEPTH} levels")
        group = self._any()
        if self._next != ")":
            self._refuse("a parenthesis is not closed")
        self._position += 1
        self._depth -= 1
        return group

    def _refuse(self, what: str) -> NoReturn:
        message = f"the search q={self._text!r} is not understood: {what}"
        raise BadRequest(message)


def _pieces(value: str) -> tuple[str, ...]:
    pieces = [""]
    for number, part in enumerate(value.split('"')):
        first, *others = [part] if number % 2 else part.split("*")
        pieces[-1] += first
        pieces.extend(others)
    return tuple(pieces)


def _fits(have: str, pieces: tuple[str, ...]) -> bool:
    first, *others = pieces
    if not others:
        return have == first
    last = others.pop()
    position, end = len(first), len(have) - len(last)
    if position > end or not have.startswith(first) or not have.endswith(last):
        return False
    for piece in others:
        found = have.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _comparable(have: str, want: str) -> tuple[Any, Any]:
    try:
        return float(have), float(want)
    except ValueError:
        return have, want


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
