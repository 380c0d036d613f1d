"""The page of emulated operations says what the declarations say, and `--check` notices when it does not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.operations import Access, Base, Evidence, Operation
from tests.programs import TOOLS, load_program

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

SCRIPT = TOOLS / "coverage_page.py"


@pytest.fixture
def tool() -> ModuleType:
    """The script, as a module of its own for each test."""
    return load_program("coverage_page")


class TestCheck:
    """`--check` and the writing."""

    def test_fresh(self, tool: ModuleType, tmp_path: Path) -> None:
        """A page that was just written passes, and writing it again changes nothing."""
        page = tmp_path / "coverage.md"
        tool.main([], page)
        written = page.read_bytes()
        tool.main(["--check"], page)
        tool.main([], page)
        assert page.read_bytes() == written

    @pytest.mark.parametrize(
        "change", [lambda text: text + "\n", lambda text: text.replace("| client |", "| recorded |", 1)]
    )
    def test_stale(self, tool: ModuleType, tmp_path: Path, change: Any) -> None:
        """A page that is another fails, says what to run, and is left as it is."""
        page = tmp_path / "coverage.md"
        tool.main([], page)
        stale = change(page.read_text(encoding="utf-8"))
        page.write_text(stale, encoding="utf-8")
        with pytest.raises(SystemExit, match=r"stale; run: python tools/coverage_page\.py"):
            tool.main(["--check"], page)
        assert page.read_text(encoding="utf-8") == stale

    def test_missing(self, tool: ModuleType, tmp_path: Path) -> None:
        """A page that is not there fails, and is not made."""
        with pytest.raises(SystemExit, match="stale"):
            tool.main(["--check"], tmp_path / "coverage.md")
        assert not list(tmp_path.iterdir())

    def test_declarations_changed(self, tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A page goes stale when an operation is declared otherwise, or is not there any more."""
        page = tmp_path / "coverage.md"
        tool.main([], page)
        monkeypatch.setattr(tool, "all_operations", lambda: all_operations()[1:])
        with pytest.raises(SystemExit, match="stale"):
            tool.main(["--check"], page)

    def test_where_it_is_written(self, tool: ModuleType) -> None:
        """Without a path, it is the page among the documents."""
        assert SCRIPT.parents[1] / "docs" / "coverage.md" == tool.PAGE


class TestPage:
    """What is on the page."""

    def test_every_operation_is_there_once(self, tool: ModuleType) -> None:
        """Each has one line: a row of role, refusals, evidence and source, or only its path when it is not emulated."""
        text = tool.page()
        for operation in all_operations():
            host = "<organization>." if operation.base is Base.ORGANIZATION else ""
            signed = " (signed URL)" if operation.access is Access.SIGNATURE else ""
            where = f"`{operation.method} {host}{operation.path}{signed}`"
            (line,) = [line for line in text.splitlines() if where in line]
            if operation.rule:
                cells = [
                    operation.summary,
                    "" if signed else operation.role.name.lower(),
                    ", ".join(map(str, operation.errors)),
                    operation.evidence.value,
                    operation.source,
                ]
                assert line == f"| {where} | " + " | ".join(cells) + " |"
            else:
                assert line == f"- {where}"

    def test_numbers(self, tool: ModuleType) -> None:
        """The table of services adds up to what the first sentence says."""
        text = tool.page()
        found = re.search(r"(\d+) of (\d+) operations are emulated", text)
        assert found is not None
        emulated, total = int(found[1]), int(found[2])
        assert total == len(all_operations())
        assert emulated == sum(1 for operation in all_operations() if operation.rule)
        rows = [
            list(map(int, re.findall(r"\| (\d+)", line)))
            for line in text.splitlines()
            if re.match(r"\| \S+ \| \d+ \|", line)
        ]
        assert [sum(column) for column in zip(*rows)][:2] == [emulated, total]
        assert all(row[0] == sum(row[2:]) for row in rows)

    def test_a_pipe_stays_in_its_cell(self, tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        """Text with a pipe does not break the table."""

        def rule(call: object) -> None:
            """Take this | that."""

        odd = Operation("odd", "GET", "/odd", rule, evidence=Evidence.INFERRED, source="a|b", service="odd")
        monkeypatch.setattr(tool, "all_operations", lambda: (odd,))
        assert r"| `GET /odd` | Take this \| that. | regular |  | inferred | a\|b |" in tool.page().splitlines()
