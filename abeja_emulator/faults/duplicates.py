"""What exists twice because a client did not learn that its call was done, and made it again."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Callable, NamedTuple

import msgspec

from abeja_emulator.faults.effects import Closed, Cut, Drip, Latency, Lost, Reset, Stall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.faults.fault import Hit
    from abeja_emulator.wire.messages import Request

#: Kinds of records that are entries of a list, and no thing that somebody looks for.
_ENTRIES = frozenset(
    {
        "bearer_token",
        "job_log",
        "notebook_log",
        "opsbeellm_history",
        "reserved_file",
        "result",
        "run_log",
        "service_log",
        "statistics",
    }
)

#: Names of kinds that people call otherwise.
_NOUNS = {"opsbeellm_item": "item", "opsbeellm_tag": "tag", "training_model": "model"}

#: How a second one is avoided, where the platform has a way of its own.
_WAYS = {
    "file": "upload it with conflict_target='filename'",
    "bucket_file": "upload it by the same path",
}

_BOUNDARY = re.compile(r"""boundary=(?:"([^"]+)"|([^\s;]+))""", re.IGNORECASE)

_PIECE = 1024 * 1024


class Made(NamedTuple):
    """A record that a call has made.

    Attributes:
        kind: as the store calls it.
        parent: id of what it belongs to.
        id: its id.
    """

    kind: str
    parent: str
    id: str

    def __str__(self) -> str:
        return f"{_NOUNS.get(self.kind, self.kind.replace('_', ' '))} {self.id}"


@dataclass(frozen=True)
class Duplicate:
    """Something that was made twice.

    Attributes:
        first: what the call made whose answer did not arrive.
        second: what the same call made when it came again.
        call: that call, such as `POST /organizations/1/datasets/2/items`.
        operation: name of the operation.
        effect: why the answer did not arrive.
    """

    first: Made
    second: Made
    call: str
    operation: str | None
    effect: str

    def __str__(self) -> str:
        way = _WAYS.get(self.first.kind)
        hint = f"{way}, or look" if way else "look"
        return (
            f"{self.first} was made twice: {self.call} made it ({self.effect}), and the same call, made again because "
            f"of that, made {self.second}. Before a call is repeated, {hint} whether its thing is there; a client that "
            "repeats by itself must not do so for this call. If two may be: abeja_faults.allow_duplicates = True"
        )


@dataclass
class _Unanswered:
    """A call that was done, and whose client may not know it."""

    key: bytes
    hit: Hit
    call: str
    operation: str | None
    made: list[Made]
    again: list[list[Made]] = field(default_factory=list)


class Duplicates:
    """Watches the calls that change something, from the first whose answer did not arrive.

    A call comes again when method, path, query and content are the same: the boundary of a form and the order of
    keys in JSON do not count, nor does it matter whether the HTTP client or the handler itself repeats it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._unanswered: list[_Unanswered] = []

    def clear(self) -> None:
        """Forget all of it."""
        self._unanswered = []

    @property
    def watches(self) -> bool:
        """Whether an answer was hidden, so that the same call may come again."""
        return bool(self._unanswered)

    def key(self, hit: Hit | None, request: Request, *, writes: bool) -> bytes:
        """Return by what a call is known when it has to be noted, or nothing.

        It has to when something hides its answer, or that of an earlier one was hidden. The body can be read from its
        start afterwards.
        """
        wanted = writes and (self.watches or (hit is not None and _may_hide(hit)))
        return key_of(request) if wanted else b""

    def note(self, hit: Hit | None, key: bytes, call: str, operation: str | None, made: list[Made]) -> None:
        """Note what a call has made.

        Args:
            hit: what went wrong with it, or None.
            key: `key` of its request; without one it is not noted.
            call: method and path.
            operation: name of the operation.
            made: the records, in order.
        """
        things = [each for each in made if each.kind not in _ENTRIES]
        if not (key and things):
            return
        with self._lock:
            for earlier in self._unanswered:
                if earlier.key == key:
                    earlier.again.append(things)
                    break
            else:
                if hit is not None and _may_hide(hit):
                    self._unanswered.append(_Unanswered(key, hit, call, operation, things))

    def found(self, exists: Callable[[Made], bool]) -> list[Duplicate]:
        """Return what was made twice and is there twice, as far as `exists` says so."""
        with self._lock:
            return [each for each in self._pairs() if exists(each.first) and exists(each.second)]

    def _pairs(self) -> Iterator[Duplicate]:
        for each in self._unanswered:
            if not _hides(each.hit):
                continue
            for again in each.again:
                for first, second in zip(each.made, again):
                    if first.kind == second.kind and first != second:
                        yield Duplicate(first, second, each.call, each.operation, str(each.hit.fault.effect))
                        break


def key_of(request: Request) -> bytes:
    """Return by what a call is known when it comes again; the body can be read from its start afterwards."""
    digest = hashlib.blake2b(f"{request.method} {request.target}\n".encode(), digest_size=16)
    kind = request.header("content-type") or ""
    boundary = _BOUNDARY.search(kind)
    if isinstance(request.body, bytes):
        body = request.body
        if boundary is not None:
            body = body.replace((boundary[1] or boundary[2]).encode("latin-1"), b"")
        elif "json" in kind:
            body = _in_order(body)
        digest.update(body)
        return digest.digest()
    mark = b"" if boundary is None else (boundary[1] or boundary[2]).encode("latin-1")
    rest = b""
    for piece in iter(lambda: request.body.read(_PIECE), b""):  # type: ignore[union-attr]
        # A boundary may lie across two pieces.
        rest += piece
        rest = rest.replace(mark, b"") if mark else rest
        keep = len(mark)
        digest.update(rest[: len(rest) - keep])
        rest = rest[len(rest) - keep :] if keep else b""
    digest.update(rest)
    request.body.seek(0)
    return digest.digest()


def _in_order(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    except (ValueError, msgspec.MsgspecError):
        return body


def _may_hide(hit: Hit) -> bool:
    effect = hit.fault.effect
    if isinstance(effect, (Reset, Closed)):
        return effect.point != "before"
    return isinstance(effect, (Lost, Cut, Stall, Latency, Drip))


def _hides(hit: Hit) -> bool:
    """Tell whether the client did not get the answer; of one that came late only the transport knows."""
    return hit.given_up if isinstance(hit.fault.effect, (Latency, Drip)) else True
