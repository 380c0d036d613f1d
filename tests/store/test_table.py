"""Typed records under parents, in order of creation."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.ids import Ids
from abeja_emulator.store import table as module
from abeja_emulator.store.store import Store
from tests.store.conftest import Thing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.store.table import Table


def fill(store: Store, things: Table[Thing], number: int) -> None:
    """Put things 1, 2, 3, … under one parent, and one under another; every third is archived."""
    with store.transaction():
        for value in range(1, number + 1):
            things.insert("p", f"id{value}", Thing(value), archived=value % 3 == 0)
        things.insert("q", "id1", Thing(100))


def values(things: list[Thing]) -> list[int]:
    """Return what they hold."""
    return [thing.value for thing in things]


class TestOne:
    """One record."""

    def test_found_by_id_by_name_and_anywhere(self, store: Store, things: Table[Thing]) -> None:
        """By id and by name under its parent, by id under any."""
        with store.transaction():
            things.insert("p", "a", Thing(1), name="one")
            things.insert("q", "a", Thing(2))
        assert things.get("p", "a") == Thing(1)
        assert things.named("p", "one") == Thing(1)
        found = things.find("a")
        assert found is not None
        assert (found.parent, found.record) in [("p", Thing(1)), ("q", Thing(2))]
        assert things.get("p", "b") is None
        assert things.named("q", "one") is None
        assert things.find("b") is None

    def test_kinds_do_not_mix(self, store: Store, things: Table[Thing]) -> None:
        """Another kind may have the same parents, ids and names."""
        others = store.table("other", Thing)
        with store.transaction():
            things.insert("p", "a", Thing(1), name="one")
            others.insert("p", "a", Thing(2), name="one")
            others.delete_under("p")
        assert (things.count("p"), others.count("p")) == (1, 0)
        assert store.table("thing", Thing) is things

    def test_same_id_or_name_twice(self, store: Store, things: Table[Thing]) -> None:
        """Under one parent both are refused; elsewhere they are free."""
        with store.transaction():
            things.insert("p", "a", Thing(1), name="one")
            things.insert("q", "a", Thing(1), name="one")
        with pytest.raises(sqlite3.IntegrityError), store.transaction():
            things.insert("p", "a", Thing(2))
        with pytest.raises(sqlite3.IntegrityError), store.transaction():
            things.insert("p", "b", Thing(2), name="one")
        assert things.slice("p") == [Thing(1)]

    def test_update_keeps_place_and_name(self, store: Store, things: Table[Thing]) -> None:
        """Only the record and whether it is archived change."""
        with store.transaction():
            things.insert("p", "a", Thing(1), name="one")
            things.insert("p", "b", Thing(2))
            things.update("p", "a", Thing(9), archived=True)
        assert things.slice("p") == [Thing(9), Thing(2)]
        assert things.named("p", "one") == Thing(9)
        assert things.count("p") == 2
        assert things.count_kept("p") == 1

    def test_delete(self, store: Store, things: Table[Thing]) -> None:
        """Deleting what is not there does nothing, and a name is free again."""
        with store.transaction():
            things.insert("p", "a", Thing(1), name="one")
            things.delete("p", "b")
            things.delete("p", "a")
            things.delete("p", "a")
            things.insert("p", "b", Thing(2), name="one")
        assert things.slice("p") == [Thing(2)]
        assert things.count("p") == 1

    @pytest.mark.parametrize("text", ["", "a'b", '"', "\0", "名前", "a/b", "%"])
    def test_any_text_is_an_id_and_a_name(self, store: Store, things: Table[Thing], text: str) -> None:
        """Nothing of SQL, of paths or of JSON is special."""
        with store.transaction():
            things.insert(text, text, Thing(1), name=text)
            things.insert("other", "other", Thing(2))
        assert things.get(text, text) == things.named(text, text) == Thing(1)
        assert things.count(text) == 1


class TestMany:
    """Many records."""

    def test_pages(self, store: Store, things: Table[Thing]) -> None:
        """Pages one after the other are the whole, in either order."""
        fill(store, things, 10)
        for newest_first in (False, True):
            seen: list[int] = []
            after = 0
            while rows := things.page("p", after=after, limit=3, newest_first=newest_first):
                seen += [row.record.value for row in rows]
                after = rows[-1].seq
            assert seen == sorted(range(1, 11), reverse=newest_first)

    def test_page_while_records_come_and_go(self, store: Store, things: Table[Thing]) -> None:
        """A record that goes, or comes, between two pages moves no other."""
        fill(store, things, 6)
        first = things.page("p", limit=3)
        with store.transaction():
            things.delete("p", "id1")
            things.delete("p", "id4")
            things.insert("p", "id7", Thing(7))
        assert [row.record.value for row in things.page("p", after=first[-1].seq)] == [5, 6, 7]

    def test_scan_reads_piece_by_piece(self, store: Store, things: Table[Thing]) -> None:
        """It yields all, however many fit into one piece."""
        fill(store, things, 10)
        assert module.SCAN > 10
        for newest_first in (False, True):
            rows = list(things.scan("p", newest_first=newest_first))
            assert [row.record.value for row in rows] == sorted(range(1, 11), reverse=newest_first)
            assert list(things.scan("p", after=rows[3].seq, newest_first=newest_first)) == rows[4:]
        with store.transaction():
            things.insert_many("many", [(str(value), Thing(value)) for value in range(2 * module.SCAN + 1)])
        assert [row.record.value for row in things.scan("many")] == list(range(2 * module.SCAN + 1))
        assert things.count("many") == 2 * module.SCAN + 1

    def test_slice(self, store: Store, things: Table[Thing]) -> None:
        """Offset and limit count what is asked for only."""
        fill(store, things, 7)
        assert values(things.slice("p")) == [1, 2, 3, 4, 5, 6, 7]
        assert values(things.slice("p", offset=2, limit=3)) == [3, 4, 5]
        assert values(things.slice("p", archived=False)) == [1, 2, 4, 5, 7]
        assert values(things.slice("p", archived=False, offset=1, limit=2, newest_first=True)) == [5, 4]
        assert things.slice("p", offset=7) == things.slice("p", limit=0) == []
        assert (things.count("p"), things.count_kept("p")) == (7, 5)

    def test_delete_under(self, store: Store, things: Table[Thing]) -> None:
        """It deletes what is under one parent, and the count knows."""
        fill(store, things, 4)
        with store.transaction():
            things.delete_under("p")
        assert (things.count("p"), things.count("q"), things.slice("p")) == (0, 1, [])

    def test_all(self, store: Store, things: Table[Thing]) -> None:
        """Every record of the kind, whatever its parent, oldest first."""
        fill(store, things, 2)
        assert [(row.parent, row.record.value) for row in things.all()] == [("p", 1), ("p", 2), ("q", 100)]

    def test_expired(self, store: Store, things: Table[Thing]) -> None:
        """The moment itself is over; what has no end never is."""
        with store.transaction():
            things.insert("p", "a", Thing(1), expires="2024-01-01T00:00:00.000000")
            things.insert("q", "b", Thing(2), expires="2024-01-02T00:00:00.000000")
            things.insert("p", "c", Thing(3))
        assert [row.record.value for row in things.expired("2023-12-31T23:59:59.999999")] == []
        assert [row.record.value for row in things.expired("2024-01-01T00:00:00.000000")] == [1]
        assert sorted(row.record.value for row in things.expired("9999")) == [1, 2]
        with store.transaction():
            things.update("p", "a", Thing(1))
        assert [row.record.value for row in things.expired("9999")] == [2]

    def test_insert_many_is_all_or_nothing(self, store: Store, things: Table[Thing]) -> None:
        """One that is refused takes the others with it."""
        with pytest.raises(sqlite3.IntegrityError), store.transaction():
            things.insert_many("p", [("a", Thing(1)), ("b", Thing(2)), ("a", Thing(3))])
        assert (things.slice("p"), things.count("p")) == ([], 0)

    def test_insert_many_fails_within_a_transaction_that_goes_on(self, store: Store, things: Table[Thing]) -> None:
        """The count is of what is there, whatever that is."""

        def some() -> Iterator[tuple[str, Thing]]:
            yield "a", Thing(1)
            yield "b", Thing(2)
            raise ZeroDivisionError

        with store.transaction():
            with pytest.raises(ZeroDivisionError):
                things.insert_many("p", some())
            assert things.count("p") == len(things.slice("p")) == 2
            things.delete("p", "a")
            things.delete("p", "a")
            assert things.count("p") == 1

    def test_insert_many_makes_each_when_its_turn_comes(self, store: Store, things: Table[Thing]) -> None:
        """A million need not be in memory at once, and what makes them may use the store."""

        def each() -> Iterator[tuple[str, Thing]]:
            for number in range(5):
                assert things.count("made") == number
                things.insert("made", str(number), Thing(number))
                yield str(number), Thing(number)
                things.insert_many("read", [(str(number), Thing(number))])

        with store.transaction():
            things.insert_many("p", each())
        assert [things.count(parent) for parent in ("p", "made", "read")] == [5, 5, 5]
        assert values(things.slice("p")) == values(things.slice("read")) == [0, 1, 2, 3, 4]


def test_places_are_never_reused() -> None:
    """Two stores with the same source of ids share nothing, nor does one after a rollback."""
    ids = Ids()
    first, second = Store(ids), Store(ids)
    places: list[int] = []
    for store in (first, second, first):
        snapshot = store.snapshot()
        things = store.table("thing", Thing)
        with store.transaction():
            things.insert("p", "a", Thing(1))
        places.append(things.page("p")[0].seq)
        snapshot.rollback()
    assert places == sorted(set(places))
    first.close()
    second.close()
