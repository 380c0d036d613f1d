"""The one source of time."""

from __future__ import annotations

import datetime
import threading
import time

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.clock import Clock, iso

UTC = datetime.timezone.utc


class TestClock:
    """Time as a Platform sees it."""

    def test_is_the_time_of_the_machine(self) -> None:
        """Aware, in UTC, until it is told otherwise."""
        clock = Clock()
        before = datetime.datetime.now(UTC)
        assert before <= clock.now() <= datetime.datetime.now(UTC)
        assert clock.now().tzinfo is UTC
        assert clock.offset == 0
        assert before.timestamp() <= clock.timestamp() <= time.time()

    def test_advance(self) -> None:
        """What was let pass adds up, and is seen at once."""
        clock = Clock()
        for seconds in (60, 0, 0.5, 86_400):
            before = clock.now()
            clock.advance(seconds)
            assert clock.now() - before >= datetime.timedelta(seconds=seconds)
        assert clock.offset == 86_460.5

    @pytest.mark.parametrize("seconds", [-1, -0.001, float("-inf")])
    def test_never_back(self, seconds: float) -> None:
        """What has happened stays in the past."""
        clock = Clock()
        with pytest.raises(ValueError, match="does not run backwards"):
            clock.advance(seconds)
        assert clock.offset == 0

    @pytest.mark.parametrize("seconds", [1e12, 1e20, float("inf"), float("nan")])
    def test_impossible_times(self, seconds: float) -> None:
        """A time that no date can hold is refused at once, and the clock goes on as it was."""
        clock = Clock()
        with pytest.raises((OverflowError, ValueError)):
            clock.advance(seconds)
        assert clock.offset == 0
        clock.now()

    def test_clocks_are_independent(self) -> None:
        """Time that one lets pass does not pass for another."""
        one, other = Clock(), Clock()
        one.advance(3600)
        assert other.offset == 0

    def test_threads(self) -> None:
        """Time that several threads let pass adds up."""
        clock = Clock()
        barrier = threading.Barrier(4)

        def work() -> None:
            barrier.wait()
            for _ in range(500):
                clock.advance(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert clock.offset == 2000

    def test_frozen(self) -> None:
        """A test that freezes time freezes the Platform's, from any thread, and may let it pass."""
        seen: list[datetime.datetime] = []
        clock = Clock()
        with freeze_time("2024-01-02 03:04:05") as frozen:
            assert iso(clock.now()) == "2024-01-02T03:04:05.000000"
            clock.advance(10)
            frozen.tick(5)
            thread = threading.Thread(target=lambda: seen.append(clock.now()))
            thread.start()
            thread.join()
        assert seen == [datetime.datetime(2024, 1, 2, 3, 4, 20, tzinfo=UTC)]


class TestIso:
    """Times as the store keeps them."""

    def test_form(self) -> None:
        """Always with six digits of microseconds, so that text of one form is compared."""
        assert iso(datetime.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)) == "2024-01-02T03:04:05.000678"
        assert iso(datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2024-01-02T03:04:05.000000"

    def test_zone(self) -> None:
        """Whatever zone a time was given in, it is kept in UTC."""
        tokyo = datetime.timezone(datetime.timedelta(hours=9))
        assert iso(datetime.datetime(2024, 1, 2, 3, tzinfo=tokyo)) == "2024-01-01T18:00:00.000000"

    @given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
    def test_sorts_as_time_does(self, one: datetime.datetime, other: datetime.datetime) -> None:
        """As text, in every year there is."""
        assert (iso(one) < iso(other)) == (one < other)
        assert datetime.datetime.fromisoformat(iso(one)).replace(tzinfo=UTC) == one


class TestWait:
    """Waiting on the clock of a Platform."""

    def test_time_that_is_let_pass_counts(self) -> None:
        """An hour of waiting ends as soon as an hour was let pass, and not before."""
        clock, answers, asked = Clock(), list[bool](), threading.Event()

        def not_enough() -> bool:
            asked.set()
            return False

        thread = threading.Thread(target=lambda: answers.append(clock.wait(3600, not_enough)))
        thread.start()
        assert asked.wait(20)
        clock.advance(1800)
        assert thread.is_alive()
        clock.advance(1800)
        thread.join(20)
        assert answers == [False]

    def test_real_time_counts_too(self) -> None:
        """Without anybody's help."""
        assert Clock().wait(0.01, lambda: False) is False

    def test_it_ends_when_it_is_enough(self) -> None:
        """What it waits for is asked at the start and at every call of `wake`."""
        clock, answers, enough = Clock(), list[bool](), list[bool]()
        thread = threading.Thread(target=lambda: answers.append(clock.wait(3600, lambda: bool(enough))))
        thread.start()
        enough.append(True)
        clock.wake()
        thread.join(20)
        assert answers == [True]
        assert clock.wait(3600, lambda: True)
