"""The one source of ids and of randomness of a Platform."""

from __future__ import annotations

import random
import re
import uuid
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

#: Platform ids are 13 decimal digits and start with 1 (abeja-sdk tests/conftest.py, fake_platform_id).
FIRST_PLATFORM_ID = 1_100_000_000_000

_PLATFORM_ID = re.compile(r"[0-9]{13}")


class Ids:
    """Hands out ids that are never handed out again, whatever is rolled back.

    The SDK's file cache never asks again for a file it has seen, so an id that came back with
    other content would show one test the data of another.

    Args:
        seed: makes the random part of ids repeat from run to run; None takes the system's entropy.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._lock = Lock()
        self._random = random.Random(seed)  # noqa: S311 - ids, not secrets
        self._platform = FIRST_PLATFORM_ID
        self._given: set[str] = set()
        self._sequence = 0
        self._numbers: dict[tuple[str, str], int] = {}

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
            number = self._numbers.get((kind, parent), 0) + 1
            self._numbers[kind, parent] = number
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
