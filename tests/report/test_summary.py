"""The summary and the section of a failing test say what happened."""

from __future__ import annotations

import pytest

from abeja_emulator.report.records import JobRecord, TestRecord
from abeja_emulator.report.summary import CHARACTERS_SHOWN, JOBS_LISTED, cut, headline, seconds, section, size, summary
from tests.report.records import failed, faulted, learned, served
from tests.report.talkative import talkative


def test_the_summary_counts_and_lists() -> None:
    """Jobs by status, calls, refusals, evidence; last values, artifacts with sizes."""
    text = "\n".join(summary([learned(), failed()]))

    assert text.startswith("2 jobs (1 Complete, 1 Failed), 43 calls, 2 refused, 1 of them statistics")
    assert "evidence of the operations called: 1 inferred, 1 client" in text
    assert "train accuracy 0.75 loss 0.3333, validation accuracy 0.6 loss 0.6667" in text
    assert "model.h5 117.0 kB, logs/train/events 2.0 kB, logs/validation/events 1 B and 1 file more, 3 B" in text
    assert "KeyError: '<missing>'" in text
    assert "a statistic was refused: one statistic has at most" in text
    assert "--abeja-allow-host weights.example" in text


def test_services_and_runs_are_counted_and_listed() -> None:
    """By status; the section of a failing test has their logs."""
    text = "\n".join(summary([served()]))
    assert text.startswith("0 jobs, 1 service (1 FAILED), 1 run (1 SUCCEEDED), 1 call")
    assert "  service ser-1 of shapes  FAILED" in text
    assert "No module" not in text
    lines = section(served()).splitlines()
    place = lines.index("service ser-1 of shapes  FAILED")
    assert lines[place : place + 3] == ["service ser-1 of shapes  FAILED", "log", "  No module named '<main>'"]
    assert lines[-1] == "run run-1 of shapes  SUCCEEDED"


def test_faults_are_listed() -> None:
    """With what the client did because of them; the section says what it saw of each call."""
    lost = "fault create_dataset lost: fired once, 1 call of the client because of it"
    assert f"  {lost}" in summary([faulted()])
    text = section(faulted())
    assert lost in text
    assert "fault get_dataset status=503: did not fire" in text
    assert "GET /datasets → no answer (fault: answer lost, done with 200)" in text
    assert "GET /datasets → 200 (because of fault 1)" in text


def test_nothing_happened_nothing_is_said() -> None:
    """A run that never touched a platform has no summary."""
    assert summary([]) == []
    assert summary([TestRecord(test="test_x.py::test_x", outcome="passed")]) == []


def test_many_jobs_are_counted_and_not_listed() -> None:
    """The page has them all."""
    job = JobRecord(id="1", name="train:1", status="Complete")
    records = [TestRecord(test=f"test_{number}", outcome="passed", jobs=[job]) for number in range(3 * JOBS_LISTED)]

    lines = summary(records)

    assert len(lines) < 3 * JOBS_LISTED
    assert f"{3 * JOBS_LISTED} jobs" in lines[0]
    assert "--abeja-report" in lines[-1]


def test_the_section_has_calls_statistics_and_log() -> None:
    """What a person needs to see why it failed, the last things at hand."""
    text = section(failed())
    assert "GET /nowhere → 404: is no operation of the platform" in text
    assert "42 calls, of the last 2: update_statistics, GET /nowhere" in text
    assert "job broken:2  Failed  1 min 15 s" in text
    assert "Traceback" in text
    assert "  validation accuracy" in section(learned())


def test_no_line_is_longer_than_anybody_reads() -> None:
    """Of a log, a message, a path and its error: the beginning of each, and how much more there is."""
    for text in (section(talkative()), "\n".join(summary([talkative()]))):
        assert max(map(len, text.splitlines())) < 2 * CHARACTERS_SHOWN + 200
        assert f"  MESSAGE{'x' * (CHARACTERS_SHOWN - 7)}… (1000007 characters more)" in text
    lines = section(talkative()).splitlines()
    assert f"  {'y' * CHARACTERS_SHOWN}" in lines
    assert f"  {'z' * CHARACTERS_SHOWN}… (1 character more)" in lines
    assert "  the end" in lines


@pytest.mark.parametrize("more", [0, 1, 2, 10**6])
def test_a_line_is_cut_behind_what_is_shown(more: int) -> None:
    """One that is not longer stays as it is."""
    line = "a" * (CHARACTERS_SHOWN + more)
    assert cut(line).partition("…")[0] == "a" * CHARACTERS_SHOWN
    assert ("…" in cut(line)) == (more > 0)


def test_one_of_a_thing_is_singular() -> None:
    """And none of it is plural."""
    assert headline([learned()]) == "1 job (1 Complete), 1 call"
    assert headline([]) == "0 jobs, 0 calls"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 ms"), (0.0123, "12 ms"), (1.26, "1.3 s"), (61, "1 min 1 s"), (7322, "2 h 2 min")]
)
def test_durations_are_short(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2_000_000, "2.0 MB"), (3 * 10**9, "3.0 GB")]
)
def test_sizes_are_short(count: int, text: str) -> None:
    assert size(count) == text
