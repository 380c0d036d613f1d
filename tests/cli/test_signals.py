"""Signals that end a command."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.commands import ROOT, TIMEOUT

#: A signal for another thread than the main one, once that waits.
_TAKEN_ELSEWHERE = """
import signal
import threading
import sys

from abeja_emulator.cli.signals import Signals


def take():
    main = threading.main_thread().ident
    while True:
        frame = sys._current_frames()[main]
        if (frame.f_code.co_filename, frame.f_code.co_name) == (threading.__file__, "wait"):
            break
    threading.Event().wait(0.2)  # from there to where it blocks
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


with Signals() as signals:
    thread = threading.Thread(target=take)
    thread.start()
    signals.wait()
    thread.join()
    print(signals.number == signal.SIGTERM)
"""


def test_a_signal_that_another_thread_takes() -> None:
    """The command ends all the same, though nothing wakes its main thread."""
    done = subprocess.run(
        [sys.executable, "-c", _TAKEN_ELSEWHERE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    assert done.stdout == "True\n"
