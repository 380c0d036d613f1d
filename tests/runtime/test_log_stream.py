"""The log of a child: the lines that its bytes are, however they arrive, in batches."""

from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.log_stream import BATCH, BATCH_CHARACTERS, DELAY, STDERR, STDOUT, LogStream
from abeja_emulator.runtime.output import LINE_LIMIT, Log

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import LogLine

#: Pieces of what a child may write.
PIECES = st.sampled_from([
    b"a", b"b c", b"\n", b"\r", b"\r\n", b" ", b"\t", "学".encode(), "学".encode()[:1], "学".encode()[1:], b"\xff",
    b'{"log_level": "ERROR", "message": "m"}', b'{"log_level": 1}', b'{"log_level"', b"\x00", b"\x0c", "\x85".encode(),
])  # fmt: skip


def kept(*writes: tuple[str, bytes]) -> list[tuple[str, str]]:
    """Return (level, message) of the lines that a stream makes of some writes."""
    lines: list[LogLine] = []
    stream = LogStream(Clock(), lines.extend)
    for level, data in writes:
        stream.write(level, data)
    stream.end()
    return [(line.log_level, line.message) for line in lines]


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The time that streams see."""
    moment = Time()
    monkeypatch.setattr(LogStream, "_now", staticmethod(lambda: moment.now))
    return moment


@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), PIECES), max_size=20))
def test_lines_are_those_of_a_job_in_process(writes: list[tuple[str, bytes]]) -> None:
    """The same lines and levels as `Log` makes of the text, wherever the bytes were cut, even within a character."""
    for level in (STDOUT, STDERR):
        data = b"".join(piece for each, piece in writes if each == level)
        log = Log(Clock())
        log.write(level, data.decode("utf-8", "replace"))
        log.end()
        expected = [(line.log_level, line.message) for line in log.lines]
        pieces = [(level, piece) for each, piece in writes if each == level]
        bytewise = [(level, bytes([byte])) for byte in data]
        assert kept(*pieces) == kept((level, data)) == kept(*bytewise) == expected


@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.sampled_from([b"a", b"b\n", b"\n"])), max_size=20))
def test_lines_are_in_the_order_in_which_they_ended(writes: list[tuple[str, bytes]]) -> None:
    """Whichever stream they are of."""
    log = Log(Clock())
    for level, data in writes:
        log.write(level, data.decode())
    log.end()
    assert kept(*writes) == [(line.log_level, line.message) for line in log.lines]


def test_stdout_is_info_and_stderr_is_warning() -> None:
    """Both open at once, and the time of a line is the Platform's."""
    clock = Clock()
    clock.advance(86400)
    before = clock.timestamp()
    lines: list[LogLine] = []
    stream = LogStream(clock, lines.extend)
    stream.write(STDOUT, b"ou")
    stream.write(STDERR, b"err\n")
    stream.write(STDOUT, b"t\n")
    stream.end()
    assert [(line.log_level, line.message) for line in lines] == [("WARNING", "err"), ("INFO", "out")]
    assert all(before * 1000 - 1 <= line.timestamp <= clock.timestamp() * 1000 + 1 for line in lines)


def test_of_a_progress_bar_the_last_state_is_kept() -> None:
    """Keras writes carriage returns, or backspaces, which stay as they are."""
    bar = b"".join(b"\r%d/3 - loss: 0.%d" % (step, step) for step in (1, 2, 3))
    assert kept((STDOUT, bar + b"\n")) == kept((STDOUT, bar)) == [("INFO", "3/3 - loss: 0.3")]
    assert kept((STDOUT, b"1/3\b\b\b3/3\n")) == [("INFO", "1/3\b\b\b3/3")]


@pytest.mark.parametrize("unit", [b"x", "学".encode(), b"\xff"])
def test_a_line_over_the_limit_is_replaced(unit: bytes) -> None:
    """By a warning with its first 64 characters; the limit counts bytes, and it holds for that line alone."""
    fits = LINE_LIMIT // len(unit)
    for chunk in (1000, 10**7):
        data = unit * (fits + 1) + b"\nafter\n"
        lines = kept(*[(STDOUT, data[start : start + chunk]) for start in range(0, len(data), chunk)])
        assert [level for level, _ in lines] == ["WARNING", "INFO"]
        characters = 0 if unit == b"\xff" else fits + 1
        beginning = unit.decode("utf-8", "replace") * 64
        if characters:
            assert lines[0][1].startswith(f"a line of {characters} characters is too long for the log")
        assert lines[0][1].endswith(f": {beginning}")
        assert lines[1][1] == "after"
    assert kept((STDOUT, unit * fits)) == [("INFO", unit.decode("utf-8", "replace") * fits)]


