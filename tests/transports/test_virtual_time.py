"""Virtual time in this process: whose sleeps take no time, whose do, and what is put back."""

from __future__ import annotations

import datetime
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, Any

import freezegun
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util.retry import RequestHistory, Retry

from abeja_emulator.clock import Clock
from abeja_emulator.epochs import Epochs
from abeja_emulator.transports.virtual_time import VirtualTime
from tests.transports.stub_application import ORIGIN, response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.transports.in_process import InProcess
    from tests.transports.stub_application import StubApplication

ORIGINAL = time.sleep
UTC = datetime.timezone.utc


def nowhere() -> tuple[str, int]:
    """Return the address of nobody."""
    return "127.0.0.1", 9


def make(clock: Clock, epochs: Epochs | None = None) -> VirtualTime:
    """Return virtual time of a clock, not entered."""
    return VirtualTime(clock, epochs or Epochs(), nowhere)


@pytest.fixture(autouse=True)
def _the_original_is_put_back() -> Iterator[None]:
    assert time.sleep is ORIGINAL
    yield
    assert time.sleep is ORIGINAL


@pytest.fixture
def clock() -> Clock:
    """A clock of a Platform."""
    return Clock()


@pytest.fixture
def virtual(clock: Clock) -> Iterator[VirtualTime]:
    """Virtual time of that clock, entered."""
    with make(clock) as virtual:
        yield virtual


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of a user that has imported `sleep` by that name and by another one."""
    found: Any = ModuleType("module_of_a_user")
    exec(  # noqa: S102 - the user's module
        "from time import sleep\nnap = sleep\ndef doze(seconds): sleep(seconds)\nclass Own:\n    rest = sleep",
        vars(found),
    )
    monkeypatch.setitem(sys.modules, found.__name__, found)
    return found


class TestClients:
    """What waits before it tries again."""

    @pytest.fixture
    def session(self, in_process: InProcess) -> Iterator[requests.Session]:
        """A session that tries five times more, as the SDK does."""
        del in_process
        retry = Retry(total=5, backoff_factor=1, status_forcelist=[503], raise_on_status=False)
        with requests.Session() as session:
            session.mount(ORIGIN, HTTPAdapter(max_retries=retry))
            yield session

    def test_back_off(self, session: requests.Session, application: StubApplication, virtual: VirtualTime) -> None:
        """Six calls, thirty seconds of back-off by the clock, to the second, and none by the machine."""
        application.on("GET", "/storm", response(status=503))
        before = datetime.datetime.now(UTC)
        assert session.get(f"{ORIGIN}/storm", timeout=9).status_code == 503
        assert [sleep.seconds for sleep in virtual.slept] == [2, 4, 8, 16]
        assert {sleep.why for sleep in virtual.slept} == {"back-off"}
        assert virtual.slept_seconds == virtual.offset == 30
        assert datetime.datetime.now(UTC) - before < datetime.timedelta(seconds=30) <= virtual.now() - before

    def test_retry_after(self, session: requests.Session, application: StubApplication, virtual: VirtualTime) -> None:
        """What the platform asks for instead."""
        answers = iter([response(status=503, headers=[("Retry-After", "7")]), response("done")])
        application.on("GET", "/once", lambda _: next(answers))
        assert session.get(f"{ORIGIN}/once", timeout=9).status_code == 200
        assert [(sleep.seconds, sleep.why) for sleep in virtual.slept] == [(7, "Retry-After")]

    def test_urllib3_alone(self, in_process: InProcess, application: StubApplication, virtual: VirtualTime) -> None:
        """Of both versions."""
        del in_process
        application.on("GET", "/storm", response(status=503))
        with urllib3.PoolManager() as pool, pytest.raises(urllib3.exceptions.MaxRetryError):
            pool.request("GET", f"{ORIGIN}/storm", retries=Retry(3, backoff_factor=1, status_forcelist=[503]))
        assert virtual.slept_seconds == 6

    def test_in_any_thread(self, session: requests.Session, application: StubApplication, virtual: VirtualTime) -> None:
        """A pool that fetches ahead lets its back-off pass as well, and says which of its threads it was."""
        application.on("GET", "/storm", response(status=503))
        with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
            assert pool.submit(session.get, f"{ORIGIN}/storm", timeout=9).result(20).status_code == 503
        assert virtual.offset == 30
        assert {sleep.who for sleep in virtual.slept} == {"ahead_0"}

    def test_retrying(self, virtual: VirtualTime) -> None:
        """The library with which the SDK tries files of the datalake again."""
        retrying: Any = pytest.importorskip("retrying")
        tries: list[int] = []

        @retrying.retry(stop_max_attempt_number=3, wait_fixed=2000)  # type: ignore[untyped-decorator]
        def fetch() -> None:
            tries.append(1)
            raise ConnectionError

        with pytest.raises(ConnectionError):
            fetch()
        assert (len(tries), [(sleep.seconds, sleep.why) for sleep in virtual.slept]) == (3, [(2, "retrying")] * 2)


class TestNames:
    """Where `time.sleep` is found."""

    def test_what_a_module_has_imported(self, clock: Clock, module: Any) -> None:
        """By whatever name, before or meanwhile; afterwards it is the original."""
        with make(clock) as virtual:
            module.doze(1)
            module.nap(2)
            exec("from time import sleep as later", vars(module))  # noqa: S102 - the same
            module.later(4)
            assert [sleep.seconds for sleep in virtual.slept] == [1, 2, 4]
            assert virtual.slept[0].where == "module_of_a_user.doze:3"
        assert module.sleep is module.nap is module.later is ORIGINAL

    def test_what_is_kept_elsewhere(self, clock: Clock, module: Any) -> None:
        """An attribute of a class that had it before sleeps for real; what was kept meanwhile does afterwards."""
        with make(clock) as virtual:
            module.Own().rest(0.001)
            assert virtual.slept == []
            kept = time.sleep
            module.Own.rest = kept
            # As the built-in, it does not become a method.
            module.Own().rest(5)
            assert virtual.slept_seconds == 5
        before = time.monotonic()
        kept(0.01)
        assert time.monotonic() - before >= 0.01
        assert clock.offset == 5

    def test_it_is_pickled_by_its_name(self, virtual: VirtualTime) -> None:
        """As workers of a pool are sent it."""
        del virtual
        assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep
        assert repr(time.sleep) == "<built-in function sleep>"
        assert (time.sleep.__name__, time.sleep.__module__) == ("sleep", "time")

    @pytest.mark.parametrize("seconds", [-1, "1", None, float("nan"), float("inf")])
    def test_what_is_no_time(self, virtual: VirtualTime, seconds: Any) -> None:
        """It is refused as ever, and no time passes."""
        errors = (TypeError, ValueError, OverflowError)
        with pytest.raises(errors) as refused:
            ORIGINAL(seconds)
        with pytest.raises(type(refused.value)) as ours:
            time.sleep(seconds)
        assert str(ours.value) == str(refused.value)
        assert virtual.slept == []

    def test_no_time(self, virtual: VirtualTime) -> None:
        """Who gives way to others does so, and has not slept."""
        time.sleep(0)
        assert virtual.slept == []

    def test_somebody_elses_sleep_wins(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """The one that a test puts there meanwhile is asked; the one that was there before is there afterwards."""
        asked: list[float] = []
        with monkeypatch.context() as patch:
            patch.setattr(time, "sleep", asked.append)
            with make(clock):
                time.sleep(3)
                with monkeypatch.context() as inner:
                    inner.setattr(time, "sleep", lambda seconds: asked.append(-seconds))
                    time.sleep(4)
            time.sleep(5)
        assert asked == [-4, 5]
        assert clock.offset == 3

    def test_undone_in_the_wrong_order(self, clock: Clock) -> None:
        """Who puts back, afterwards, what they had found inside puts back something that is as good as the original."""
        outer = pytest.MonkeyPatch()
        with make(clock):
            outer.setattr(time, "sleep", lambda _: None)
        outer.undo()
        before = time.monotonic()
        time.sleep(0.01)
        assert time.monotonic() - before >= 0.01
        with make(clock) as virtual:
            time.sleep(6)
            assert virtual.slept_seconds == 6

    def test_one_within_another(self, clock: Clock) -> None:
        """The inner one takes the sleeps; the clock is virtual until the outer one ends."""
        other = Clock()
        with make(clock) as outer:
            with make(other) as inner:
                time.sleep(2)
                assert (inner.slept_seconds, outer.slept_seconds) == (2, 0)
            with make(clock) as again:
                time.sleep(3)
                assert again.slept_seconds == outer.slept_seconds == 3
            assert clock.virtual
        assert not clock.virtual

    def test_an_error_puts_everything_back(self, clock: Clock, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names, the clock and the variable for children."""
        monkeypatch.delenv("ABEJA_EMULATOR_VIRTUAL", raising=False)
        virtual = make(clock)
        with pytest.raises(KeyboardInterrupt), virtual:
            raise KeyboardInterrupt
        assert module.sleep is time.sleep is ORIGINAL
        assert not clock.virtual
        assert "ABEJA_EMULATOR_VIRTUAL" not in os.environ


