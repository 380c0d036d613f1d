"""The one source of ids."""

from __future__ import annotations

import datetime
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


class TestOutliving:
    """Ids that go on in another process, from what was written down."""

    @staticmethod
    def kept(ids: Ids, written: dict[tuple[str, str], int]) -> None:
        """Write down what changed, as `store/kept.py` does."""
        for kind, parent, value in ids.changes():
            written[kind, parent] = max(value, written.get((kind, parent), value))

    @settings(deadline=None)
    @given(
        steps=st.lists(
            st.one_of(
                st.sampled_from(["id", "sequence", "keep", "fail", "begin again"]),
                st.tuples(st.sampled_from(["item", "version"]), st.sampled_from(["1", "2"])),
                st.integers(1_100_000_000_000, 1_100_000_000_009).map(str),
            ),
            max_size=30,
        )
    )
    def test_never_twice(self, steps: list[Any]) -> None:
        """However often it begins again from what was written down before an answer was given."""
        ids, written = Ids(), dict[tuple[str, str], int]()
        ids.track()
        handed_out: list[Any] = []
        for step in steps:
            if step == "id":
                handed_out.append(ids.platform_id())
            elif step == "sequence":
                handed_out.append(ids.sequence())
            elif isinstance(step, tuple):
                handed_out.append((*step, ids.number(*step)))
            elif step == "keep":
                self.kept(ids, written)
            elif step == "fail":
                ids.put_back(ids.changes())
            elif step == "begin again":
                self.kept(ids, written)
                ids = Ids()
                ids.track()
                ids.resume([(*key, value) for key, value in written.items()])
            elif step not in handed_out:
                handed_out.append(ids.platform_id(step))
            assert len(set(handed_out)) == len(handed_out)

    def test_only_what_changed(self) -> None:
        """Nothing handed out, nothing to write down; a parent that had no new number is not in it."""
        ids = Ids()
        ids.track()
        for _ in range(3):
            ids.number("item", "1")
        assert ("item", "1", 3) in ids.changes()
        assert ids.changes() == []
        ids.number("item", "2")
        assert [change for change in ids.changes() if change[0] == "item"] == [("item", "2", 1)]

    def test_everything(self) -> None:
        """Whether anybody follows them or not, all counters can be had at once."""
        ids = Ids()
        ids.platform_id()
        ids.platform_id("1200000000000")
        ids.number("item", "1")
        other = Ids()
        other.resume(ids.counters())
        assert other.platform_id() > "1100000000001"
        assert other.number("item", "1") == 2
        assert {change[:2] for change in other.counters()} >= {("given id", "1200000000000"), ("item", "1")}

    def test_random_part_of_a_seed(self) -> None:
        """It does not begin with the same again, but the same way each time; what never began before, with the seed."""

        def after(generations: int) -> str:
            ids = Ids(1)
            for _ in range(generations):
                ids, before = Ids(1), ids
                ids.resume(before.counters())
            return ids.uuid()

        assert len({after(0), after(1), after(2)}) == 3
        assert after(2) == after(2)
        ids = Ids(1)
        ids.resume([])
        assert ids.uuid() == after(0)
