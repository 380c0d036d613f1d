"""Each failure of the catalogue shows its symptom, and no longer without the fault or with the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalogue.harness import fault_of, missing, readable, ways_of

if TYPE_CHECKING:
    from abeja_emulator.faults.catalogue.scenario import Scenario
    from tests.catalogue.harness import Harness, Way

EACH = pytest.mark.parametrize(
    ("scenario", "way"),
    [pytest.param(page, way, id=f"{page.name}-{way}") for page in readable() for way in ways_of(page)],
)


@EACH
def test_a_page_shows_what_it_says(scenario: Scenario, way: Way, harness: Harness) -> None:
    """With the failure its test passes, in process and in a child; without it, or with the remedy, it fails."""
    if lacking := missing(scenario):
        pytest.skip(f"it needs {', '.join(lacking)}")
    outcome = harness.outcome(scenario, way)
    if outcome.skipped and not (outcome.failed or outcome.wrong):
        pytest.skip(outcome.text.partition("\n")[0])
    fault = fault_of(scenario, way, outcome)
    assert not fault, fault
