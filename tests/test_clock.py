"""The one source of time."""

from __future__ import annotations

import datetime
import threading
import time
from typing import Callable

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

    def test_watching(self) -> None:
        """What it waits for is asked again and again, though nobody calls `wake`; else it ends as any wait does."""
        clock, asked = Clock(), list[int]()

        def at_last() -> bool:
            asked.append(1)
            return len(asked) > 3

        assert clock.watch(3600, at_last) is True
        assert clock.watch(0.01, lambda: False) is False
        with freeze_time("2024-01-02"):
            assert clock.watch(0.01, lambda: False) is False


def _set(event: threading.Event) -> bool:
    event.set()
    return False


class TestSleep:
    """Sleeping on the clock of a Platform."""

    def test_real(self) -> None:
        """Time is real by default: whoever sleeps waits, and the offset stays."""
        clock = Clock()
        before = time.monotonic()
        clock.sleep(0.01)
        assert time.monotonic() - before >= 0.01
        assert clock.virtual is False
        assert clock.offset == 0

    def test_real_ends_early(self) -> None:
        """Who sleeps an hour wakes up when somebody lets an hour pass, and not before."""
        began = threading.Event()

        class Watched(Clock):
            def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
                return super().wait(seconds, lambda: _set(began) or until())

        clock = Watched()
        thread = threading.Thread(target=lambda: clock.sleep(3600))
        thread.start()
        assert began.wait(20)
        clock.advance(1800)
        assert thread.is_alive()
        clock.advance(1801)
        thread.join(20)
        assert not thread.is_alive()

    def test_virtual(self) -> None:
        """An hour of virtual sleep is an hour of offset, whatever froze the machine's time."""
        clock = Clock()
        clock.virtual = True
        clock.sleep(3600)
        with freeze_time("2024-01-02 03:04:05"):
            clock.sleep(0.5)
            assert iso(clock.now()) == "2024-01-02T04:04:05.500000"
        assert clock.offset == 3600.5

    @pytest.mark.parametrize("virtual", [False, True])
    def test_never_back(self, virtual: bool) -> None:
        """A negative sleep is refused, as `time.sleep` refuses it."""
        clock = Clock()
        clock.virtual = virtual
        with pytest.raises(ValueError, match="negative"):
            clock.sleep(-1)
        assert clock.offset == 0


@pytest.fixture
def virtual() -> Clock:
    """A virtual clock."""
    clock = Clock()
    clock.virtual = True
    return clock


def started(*works: Callable[[], object]) -> list[threading.Thread]:
    """Return the threads that do these works."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    """Wait for the end of all."""
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


class Patient(Clock):
    """A virtual clock that waits until so many sleep together before it goes on."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.virtual = True
        self._together = together

    def _may_be(self, end: datetime.timedelta) -> bool:
        return len(self._sleepers) >= self._together and super()._may_be(end)

    def one_less(self) -> None:
        """Wait for one less from now on."""
        self._together -= 1
        self.wake()


