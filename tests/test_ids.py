"""The one source of ids."""

from __future__ import annotations

import datetime
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.ids import Ids
from tests.services.wire import FILE_ID, PLATFORM_ID

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


class TestForms:
    """What ids look like."""

    def test_platform_id(self) -> None:
        """Thirteen digits, the first of them 1."""
        ids = Ids()
        for _ in range(100):
            assert PLATFORM_ID.fullmatch(ids.platform_id())

    def test_file_id(self) -> None:
        """The time of upload and a random UUID."""
        file_id = Ids().file_id(MOMENT)
        assert FILE_ID.fullmatch(file_id)
        assert file_id.startswith("20240102T030405-")

    def test_uuid(self) -> None:
        """Of version 4."""
        assert uuid.UUID(Ids().uuid()).version == 4

    @pytest.mark.parametrize("digits", [1, 40, 64])
    def test_hexadecimal(self, digits: int) -> None:
        """Exactly so many digits, zeros in front included."""
        ids = Ids()
        for _ in range(100):
            assert re.fullmatch(f"[0-9a-f]{{{digits}}}", ids.hexadecimal(digits))

    def test_number(self) -> None:
        """Counted for each kind and each parent."""
        ids = Ids()
        asked = [("version", "a"), ("version", "a"), ("version", "b"), ("item", "a"), ("version", "a")]
        assert [ids.number(*each) for each in asked] == [1, 2, 1, 1, 3]

    def test_sequence(self) -> None:
        """The order of creation, from 1."""
        ids = Ids()
        assert [ids.sequence() for _ in range(3)] == [1, 2, 3]


class TestSeed:
    """Ids that repeat from run to run."""

    @staticmethod
    def several(ids: Ids) -> list[str]:
        """Return an id of each kind."""
        return [ids.platform_id(), ids.file_id(MOMENT), ids.uuid(), ids.hexadecimal(64)]

    def test_repeats(self) -> None:
        """One seed gives the same ids in the same order."""
        assert self.several(Ids(1)) == self.several(Ids(1))

    def test_differs(self) -> None:
        """Without a seed no two Platforms have a file of one id: the SDK keeps files by their id."""
        for one, other in ((Ids(), Ids()), (Ids(1), Ids(2))):
            assert not set(self.several(one)[1:]) & set(self.several(other)[1:])


@pytest.mark.parametrize(
    "hand_out",
    [
        Ids.platform_id,
        Ids.uuid,
        Ids.sequence,
        lambda ids: ids.number("version", "1"),
        lambda ids: ids.file_id(MOMENT),
        lambda ids: ids.hexadecimal(40),
    ],
    ids=["platform_id", "uuid", "sequence", "number", "file_id", "hexadecimal"],
)
def test_never_twice(hand_out: Callable[[Ids], Any]) -> None:
    """Whatever several threads ask for at once."""
    ids = Ids()
    barrier = threading.Barrier(4)
    handed_out: list[Any] = []

    def work() -> None:
        barrier.wait()
        handed_out.extend([hand_out(ids) for _ in range(500)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(handed_out)) == len(handed_out) == 2000
