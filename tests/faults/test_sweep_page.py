"""The page of a sweep."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from abeja_emulator.faults.sweep_matrix import matrices
from abeja_emulator.faults.sweep_page import page
from abeja_emulator.faults.sweep_results import Base, Result
from abeja_emulator.faults.sweep_verdict import Verdict

WHY = "KeyError: \"<価格> & '税'\""


class Cells(HTMLParser):
    """Takes the table apart: the class, the hint and all text of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[list[str]] = []
        self.open: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a cell, or the hint within one."""
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        if tag == "td":
            self.cells.append([dict(attrs).get("class") or "", "", ""])
            self._inside = True
        if tag == "summary":
            self.cells[-1][1] = dict(attrs)["title"] or ""

    def handle_endtag(self, tag: str) -> None:
        """Check that what ends is what was begun last."""
        assert self.open.pop() == tag
        self._inside = self._inside and tag != "td"

    def handle_data(self, data: str) -> None:
        """Note the text of a cell."""
        if self._inside:
            self.cells[-1][2] += data


def a_page() -> str:
    """Return the page of a test with two calls, of which one was swept."""
    wrong = Result(
        test="test_値.py::test_<it>",
        place="get_dataset",
        nth=1,
        column="status=503",
        line="get_dataset status=503 calls=1",
        verdict=Verdict.WRONG,
        why=WHY,
    )
    base = Base(test=wrong.test, calls=["get_dataset", "list_datasets"], columns=["status=503"], planned=2)
    return page(matrices([base, wrong]))


def test_a_cell_shows_what_was_raised() -> None:
    """As a hint and when it is opened, text of any script included; a call without a run has an empty cell."""
    parser = Cells()
    parser.feed(a_page())
    assert parser.open == []
    (name, hint, text), empty = parser.cells
    assert name == "wrong"
    assert WHY in hint
    assert "get_dataset status=503 calls=1" in hint
    assert text.startswith("WRONG")
    assert WHY in text
    assert empty == ["", "", ""]


def test_a_page_needs_nothing_else() -> None:
    """No script, no address, and it says how it is written."""
    written = a_page()
    assert not re.search(r"https?://|<script|<link|src=|@import", written)
    assert '<meta charset="utf-8">' in written
    assert "test_値.py::test_&lt;it&gt;" in written
