"""A run that takes too long is ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from abeja_emulator.pytest_sweep_limit import Limit, TookTooLong

SHORT = 0.05

#: Enough to start a process, also on a busy machine.
LONGER = 1.0


def test_waiting_is_ended() -> None:
    """In the main thread, and the sentence says after how long."""
    limit = Limit(SHORT)
    with pytest.raises(TookTooLong, match=r"longer than 0\.05 s"), limit:
        threading.Event().wait()
    assert limit.is_over


def test_no_handler_takes_it_for_an_error_of_its_own() -> None:
    """It goes through `except Exception`."""

    def handler() -> None:
        with suppress(Exception):
            threading.Event().wait()

    with pytest.raises(TookTooLong), Limit(SHORT):
        handler()


def test_what_is_quick_is_left_alone() -> None:
    """And signals are as they were before."""
    before = signal.getsignal(signal.SIGALRM)
    with Limit(60.0) as limit:
        pass
    assert not limit.is_over
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_processes_that_were_started_meanwhile_are_killed() -> None:
    """One that was there before goes on."""
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as before:
        started: list[subprocess.Popen[bytes]] = []

        def start_and_wait() -> None:
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE))
            threading.Event().wait()

        with pytest.raises(TookTooLong), Limit(LONGER):
            start_and_wait()
        with started[0] as meanwhile:
            assert meanwhile.wait(30) == -signal.SIGKILL
        assert before.poll() is None
        before.kill()


def test_it_works_in_the_main_thread_only() -> None:
    """Which can be asked before."""
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(Limit.works_here()))
    thread.start()
    thread.join()
    assert answers == [False]
    assert Limit.works_here()