class TestThreads:
    """Who drives the clock."""

    def test_a_thread_that_wakes_up_for_ever(self, virtual: VirtualTime) -> None:
        """It does not spin the time away; when the main thread lets time pass, it has passed for it, too."""
        began, rounds, enough = threading.Event(), list[int](), threading.Event()

        def work() -> None:
            began.set()
            time.sleep(3600)
            while not enough.is_set():
                time.sleep(0.001)
                rounds.append(1)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert began.wait(20)
        thread.join(0.05)
        assert (virtual.offset, rounds) == (0, [])
        # It may begin to sleep only after the first.
        while not rounds:
            time.sleep(3601)
        enough.set()
        thread.join(20)
        assert {sleep.who for sleep in virtual.slept} == {""}

    def test_the_thread_that_entered_it(self, clock: Clock) -> None:
        """Without pytest, it may be any one."""

        def work() -> float:
            with make(clock) as virtual:
                time.sleep(60)
                return virtual.slept_seconds

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(work).result(20) == 60

    def test_what_an_earlier_test_left_running(self, clock: Clock) -> None:
        """Its back-off takes its real time, and moves no clock of a later test."""
        epochs, go, slept = Epochs(), threading.Event(), threading.Event()
        failure = RequestHistory("GET", "/", None, 503, None)

        def work() -> None:
            assert go.wait(20)
            Retry(backoff_factor=0.01, history=(failure, failure)).sleep()
            slept.set()

        epochs.begin("test_earlier")
        thread = threading.Thread(target=work)
        thread.start()
        epochs.end()
        with make(clock, epochs) as virtual:
            go.set()
            assert slept.wait(20)
            assert virtual.slept == []
        thread.join()

    def test_looking_for_the_end_of_a_process_is_no_sleep(self, virtual: VirtualTime) -> None:
        """`subprocess` sleeps between looks, for real: the process has its own time."""
        with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.05)
            child.communicate(b"\n", timeout=20)
        assert virtual.slept == []

    def test_others_have_their_turn(self, virtual: VirtualTime) -> None:
        """Who looks for what another thread does, once a second, does not look a thousand times before it is done."""
        done = threading.Event()
        before = time.monotonic()
        timer = threading.Timer(0.02, done.set)
        timer.start()
        looks = 0
        while not done.is_set():
            time.sleep(1)
            looks += 1
        timer.join()
        # Each look leaves others a thousandth of a second.
        assert virtual.offset == looks <= 1000 * (time.monotonic() - before)


