"""The list of failures: what `tools/failures_page.py` writes from the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.faults.catalogue.pages import scenarios
from tests.programs import load_program

if TYPE_CHECKING:
    from pathlib import Path


def test_each_failure_is_listed_below_its_family() -> None:
    """With its title and a link to its page, which is there."""
    tool = load_program("failures_page")
    sections = tool.page().split("\n## ")[1:]

    assert len(sections) == len(tool.TITLES)
    for section, (family, title) in zip(sections, tool.TITLES.items()):
        assert section.startswith(title)
        for page in scenarios():
            row = f"[{page.name}]({tool.FOLDER}/{page.name}.md)"
            assert (row in section and page.title in section) == (page.family == family)
            assert (tool.PAGE.parent / tool.FOLDER / f"{page.name}.md").is_file()


def test_a_stale_list_is_noticed(tmp_path: Path) -> None:
    """`--check` says what to run, and writes nothing."""
    tool = load_program("failures_page")
    page = tmp_path / "failures.md"
    tool.main([], page)
    tool.main(["--check"], page)
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")

    with pytest.raises(SystemExit, match=r"is stale; run: python tools/failures_page\.py"):
        tool.main(["--check"], page)
    assert page.read_text(encoding="utf-8").endswith("\n\n")
