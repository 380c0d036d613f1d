"""Virtual time in children: their sleeps let the time of the platform's clock pass, in the process that has it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.epochs import Epochs
from abeja_emulator.runtime.workers import drop_fork_server
from abeja_emulator.transports.child.abeja_emulator_child import BORN, VIRTUAL, Birth, tell_sleep
from abeja_emulator.transports.child.abeja_emulator_child_time import ChildSleep, ParentClock
from abeja_emulator.transports.child_processes import ChildProcesses
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.transports.virtual_time import ChildSleeps, VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.transports.stub_application import StubApplication


@pytest.fixture
def clock() -> Clock:
    """A clock of a Platform, virtual."""
    clock = Clock()
    clock.virtual = True
    return clock


@pytest.fixture
def epochs() -> Epochs:
    """No test has ended."""
    return Epochs()


@pytest.fixture
def loopback(application: StubApplication, clock: Clock, epochs: Epochs) -> Iterator[Loopback]:
    """An application on 127.0.0.1 that knows that clock."""
    with Loopback(application, on_sleep=ChildSleeps(clock, epochs).take) as loopback:
        yield loopback


@pytest.fixture
def environment(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process's environment with the way to the loopback in it, where time is virtual."""
    for name, value in {**child_environment(loopback.address, ["api.abeja.io"]), VIRTUAL: "1"}.items():
        monkeypatch.setenv(name, value)
    return dict(os.environ)


def start(script: str, environment: dict[str, str], python: str = sys.executable) -> subprocess.Popen[str]:
    """Start a script in a child."""
    return subprocess.Popen(
        [python, "-c", textwrap.dedent(script)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(script: str, environment: dict[str, str], python: str = sys.executable) -> str:
    """Return what a script prints that succeeds without a word of complaint."""
    with start(script, environment, python) as child:
        printed, complaints = child.communicate(timeout=60)
    assert (child.returncode, complaints) == (0, "")
    return printed.strip()


NAPS = """
    import time
    from time import sleep as nap
    def doze():
        nap(3600)
    began = time.monotonic()
    time.sleep(7200.5)
    doze()
    print(time.monotonic() - began < 3600, time.sleep, repr(nap), time.sleep.offset)
"""

PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))


@pytest.mark.parametrize("python", [sys.executable, *map(str, PYTHONS)], ids=lambda path: path.split("/")[-3])
def test_sleeps_of_a_child(environment: dict[str, str], clock: Clock, python: str) -> None:
    """Whatever Python it has, and by whatever name it sleeps; it hears how far the platform is ahead."""
    name = "<built-in function sleep>"
    assert output(NAPS, environment, python) == f"True {name} {name} 10800.5"
    first, second = clock.sleeps.since(0)
    assert (first.seconds, second.seconds, second.why, second.where) == (7200.5, 3600, "time.sleep", "__main__.doze:5")
    assert first.who == second.who
    assert first.who.startswith("child ")


def test_back_off_of_a_child(environment: dict[str, str], clock: Clock) -> None:
    """That of urllib3, in a thread as well; its proper sleeps are told from it."""
    script = """
        import threading, urllib3.util.retry as retry
        failure = retry.RequestHistory("GET", "/", None, 503, None)
        waiting = retry.Retry(backoff_factor=30, history=(failure, failure))
        thread = threading.Thread(target=waiting.sleep)
        thread.start()
        thread.join()
    """
    assert not output(script, environment)
    assert [(sleep.seconds, sleep.why) for sleep in clock.sleeps.since(0)] == [(60, "back-off")]


def test_a_thread_of_a_child_does_not_drive_the_clock(environment: dict[str, str], clock: Clock) -> None:
    """It sleeps until the main thread has let its time pass, and a short sleep takes its real time."""
    script = """
        import threading, time
        def wake_up_for_ever():
            while True:
                time.sleep(0.001)
        def work():
            told.set()
            time.sleep(3600)
            over.set()
        told, over = threading.Event(), threading.Event()
        threading.Thread(target=wake_up_for_ever, daemon=True).start()
        threading.Thread(target=work, daemon=True).start()
        told.wait()
        print(over.wait(0.05))
        while not over.is_set():
            time.sleep(3600)
    """
    assert output(script, environment) == "False"
    assert {sleep.seconds for sleep in clock.sleeps.since(0)} == {3600}


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers(environment: dict[str, str], loopback: Loopback, clock: Clock, epochs: Epochs, method: str) -> None:
    """However `multiprocessing` starts them."""
    del environment
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    drop_fork_server()
    with VirtualTime(clock, epochs, lambda: loopback.address), multiprocessing.get_context(method).Pool(1) as pool:
        pool.apply_async(time.sleep, (3600,)).get(60)
        pool.close()
        pool.join()
    drop_fork_server()
    assert clock.offset == 3600


def test_children_with_an_environment_of_their_own(loopback: Loopback, clock: Clock) -> None:
    """While the clock is virtual they are told so; while it is real they are not."""
    variables = child_environment(loopback.address, ["api.abeja.io"])
    with ChildProcesses(variables, virtual=lambda: clock.virtual):
        output("import time; time.sleep(60)", {"PATH": os.environ["PATH"]})
        clock.virtual = False
        output("import time; time.sleep(0.001)", {"PATH": os.environ["PATH"]})
    assert [sleep.seconds for sleep in clock.sleeps.since(0)] == [60]


