"""The file of a sweep: whole lines, whoever writes them, and what a later sweep takes from it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.faults.sweep_results import Base, Line, Result, ResultFile, code_of
from abeja_emulator.faults.sweep_verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path


def result(nth: int, code: str = "code", why: str = "") -> Result:
    """Return what was found at a call."""
    return Result(
        test="test_a.py::test_データ",
        place="get_dataset",
        nth=nth,
        column="lost",
        line=f"get_dataset lost calls={nth}",
        verdict=Verdict.WRONG,
        why=why,
        code=code,
    )


@pytest.fixture
def file(tmp_path: Path) -> ResultFile:
    """A file in a folder that is not there yet."""
    file = ResultFile(tmp_path / "new" / "runs")
    file.begin(resume=False)
    return file


def test_lines_come_back_as_they_were(file: ResultFile) -> None:
    """In their order."""
    said: list[Line] = [
        Base(test="a", calls=["get_dataset"], columns=["lost"], planned=1),
        result(1, why="失敗\nin two lines"),
    ]
    for each in said:
        file.add(each)
    assert file.lines() == said


def test_many_may_write_at_once(file: ResultFile) -> None:
    """Each opens the file anew, as other processes do, and no line is torn."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(file.add, [result(number, why="x" * 5_000) for number in range(200)]))
    assert sorted(line.nth for line in file.lines() if isinstance(line, Result)) == list(range(200))


def test_a_line_in_which_somebody_was_killed_is_left_out(file: ResultFile) -> None:
    """The others count."""
    file.add(result(1))
    content = file.path.read_bytes()
    file.path.write_bytes(content + content[:-20])
    assert file.lines() == [result(1)]


def test_a_later_sweep_finds_what_earlier_ones_have_found(file: ResultFile) -> None:
    """That before the last one too, and nothing when it begins anew."""
    file.add(result(1))
    file.begin(resume=True)
    file.add(result(2))
    file.begin(resume=True)
    assert file.lines() == []
    assert sorted(each.nth for each in file.earlier().values()) == [1, 2]
    assert file.earlier()[result(1).key] == result(1)
    file.begin(resume=False)
    assert file.earlier() == {}


def test_other_code_is_another_key() -> None:
    """What was found of it does not count."""
    assert result(1).key != result(1, code="other").key


def test_code_is_all_python_files_of_a_project(tmp_path: Path) -> None:
    """Those of environments and hidden folders, and other files, are none of it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("A = 1")
    known = code_of(tmp_path, "1.0")
    assert code_of(tmp_path, "1.0") == known
    assert code_of(tmp_path, "1.1") != known
    for name, marker in ((".hidden", ""), ("env", "pyvenv.cfg"), ("build", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / (marker or "x.txt")).touch()
        (tmp_path / name / "other.py").touch()
    (tmp_path / "data.csv").touch()
    assert code_of(tmp_path, "1.0") == known
    (tmp_path / "src" / "train.py").write_text("A = 2")
    assert code_of(tmp_path, "1.0") != known