def test_a_long_line_that_was_written_over_is_what_was_written_over_it() -> None:
    """A bar of very many steps has a short last one."""
    assert kept((STDOUT, b"x" * 2 * LINE_LIMIT), (STDOUT, b"\rshort\n")) == [("INFO", "short")]
    assert kept((STDOUT, b"x\r" * 2 * LINE_LIMIT)) == [("INFO", "x")]


def test_a_line_without_an_end_needs_little_memory() -> None:
    """100 MB of it take less than a few lines of the longest that is kept."""
    stream = LogStream(Clock(), len)
    chunk = bytes(65536)
    tracemalloc.start()
    try:
        for _ in range(1600):
            stream.write(STDOUT, chunk)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LINE_LIMIT


def test_what_cannot_be_read_as_json_is_a_line() -> None:
    """Nested beyond reason, or with a level that no store can keep."""
    deep = '{"log_level": ' + "[" * 100_000
    half = '{"log_level": "\\ud800"}'
    data = f"first\n{deep}\n{half}\nlast\n".encode()
    assert kept((STDERR, data)) == [("WARNING", "first"), ("WARNING", deep), ("WARNING", half), ("WARNING", "last")]


def test_lines_wait_for_each_other(moment: Time) -> None:
    """For a tenth of a second at most, from the first of them on; an open line does not wait."""
    batches: list[list[str]] = []
    stream = LogStream(Clock(), lambda lines: batches.append([line.message for line in lines]))
    stream.write(STDOUT, b"open")
    assert stream.due_in() is None
    stream.write(STDOUT, b"\n")
    assert stream.due_in() == pytest.approx(DELAY)
    moment.now += 0.75 * DELAY
    stream.write(STDOUT, b"second\n")
    assert stream.due_in() == pytest.approx(DELAY / 4)
    assert batches == []
    moment.now += DELAY
    assert stream.due_in() == 0
    stream.write(STDOUT, b"third\n")
    assert batches == [["open", "second", "third"]]
    assert stream.due_in() is None
    stream.flush()
    stream.end()
    assert len(batches) == 1


def test_many_lines_are_few_batches(moment: Time) -> None:
    """And no batch is much more than its bounds, in lines or in characters."""
    batches: list[list[LogLine]] = []
    stream = LogStream(Clock(), batches.append)
    for _ in range(100):
        stream.write(STDOUT, b"line\n" * 1000)
    assert [len(batch) for batch in batches] == [BATCH] * 100
    for _ in range(10):
        stream.write(STDOUT, (b"x" * 200_000 + b"\n") * 2)
    stream.end()
    assert max(sum(len(line.message) for line in batch) for batch in batches) <= BATCH_CHARACTERS + 400_000
    assert sum(map(len, batches)) == 100_020


def test_what_a_sink_raises_comes_out(moment: Time) -> None:
    """Where the batch was due."""

    def sink(lines: list[LogLine]) -> None:
        raise OSError(lines[0].message)

    stream = LogStream(Clock(), sink)
    stream.write(STDOUT, b"lost\n")
    with pytest.raises(OSError, match="lost"):
        stream.flush()
    stream.end()


def test_threads_write_at_once() -> None:
    """No line is lost, torn or doubled, and those of one thread stay in their order."""
    lines: list[LogLine] = []
    stream = LogStream(Clock(), lines.extend, delay=0)

    def write(level: str) -> None:
        for number in range(2000):
            stream.write(level, b"%d" % number)
            stream.write(level, b"\n")

    threads = [threading.Thread(target=write, args=(level,)) for level in (STDOUT, STDERR)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.end()
    for level in (STDOUT, STDERR):
        assert [line.message for line in lines if line.log_level == level] == [str(number) for number in range(2000)]