def test_a_grandchild(environment: dict[str, str], clock: Clock) -> None:
    """Its environment is that of the child."""
    script = 'import subprocess, sys; subprocess.check_call([sys.executable, "-c", "import time; time.sleep(60)"])'
    output(script, environment)
    assert clock.offset == 60


def test_it_belongs_to_its_job(environment: dict[str, str], clock: Clock) -> None:
    """While its main thread sleeps there is no work for that job, and the clock may go on; for another there is."""
    environment["TRAINING_JOB_ID"] = "123"
    with clock.working("123"):
        output("import time; time.sleep(60)", environment)
    assert clock.offset == 60
    with clock.working("124"):
        output("import time; time.sleep(0.01)", environment)
    assert clock.offset == 60


def test_a_child_that_is_killed_lets_no_time_pass(environment: dict[str, str], clock: Clock) -> None:
    """The connection on which it waited ends with it."""
    with clock.working():
        with start("import time; time.sleep(3600)", environment) as child:
            while not clock.sleeps.total:
                child.poll()
            child.kill()
        while [thread for thread in threading.enumerate() if thread.name == "abeja-emulator-connection"]:
            clock.wake()
    clock.sleep(5)
    assert clock.offset == 5


def test_a_child_of_an_earlier_test(environment: dict[str, str], clock: Clock, epochs: Epochs) -> None:
    """It sleeps for real, and moves no clock of a later test."""
    epochs.begin("test_earlier")
    environment[BORN] = repr(Birth.now())
    epochs.end()
    output("import time; time.sleep(0.01)", environment)
    assert (clock.offset, clock.sleeps.total) == (0, 0)


def test_a_child_whose_emulator_is_gone(environment: dict[str, str], loopback: Loopback) -> None:
    """It sleeps for real, as it would have without."""
    script = """
        import time
        input()
        began = time.monotonic()
        time.sleep(0.01)
        print(time.monotonic() - began >= 0.01)
    """
    with start(script, environment) as child:
        loopback.stop()
        assert child.communicate("\n", timeout=60)[0] == "True\n"


def test_stopping_waits_for_nobody_who_sleeps(environment: dict[str, str], loopback: Loopback, clock: Clock) -> None:
    """A thread of a child that waits for an hour to pass does not hold up the end."""
    script = """
        import threading, time
        thread = threading.Thread(target=time.sleep, args=(3600,), daemon=True)
        thread.start()
        print("started", flush=True)
        input()
    """
    del clock
    with start(script, environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "started\n"
        while not [thread for thread in threading.enumerate() if thread.name == "abeja-emulator-connection"]:
            pass
        loopback.stop()
        child.communicate("\n", timeout=60)
    assert not [thread for thread in threading.enumerate() if thread.name == "abeja-emulator-connection"]


def test_the_end_of_a_test_in_which_a_child_sleeps(
    environment: dict[str, str], loopback: Loopback, clock: Clock
) -> None:
    """Its sleep is real from then on, and does not hold up the end either."""
    with clock.working(), start("import time; time.sleep(3600)", environment) as child:
        while not clock.sleeps.total:
            child.poll()
        clock.virtual = False
        loopback.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "abeja-emulator-connection"]
        child.kill()
    assert clock.offset == 0


class TestItsLine:
    """How a child says that it sleeps."""

    def test_there_and_back(self) -> None:
        """Whatever its parts are: no word of the line is empty, or two."""
        sleep = ChildSleep(0.1, drives=True, born=12.5, process=7, job=None, why="time.sleep", where="a b\r\nc")
        line = sleep.to_line()
        assert line == "ABEJA-EMULATOR-SLEEP/1 0.1 1 12.5 7 - time.sleep abc"
        back = ChildSleep.from_line(line)
        assert (back.seconds, back.drives, back.born, back.process, back.job) == (0.1, True, 12.5, 7, None)
        assert (back.why, back.where) == ("time.sleep", "abc")

    @pytest.mark.parametrize(
        "words", ["", "x 1 2 3 4 5 6", "-1 1 2 3 4 5 6", "inf 1 2 3 4 5 6", "nan 1 2 3 4 5 6", "1 1 2 3 4 5"]
    )
    def test_what_is_none(self, words: str) -> None:
        """No other time, and no other number of words."""
        with pytest.raises(ValueError, match=r"\w"):
            ChildSleep.from_line(f"ABEJA-EMULATOR-SLEEP/1 {words}")

    def test_a_loopback_that_is_told_nonsense(self, loopback: Loopback, clock: Clock) -> None:
        """It closes the connection, so that whoever waits sleeps for real."""
        assert tell_sleep(loopback.address, "ABEJA-EMULATOR-SLEEP/1 tomorrow") is None
        assert clock.offset == 0

    def test_a_loopback_without_a_clock(self, application: StubApplication) -> None:
        """The same."""
        answers: list[Any] = []
        with Loopback(application) as loopback:
            parent = ParentClock(lambda line: tell_sleep(loopback.address, line), Birth.now)
            answers.append(parent.sleep(60, drives=True, why="time.sleep", where="x"))
        assert answers == [False]
        assert parent.offset == 0