class TestSleepersOfAVirtualClock:
    """Several who sleep, and who work meanwhile."""

    def test_they_wake_up_in_their_order(self) -> None:
        """Whoever has the shortest sleep is the first, and sleeps at the same time are no longer than the longest."""
        clock, woken = Patient(3), list[tuple[int, float]]()

        def sleep(seconds: int) -> None:
            clock.sleep(seconds)
            woken.append((seconds, clock.offset))
            clock.one_less()

        join(started(*(lambda seconds=seconds: sleep(seconds) for seconds in (30, 10, 20))))
        assert [seconds for seconds, _ in woken] == [10, 20, 30]
        assert [offset for _, offset in woken] == [10, 20, 30]

    def test_it_does_not_overtake_work(self, virtual: Clock) -> None:
        """Who sleeps an hour sleeps while there is work, and no longer."""
        began, done = threading.Event(), threading.Event()

        def work() -> None:
            with virtual.working():
                began.set()
                assert done.wait(20)

        threads = started(work)
        assert began.wait(20)
        sleeper = started(lambda: virtual.sleep(3600))
        sleeper[0].join(0.1)
        assert sleeper[0].is_alive()
        assert virtual.offset == 0
        done.set()
        join([*threads, *sleeper])
        assert virtual.offset == 3600

    def test_a_sleep_is_never_longer_than_for_real(self, virtual: Clock) -> None:
        """Also beside work without an end, and while the machine's time stands still."""
        with virtual.working():
            virtual.sleep(0.01)
            with freeze_time("2024-01-02"):
                virtual.sleep(0.01)
        assert virtual.offset == 0

    def test_work_that_sleeps_itself_is_none(self, virtual: Clock) -> None:
        """The sleep of a job's process lets its time pass, though the job is at work; that of another does not."""
        with virtual.working("1"):
            virtual.sleep(3600, job="1")
            assert virtual.offset == 3600
            virtual.sleep(0.01, job="2")
            assert virtual.offset == 3600

    def test_a_thread_that_works_wakes_up_in_time(self, virtual: Clock) -> None:
        """Who sleeps longer stops the clock for it, as often as it takes, and for what it does then."""
        waiting, seen = threading.Event(), list[float]()

        def enough() -> bool:
            waiting.set()
            return False

        def work() -> None:
            with virtual.working():
                for _ in range(3):
                    assert virtual.wait_idly(600, enough) is False
                    seen.append(virtual.offset)

        threads = started(work)
        assert waiting.wait(20)
        virtual.sleep(3600)
        join(threads)
        assert seen == [600, 1200, 1800]
        assert virtual.offset == 3600

    def test_other_waits_are_work(self, virtual: Clock) -> None:
        """What may come at any time, such as the end of a process, is not skipped."""
        waiting, enough = threading.Event(), list[bool]()

        def look() -> bool:
            waiting.set()
            return bool(enough)

        def work() -> None:
            with virtual.working():
                assert virtual.wait(600, look) is True

        threads = started(work)
        assert waiting.wait(20)
        virtual.sleep(0.01)
        assert virtual.offset == 0
        enough.append(True)
        virtual.wake()
        join(threads)

    def test_who_waits_for_others_lets_time_pass(self, virtual: Clock) -> None:
        """A day is over at once when somebody waits, idle, for what is done after it; without, it is not."""
        over = threading.Event()

        def work() -> None:
            with virtual.working():
                virtual.wait_idly(86_400, lambda: False)
            over.set()

        threads = started(work)
        assert not over.wait(0.05)
        with virtual.idle():
            assert over.wait(20)
        join(threads)
        assert virtual.offset == 86_400

    def test_until(self, virtual: Clock) -> None:
        """Who is gone sleeps no more, and lets no time pass."""
        with virtual.working():
            virtual.sleep(3600, until=lambda: True)
        assert virtual.offset == 0

    def test_it_becomes_real(self, virtual: Clock) -> None:
        """Who sleeps then sleeps on, for real, until the time is advanced."""
        with virtual.working():
            threads = started(lambda: virtual.sleep(3600))
            while not virtual.sleeps.total:
                pass
        virtual.virtual = False
        virtual.advance(3601)
        join(threads)
        assert virtual.offset in {3601, 7201}

    def test_an_error_leaves_no_sleeper(self, virtual: Clock) -> None:
        """An exception in the middle of a sleep goes through, and the next one who sleeps waits for nobody."""

        def fail() -> bool:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            virtual.sleep(1, until=fail)
        virtual.sleep(5)
        assert virtual.offset == 5

    def test_who_slept_is_noted(self, virtual: Clock) -> None:
        """In order, with what it was for; while time is real nothing is."""
        virtual.sleep(2, why="back-off")
        virtual.sleep(3, why="time.sleep", where="train.handler:7", who="child 9")
        virtual.virtual = False
        virtual.sleep(0)
        first, second = virtual.sleeps.since(0)
        assert (first.seconds, first.why, second.at - first.at >= 2) == (2, "back-off", True)
        assert str(second) == "slept 3 s (time.sleep in train.handler:7, child 9)"
        assert virtual.sleeps.since(1) == [second]
