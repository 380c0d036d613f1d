"""The pages by name, and what they have in common."""

from __future__ import annotations

import ast
import re

import pytest

from abeja_emulator.faults.catalogue.pages import UnknownScenario, names, scenario, scenarios, text_of
from abeja_emulator.faults.catalogue.scenario import FAMILIES

#: Lines of a page.
LONGEST = 90

#: Failures of the catalogue, at least.
MANY = 40

EACH = pytest.mark.parametrize("name", names())


@EACH
def test_a_page_is_short_and_can_be_read(name: str) -> None:
    """And its files are programs, with one test at least."""
    page = scenario(name)

    assert len(text_of(name).splitlines()) <= LONGEST
    for file, code in {**page.files, **page.mended}.items():
        if file.endswith(".py"):
            ast.parse(code)
    assert "def test_" in page.files["test_it.py"]


@EACH
def test_a_page_names_only_pages_that_are_there(name: str) -> None:
    """What it refers to with `see` is a page of the catalogue."""
    page = scenario(name)
    prose = f"{page.symptom} {page.cause} {page.raised} {page.remedy}"
    for other in re.findall(r"(?:see|as in) `([a-z0-9-]+)`", prose):
        assert other in names()


def test_there_are_many_and_of_each_family() -> None:
    """Listed by family, and by name within it."""
    found = scenarios()

    assert len(found) == len(names()) >= MANY
    assert {page.family for page in found} == set(FAMILIES)
    assert found == sorted(found, key=lambda page: (FAMILIES.index(page.family), page.name))
    assert [page.name for page in scenarios("network")] == [page.name for page in found if page.family == "network"]


def test_an_unknown_name_gets_near_ones() -> None:
    """By spelling, by a word of it, by what the pages say, or the command that lists all."""
    with pytest.raises(UnknownScenario, match=r"is called 'platform-503-strom'; did you mean platform-503-storm"):
        scenario("platform-503-strom")
    with pytest.raises(UnknownScenario, match=r"did you mean .*statistics-"):
        scenario("statistics")
    with pytest.raises(UnknownScenario, match=r"it is what is said in .*download-stalls"):
        scenario("read  timed out")
    with pytest.raises(UnknownScenario, match=r"'  '; abeja-emulator faults list shows all of them"):
        scenario("  ")
    with pytest.raises(UnknownScenario, match=r"abeja-emulator faults list shows all of them"):
        scenario("zzz")
    with pytest.raises(UnknownScenario):
        text_of("../catalogue/platform-503-storm")
