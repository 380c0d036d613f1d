"""When calls and sleeps happened, in lines and in one line."""

from __future__ import annotations

from abeja_emulator.report import timeline
from abeja_emulator.report.page import page
from abeja_emulator.report.records import CallRecord, SleepRecord, TestRecord, pack, unpack
from abeja_emulator.report.summary import section, summary
from tests.report.records import call as call_of


def call(after: float, path: str, status: int = 200, operation: str | None = "get_dataset") -> CallRecord:
    """Return a call that is known from a client."""
    return call_of(after, path, status, operation=operation, evidence="client")


def sleep(after: float, seconds: float, why: str = "back-off") -> SleepRecord:
    """Return a sleep."""
    return SleepRecord(after=after, seconds=seconds, why=why, text=f"slept {seconds:g} s ({why})")


def storm() -> TestRecord:
    """Return a test whose client tried again."""
    path = "/organizations/1/datasets/2?<b>"
    calls = [call(0.0, path, 503), call(0.02, path, 503), call(2.02, path), call(2.1, path), call(2.2, path)]
    calls += [call(2.25, path), call(2.3, path, operation=None)]
    sleeps = [sleep(0.02, 2.0), sleep(2.4, 3600, "time.sleep")]
    return TestRecord(test="test_a.py::test_storm", outcome="failed", calls=calls, sleeps=sleeps, calls_in_all=7)


def test_lines() -> None:
    """Sleeps stand behind the call that they follow; of many calls without a sleep the first are shown."""
    path = "GET /organizations/1/datasets/2?<b>"
    assert timeline.lines(storm()) == [
        "slept 3602 s of virtual time: 1 × back-off, 1 × time.sleep",
        f"  +0.0 s  {path} → 503",
        f"  +0.0 s  {path} → 503",
        "  +0.0 s  slept 2 s (back-off)",
        f"  +2.0 s  {path} → 200",
        f"  +2.1 s  {path} → 200",
        f"  +2.2 s  {path} → 200",
        "  (… 2 more calls)",
        "  +2.4 s  slept 3600 s (time.sleep)",
    ]


def test_one_line() -> None:
    """The same by the names of operations."""
    assert timeline.line(storm()) == (
        "+0.0 s get_dataset 503 · +0.0 s get_dataset 503 · slept 2 s · +2.0 s get_dataset 200 · "
        "+2.1 s get_dataset 200 · +2.2 s get_dataset 200 · … 2 more calls · slept 3600 s"
    )


def test_a_call_that_is_none_of_the_platforms() -> None:
    """It has no operation, but a path."""
    record = TestRecord(test="t", calls=[call(0.0, "/nowhere?a=b", 404, operation=None)], sleeps=[sleep(0.1, 1)])
    assert timeline.line(record) == "+0.0 s GET /nowhere?a=b 404 · slept 1 s"


def test_who_looks_every_second_for_an_hour() -> None:
    """Equal sleeps are counted; of calls between them the section has the last lines, the summary the first."""
    sleeps = [sleep(second, 1, "time.sleep") for second in range(3600)]
    record = TestRecord(test="t", sleeps=sleeps)
    assert timeline.lines(record)[1:] == ["  +0.0 s  3600 × slept 1 s (time.sleep)"]
    assert timeline.line(record) == "3600 × slept 1 s"
    assert timeline.heading(record) == "slept 3600 s of virtual time: 3600 × time.sleep"
    record.sleeps_in_all = 5000
    assert timeline.heading(record).startswith("slept 3600 s of virtual time, in the last 3600 of 5000 sleeps: 3600 ×")

    record = TestRecord(test="t", sleeps=sleeps, calls=[call(second, "/jobs/1") for second in range(3600)])
    lines = timeline.lines(record)
    assert len(lines) == timeline.LINES_LISTED + 2
    assert lines[1] == "  (… 7160 lines before)"
    assert lines[-1] == "  +3599.0 s  slept 1 s (time.sleep)"
    assert timeline.line(record).endswith("slept 1 s · … 7188 more")


def test_without_sleeps_there_is_none() -> None:
    """Where time is real, what is shown stays as it is."""
    record = TestRecord(test="t", calls=[call(0.0, "/a")], calls_in_all=1)
    assert (timeline.lines(record), timeline.line(record)) == ([], "")
    assert "slept" not in section(record) + "".join(summary([record])) + page([record])


def test_it_is_shown() -> None:
    """In the section of a failing test, in the summary, and as rows of the page; also from another process."""
    record = unpack(pack(storm()))
    assert "\n".join(timeline.lines(record)) in section(record)
    assert f"  {timeline.line(record)}" in summary([record])
    shown = page([record])
    assert shown.count('<tr class="sleep">') == 2
    assert "7 calls; slept 3602 s of virtual time" in shown
    assert "<b>" not in shown
    # The whole width is the time until the end of the last sleep.
    assert 'style="margin-left:0.07%;width:99.93%"' in shown


def test_a_test_that_only_slept() -> None:
    """It had to do with the platform all the same."""
    record = TestRecord(test="test_a.py::test_naps", sleeps=[sleep(0.0, 60, "time.sleep")])
    assert summary([record])[-3:] == [
        "test_a.py::test_naps",
        "  slept 60 s of virtual time: 1 × time.sleep",
        "  slept 60 s",
    ]
    assert "slept 60 s (time.sleep)" in page([record])


def test_what_a_teardown_slept() -> None:
    """It is added to the test's own."""
    record = storm()
    record.extend(TestRecord(test="", sleeps=[sleep(5000, 1)]))
    assert [each.seconds for each in record.sleeps] == [2, 3600, 1]
