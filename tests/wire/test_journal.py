"""What was asked and answered."""

from __future__ import annotations

import threading

import pytest

from abeja_emulator.wire import journal as module
from abeja_emulator.wire.journal import Entry, Journal
from abeja_emulator.wire.operations import Evidence


def entry(number: int, error: str | None = None, query: str = "") -> Entry:
    """Return the call of that number."""
    return Entry("GET", f"/{number}", query, "get", 404 if error else 200, Evidence.CLIENT, float(number), error)


@pytest.fixture(name="journal")
def _journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A journal that remembers five calls."""
    monkeypatch.setattr(module, "REMEMBERED", 5)
    return Journal()


def test_sequence(journal: Journal) -> None:
    """It has a length, indices, slices and an order: oldest first."""
    entries = [entry(number) for number in range(4)]
    for each in entries:
        journal.add(each)
    assert (len(journal), list(journal), journal.total) == (4, entries, 4)
    assert (journal[0], journal[-1], journal[1:3]) == (entries[0], entries[-1], entries[1:3])
    with pytest.raises(IndexError):
        journal[4]


def test_empty(journal: Journal) -> None:
    assert (len(journal), list(journal), journal.total, journal.current(), journal.since(0)) == (0, [], 0, [], [])


def test_bounded(journal: Journal) -> None:
    """It forgets the oldest calls, but not how many there were."""
    for number in range(12):
        journal.add(entry(number))
    assert [each.path for each in journal] == ["/7", "/8", "/9", "/10", "/11"]
    assert journal.total == 12


@pytest.mark.parametrize(
    ("total", "expected"), [(0, [7, 8, 9, 10, 11]), (6, [7, 8, 9, 10, 11]), (10, [10, 11]), (12, []), (99, [])]
)
def test_since(journal: Journal, total: int, expected: list[int]) -> None:
    """The calls after the first so many, as far as they are remembered."""
    for number in range(12):
        journal.add(entry(number))
    assert [each.at for each in journal.since(total)] == expected


def test_begin(journal: Journal) -> None:
    """A test sees its own calls only, even when there were more than are remembered."""
    journal.add(entry(0))
    assert len(journal.current()) == 1
    journal.begin()
    assert journal.current() == []
    journal.add(entry(1))
    assert [each.at for each in journal.current()] == [1]
    for number in range(2, 9):
        journal.add(entry(number))
    assert [each.at for each in journal.current()] == [4, 5, 6, 7, 8]
    journal.begin()
    assert journal.current() == []


def test_threads() -> None:
    """Calls of several threads are all counted, and reading disturbs none of them."""
    journal = Journal()
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for number in range(500):
            journal.add(entry(number))
            assert list(journal)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal) == 2000
    assert len(journal.since(0)) == 2000


def test_text() -> None:
    """A call in one line: what was asked, what was answered and why."""
    assert str(entry(1)) == "GET /1 → 200"
    assert str(entry(1, "there is no 1", "a=b")) == "GET /1?a=b → 404: there is no 1"
