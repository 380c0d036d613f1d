"""docs/faults.md has all words there are, and its examples can be said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abeja_emulator.faults.effects import Confined
from abeja_emulator.faults.making import EFFECTS, MOMENTS, fault_of_line
from abeja_emulator.services.catalogue import all_operations

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
OPERATIONS = {each.name: (each.method, each.path) for each in all_operations()}


def section(heading: str) -> list[list[str]]:
    """Return the codes of each row of the table below a heading, those of its first cell."""
    text = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    return [re.findall(r"`([^`]+)`", cell) for cell in rows]


def words(heading: str) -> set[str]:
    """Return the words that a table explains."""
    return {code.partition("=")[0] for row in section(heading) for code in row}


def test_every_word_of_what_and_when_is_explained() -> None:
    """And none that there is not."""
    assert words("What") == set(EFFECTS)
    assert words("When") == {*MOMENTS, "optional"}
    assert words("Over which way") == set(EFFECTS)


@pytest.mark.parametrize("place", [code for row in section("Where") for code in row])
def test_the_places_can_be_said(place: str) -> None:
    """As they stand there."""
    assert fault_of_line(f"{place} status=503", OPERATIONS).place.text == place


@pytest.mark.parametrize("word", [code for row in section("What") for code in row])
def test_the_faults_can_be_said(word: str) -> None:
    """As they stand there."""
    assert fault_of_line(f"* {word}", OPERATIONS).effect.word == word.partition("=")[0]


@pytest.mark.parametrize("line", [code for row in section("The process of a job") for code in row])
def test_what_a_job_is_confined_to_can_be_said(line: str) -> None:
    """As it stands there."""
    assert isinstance(fault_of_line(line, OPERATIONS).effect, Confined)


@pytest.mark.parametrize("word", [code for row in section("When") for code in row])
def test_the_moments_can_be_said(word: str) -> None:
    """As they stand there."""
    fault_of_line(f"* status=503 {word}", OPERATIONS)
