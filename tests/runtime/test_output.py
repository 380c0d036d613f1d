"""The log of a job: lines, their order and their levels."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.output import LINE_LIMIT, Log, Tee, kept_output
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob


def kept(*writes: tuple[str, str]) -> list[tuple[str, str]]:
    """Return (level, message) of the lines that a log keeps of some writes."""
    log = Log(Clock())
    for level, text in writes:
        log.write(level, text)
    log.end()
    return [(line.log_level, line.message) for line in log.lines]


def test_lines_are_in_the_order_in_which_they_ended(
    run: Callable[..., TrainedJob], abeja: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output is INFO, standard error is WARNING; both are still shown as ever."""
    job = run(
        """
        import sys
        def handler(context):
            print("one")
            print("tw", end="")
            print("three", file=sys.stderr)
            print("o")
            sys.stdout.writelines(["four\\n", "five"])
        """
    )
    assert job.log.splitlines() == ["one", "three", "two", "four", "five"]
    with abeja.world.store.reading():
        lines = Jobs(abeja.world).log_lines(job.id)
    assert [line.log_level for line in lines] == ["INFO", "WARNING", "INFO", "INFO", "INFO"]
    assert [line.timestamp for line in lines] == sorted(line.timestamp for line in lines)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("one\ntwo\nfour\nfive", "three\n")


def test_of_a_progress_bar_the_last_state_is_kept() -> None:
    """Whether it ends its line or not, and wherever its carriage returns stand."""
    assert kept(("INFO", "\r 0%"), ("INFO", "\r50%"), ("INFO", "\r100%\n")) == [("INFO", "100%")]
    assert kept(("INFO", " 0%\r"), ("INFO", "100%\r")) == [("INFO", "100%")]
    assert kept(("INFO", " 0%\r"), ("INFO", "100%\r"), ("INFO", "\n")) == [("INFO", "100%")]
    assert kept(("INFO", "windows\r\n")) == [("INFO", "windows")]


def test_a_line_that_never_ends_does_not_grow() -> None:
    """A progress bar of many steps costs each step the same."""
    log = Log(Clock())
    for step in range(1000):
        log.write("INFO", f"\r{step}")
    assert log._open == {"INFO": "999"}


@given(st.lists(st.text(alphabet="ab\r\n "), max_size=12))
def test_how_text_is_cut_into_writes_does_not_matter(pieces: list[str]) -> None:
    """The lines are those of the whole text, blank ones left out, each as it was visible in the end."""
    whole = "".join(pieces).split("\n")
    visible = [line.rstrip("\r").rpartition("\r")[2] for line in whole]
    assert kept(*[("INFO", piece) for piece in pieces]) == [("INFO", line) for line in visible if line.strip()]


def test_a_json_line_keeps_its_level() -> None:
    """If it names one; what only looks like JSON is a line like any other."""
    lines = {
        '{"log_level": "ERROR", "message": "x"}': "ERROR",
        '{"log_level": 5}': "INFO",
        '{"log_level": ': "INFO",
        '{"message": "x"}': "INFO",
        'x {"log_level": "ERROR"}': "INFO",
    }
    assert kept(*[("INFO", line + "\n") for line in lines]) == [(level, line) for line, level in lines.items()]


def test_a_very_long_line_is_not_kept_whole() -> None:
    """A warning with its beginning stands for it, as the runner does it."""
    ((level, message),) = kept(("INFO", "x" * (LINE_LIMIT + 1)))
    assert level == "WARNING"
    assert message.endswith(": " + "x" * 64)
    assert kept(("INFO", "x" * LINE_LIMIT)) == [("INFO", "x" * LINE_LIMIT)]


def test_a_signal_handler_may_print_while_its_thread_prints() -> None:
    """The lock of the log is its own thread's to take again."""
    log = Log(Clock())
    before = signal.signal(signal.SIGUSR1, lambda *_: log.write("INFO", "signal\n"))
    try:
        with log._lock:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [line.message for line in log.lines] == ["signal"]


def test_a_forked_childs_text_is_not_kept() -> None:
    """It is the child's, and the child's copy of the log comes to nothing."""
    log = Log(Clock())
    log._pid = os.getpid() + 1
    log.write("INFO", "child\n")
    assert log.lines == []


def test_a_stream_that_outlives_the_job_only_passes_on(run: Callable[..., TrainedJob]) -> None:
    """A logging handler may keep it; the stream is otherwise the one there was."""
    log, stream = Log(Clock()), io.StringIO()
    with contextlib.redirect_stdout(stream), kept_output(log):
        tee = sys.stdout
        sys.stdout.write("inside\n")
        assert isinstance(tee, Tee)
        assert tee.isatty() is False
    tee.write("outside")
    assert stream.getvalue() == "inside\noutside"
    assert [line.message for line in log.lines] == ["inside"]


def test_streams_that_the_handler_put_there_are_taken_away() -> None:
    """But not the terminal's own, which a debugger shows while it stops the test."""
    log, terminal, before = Log(Clock()), sys.__stdout__, sys.stdout
    with kept_output(log):
        sys.stdout = io.StringIO()
    assert sys.stdout is before
    with kept_output(log):
        sys.stdout = terminal
    try:
        assert sys.stdout is terminal
    finally:
        sys.stdout = before


def test_a_handler_may_close_its_streams(capsys: pytest.CaptureFixture[str]) -> None:
    """That holds for the handler alone; a text stream around the bytes writes to the same place."""
    log = Log(Clock())
    with kept_output(log):
        own = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", write_through=True)
        own.write("wrapped あ\n")
        own.close()
        print("between")
        sys.stdout.close()
        with pytest.raises(ValueError, match="closed file"):
            print("late")
        sys.stderr.detach()  # type: ignore[union-attr]
        assert sys.stderr.closed
    print("after")
    assert [line.message for line in log.lines] == ["wrapped あ", "between"]
    assert capsys.readouterr().out == "wrapped あ\nbetween\nafter\n"
