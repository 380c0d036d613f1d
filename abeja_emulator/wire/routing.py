"""From a method and a raw target to an operation: a trie over path segments."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING
from urllib.parse import unquote

from abeja_emulator.wire.operations import Base, Operation, Route

if TYPE_CHECKING:
    from collections.abc import Iterable


#: Paths less alike than this have nothing to do with each other.
_ALIKE = 0.5

#: So much of a segment is compared; the time of comparing grows with the square of it.
_COMPARED = 100

_SAME_METHOD = 0.01
_OTHER_LENGTH = 0.25


def _likeness(parts: list[str], segments: list[str]) -> float:
    """Return how much a path looks like a template, from 0 to 1; segments that hold ids look like anything."""
    static = [(part, segment) for part, segment in zip(parts, segments) if not part.startswith("{")]
    if not static:
        return 0.0
    alike = sum(SequenceMatcher(None, part, segment).ratio() ** 2 for part, segment in static) / len(static)
    return alike - _OTHER_LENGTH * abs(len(parts) - len(segments))


class _Node:
    __slots__ = ("any", "operations", "rest", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.rest: _Node | None = None
        self.operations: dict[str, Operation] = {}


class Router:
    """Finds operations in time that depends on the length of the path alone.

    Segments are split before they are percent-decoded, so that `%2F` stays inside its segment.
    A trailing slash is as good as none: the SDK sends one where the CLI does not, and a redirect
    would drop the Authorization header (`abeja/training/api/client.py`). A deep operation takes what no other path
    fits, empty segments included: the SDK asks for `files//dir/a` (`abeja/datalake/api/client.py`, get_bucket_file).
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._roots = {base: _Node() for base in Base}
        self._operations: dict[Base, list[Operation]] = {base: [] for base in Base}
        for operation in operations:
            self._add(operation)

    def route(self, base: Base, method: str, path: str) -> Route:
        """Return where `method` on the raw `path` goes."""
        segments = path.split("/")[1:]
        if segments and not segments[-1]:
            segments.pop()
        found = self._walk(self._roots[base], segments, 0)
        if found is None:
            return Route(None)
        operation = found.operations.get(method)
        if operation is None:
            return Route(None, methods=tuple(sorted(found.operations)))
        parts = operation.path.split("/")[1:]
        if operation.deep:
            segments[len(parts) - 1 :] = ["/".join(segments[len(parts) - 1 :])]
        values = {
            part[1:-1]: unquote(segment) if "%" in segment else segment
            for part, segment in zip(parts, segments)
            if part.startswith("{")
        }
        return Route(operation, values)

    def nearest(self, base: Base, method: str, path: str) -> Operation | None:
        """Return the operation whose path looks most like a path that is none, or None when none looks like it.

        The method decides between paths that are equally near.
        """
        segments = [unquote(segment[:_COMPARED]) for segment in path.strip("/").split("/")]
        best, most = None, _ALIKE
        for operation in self._operations[base]:
            alike = _likeness(operation.path.strip("/").split("/"), segments)
            if operation.method == method:
                alike += _SAME_METHOD
            if alike > most:
                best, most = operation, alike
        return best

    def _walk(self, node: _Node, segments: list[str], position: int) -> _Node | None:
        if position == len(segments):
            return node if node.operations else None
        segment = segments[position]
        for child in (node.static.get(segment), node.any if segment else None):
            if child is not None:
                found = self._walk(child, segments, position + 1)
                if found is not None:
                    return found
        return node.rest if any(segments[position:]) else None

    def _add(self, operation: Operation) -> None:
        self._operations[operation.base].append(operation)
        node = self._roots[operation.base]
        *parts, last = operation.path.split("/")[1:]
        for part in parts if operation.deep else (*parts, last):
            if part.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.static.setdefault(part, _Node())
        if operation.deep:
            node.rest = node.rest or _Node()
            node = node.rest
        for method in (operation.method, *operation.also):
            node.operations[method] = operation
