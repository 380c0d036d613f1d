"""The one source of ids and of randomness of a Platform."""

from __future__ import annotations

import random
import re
import uuid
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    #: What is counted, within what, and how far it has come.
    Counter = tuple[str, str, int]

#: Platform ids are 13 decimal digits and start with 1 (abeja-sdk tests/conftest.py, fake_platform_id).
FIRST_PLATFORM_ID = 1_100_000_000_000

_PLATFORM_ID = re.compile(r"[0-9]{13}")

#: What is counted of the Platform as a whole; numbers within a parent have other kinds.
_OWN = "platform"
_IDS, _SEQUENCE, _GENERATION = (_OWN, "id"), (_OWN, "sequence"), (_OWN, "generation")

#: Kind of an id that was given; its parent is the id.
_GIVEN = "given id"


class Ids:
    """Hands out ids that are never handed out again, whatever is rolled back.

    The SDK's file cache never asks again for a file it has seen, so an id that came back with
    other content would show one test the data of another.

    Args:
        seed: makes the random part of ids repeat from run to run; None takes the system's entropy.

    Ids that outlive their process are written down by whoever keeps them: `track` and `changes` tell what
    was handed out since, `resume` goes on behind what was written down.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._lock = Lock()
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 - ids, not secrets
        self._generation = 0
        self._platform = FIRST_PLATFORM_ID
        self._given: set[str] = set()
        self._sequence = 0
        self._numbers: dict[tuple[str, str], int] = {}
        # What was handed out since it was last written down; None when nobody does that.
        self._changed: set[tuple[str, str]] | None = None
        self._written: tuple[int, int] | None = None

    def platform_id(self, given: str | None = None) -> str:
        """Return 13 digits: organization, dataset, channel, job definition, job.

        Args:
            given: the id itself, when a handler has it in its code; no other thing will get it.

        Raises:
            ValueError: when `given` is not 13 digits.
        """
        with self._lock:
            if given is not None:
                if not _PLATFORM_ID.fullmatch(given):
                    message = f"an id of the platform is 13 digits, such as {FIRST_PLATFORM_ID}, not {given!r}"
                    raise ValueError(message)
                self._given.add(given)
                if self._changed is not None:
                    self._changed.add((_GIVEN, given))
                return given
            self._platform += 1
            while str(self._platform) in self._given:
                self._platform += 1
            return str(self._platform)

    def leap(self, count: int) -> None:
        """Leave out that many 13-digit ids, so that two Platforms side by side never hand out the same."""
        with self._lock:
            self._platform += count

    def number(self, kind: str, parent: str) -> int:
        """Return 1, 2, 3, … of what is counted within a parent: versions, dataset items."""
        with self._lock:
            key = (kind, parent)
            number = self._numbers.get(key, 0) + 1
            self._numbers[key] = number
            if self._changed is not None:
                self._changed.add(key)
            return number

    def sequence(self) -> int:
        """Return the place of a new record in the order of creation."""
        with self._lock:
            self._sequence += 1
            return self._sequence

    def file_id(self, moment: datetime.datetime) -> str:
        """Return a datalake file id, `YYYYMMDDTHHMMSS-<uuid4>` of the UTC time of upload."""
        return f"{moment:%Y%m%dT%H%M%S}-{self.uuid()}"

    def uuid(self) -> str:
        """Return a random UUID of version 4."""
        with self._lock:
            return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def hexadecimal(self, digits: int) -> str:
        """Return that many random hexadecimal digits."""
        with self._lock:
            return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    # -- ids that outlive their process -----------------------------------------------------------

    def track(self) -> None:
        """Note from now on what is handed out, for `changes`."""
        with self._lock:
            self._changed = set()

    def changes(self) -> list[Counter]:
        """Return how far all has come that was handed out since the last call."""
        with self._lock:
            own = (self._platform, self._sequence)
            if not self._changed and own == self._written:
                return []
            changed, self._changed = self._changed or set(), set()
            self._written = own
            return [*self._own(), *((*key, self._value(key)) for key in changed)]

    def put_back(self, counters: Iterable[Counter]) -> None:
        """Return these as changes once more: they could not be written down."""
        with self._lock:
            self._written = None
            if self._changed is not None:
                self._changed.update((kind, parent) for kind, parent, _ in counters if kind != _OWN)

    def counters(self) -> list[Counter]:
        """Return how far everything has come."""
        with self._lock:
            numbers = [(*key, value) for key, value in self._numbers.items()]
            return [*self._own(), *numbers, *((_GIVEN, given, 0) for given in self._given)]

    def resume(self, counters: Iterable[Counter]) -> None:
        """Go on behind what these say was handed out, and behind what was handed out here.

        The random part of ids begins anew: what is behind these may come from the same seed.
        """
        with self._lock:
            own = {_IDS: self._platform, _SEQUENCE: self._sequence, _GENERATION: -1}
            for kind, parent, value in counters:
                key = (kind, parent)
                if kind == _OWN:
                    own[key] = max(own[key], value)
                    continue
                if kind == _GIVEN:
                    self._given.add(parent)
                else:
                    self._numbers[key] = max(self._numbers.get(key, 0), value)
                if self._changed is not None:
                    self._changed.add(key)
            self._platform, self._sequence, self._written = own[_IDS], own[_SEQUENCE], None
            if own[_GENERATION] >= 0:
                self._generation = max(self._generation, own[_GENERATION]) + 1
                if self._seed is not None:
                    self._random.seed(f"{self._seed} {self._generation}")

    def _own(self) -> list[Counter]:
        return [(*_IDS, self._platform), (*_SEQUENCE, self._sequence), (*_GENERATION, self._generation)]

    def _value(self, key: tuple[str, str]) -> int:
        return self._numbers.get(key, 0)