class TestOtherClocks:
    """What Python says of the time stays the user's own."""

    def test_python_says_what_it_did(self, virtual: VirtualTime) -> None:
        """Sleeps move the Platform's clock only."""
        before = time.time()
        time.sleep(86_400)
        assert before <= time.time() < before + 86_400
        assert datetime.datetime.now(UTC) < virtual.now() - datetime.timedelta(hours=23)

    @pytest.mark.parametrize("ticks", [False, True])
    def test_freezegun(self, virtual: VirtualTime, ticks: bool) -> None:
        """The Platform's time is the frozen one plus the offset, which sleeps move."""
        then = datetime.datetime(2030, 1, 2, tzinfo=UTC)
        with freezegun.freeze_time(then, tick=ticks) as frozen:
            time.sleep(60)
            assert (
                datetime.timedelta(0) <= virtual.now() - then - datetime.timedelta(seconds=60) < datetime.timedelta(1)
            )
            if not ticks:
                frozen.tick(5)
                assert virtual.now() == then + datetime.timedelta(seconds=65)
            assert virtual.offset == 60

    def test_time_machine(self, virtual: VirtualTime) -> None:
        """The same, and under a journey that begins in the middle."""
        time_machine: Any = pytest.importorskip("time_machine")
        then = datetime.datetime(2030, 1, 2, tzinfo=UTC)
        time.sleep(10)
        with time_machine.travel(then, tick=False):
            time.sleep(60)
            assert virtual.now() == then + datetime.timedelta(seconds=70)
        assert virtual.now() < then

    def test_freezegun_around_it(self, clock: Clock) -> None:
        """Entered while time is frozen, and left after it."""
        with freezegun.freeze_time("2030-01-02"):
            virtual = make(clock).__enter__()
            time.sleep(1)
        try:
            time.sleep(2)
            assert virtual.slept_seconds == virtual.offset == 3
        finally:
            virtual.__exit__()


class TestWhatItShows:
    """The object that a test has."""

    def test_advance(self, virtual: VirtualTime) -> None:
        """Time that is let pass is no sleep."""
        before = virtual.now()
        virtual.advance(3600)
        assert virtual.now() - before >= datetime.timedelta(hours=1)
        assert (virtual.offset, virtual.passed, virtual.slept, virtual.slept_seconds) == (3600, 3600, [], 0)
        with pytest.raises(ValueError, match="backwards"):
            virtual.advance(-1)

    def test_only_its_own_sleeps(self, clock: Clock) -> None:
        """Not those of an earlier test on the same Platform; they stay to be looked at afterwards."""
        with make(clock) as first:
            time.sleep(5)
        with make(clock) as second:
            assert second.slept == []
            time.sleep(6)
        assert (second.slept_seconds, second.passed, second.offset) == (6, 6, 11)
        assert first.slept[0].seconds == 5
        assert repr(second).endswith(": 6 s slept>")
