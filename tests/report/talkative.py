"""A test with texts that are longer than anybody reads."""

from __future__ import annotations

from abeja_emulator.report.records import JobRecord, TestRecord
from abeja_emulator.report.summary import CHARACTERS_SHOWN
from tests.report.records import call


def talkative() -> TestRecord:
    """Return a test with texts of every length: as long as is shown, one more, and a million more."""
    endless = "x" * (CHARACTERS_SHOWN + 10**6)
    return TestRecord(
        test="test_train.py::test_it_talks",
        outcome="failed",
        jobs=[
            JobRecord(
                id="1100000000009",
                name="talkative:1",
                status="Failed",
                message=f"MESSAGE{endless}",
                refused_statistics=[f"REFUSED{endless}"],
                log=["y" * CHARACTERS_SHOWN, "z" * (CHARACTERS_SHOWN + 1), endless, "the end"],
            )
        ],
        calls=[call(0.5, f"/{endless}", 404, error=f"ERROR{endless}", operation=None, evidence=None)],
        calls_in_all=1,
    )
