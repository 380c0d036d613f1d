"""The matrix, as text."""

from __future__ import annotations

from abeja_emulator.faults.sweep_matrix import LEGEND, matrices, text
from abeja_emulator.faults.sweep_results import Base, Line, Result
from abeja_emulator.faults.sweep_verdict import Verdict

TEST = "test_a.py::test_it"
COLUMNS = ["status=503", "lost"]
CALLS = ["get_dataset", "create_dataset_item", "create_dataset_item"]


def base(**more: object) -> Base:
    """Return the run without a fault."""
    said = Base(test=TEST, seconds=0.5, limit=10.0, calls=CALLS, columns=COLUMNS, planned=5)
    for name, value in more.items():
        setattr(said, name, value)
    return said


def result(place: str, nth: int, column: str, verdict: Verdict = Verdict.SURVIVES, why: str = "") -> Result:
    """Return what was found of a call."""
    line = f"{place} {column} calls={nth}"
    return Result(test=TEST, place=place, nth=nth, column=column, line=line, verdict=verdict, why=why)


ITEM = "create_dataset_item"
WHOLE: list[Line] = [
    base(),
    result("get_dataset", 1, "status=503"),
    result(ITEM, 1, "status=503", Verdict.RIGHT, "abeja.exceptions.HttpError"),
    result(ITEM, 2, "status=503"),
    result(ITEM, 1, "lost"),
    result(ITEM, 2, "lost", Verdict.DUPLICATES, "item 2 was made twice"),
]


def test_only_bad_rows_are_shown() -> None:
    """With what is bad, and how to see it alone."""
    assert list(text(matrices(WHOLE), whole=False)) == [
        f"{TEST}: 3 calls, 5 runs, limit 10 s: 3 survive, 1 ends in the right exception, 1 duplicates data",
        "  call                   status=503  lost",
        "  3 create_dataset_item  ok          TWICE",
        "  TWICE create_dataset_item lost calls=2",
        "    item 2 was made twice",
        LEGEND,
        f"to see one alone: pytest --abeja-emulate '{TEST}' --abeja-fault 'create_dataset_item lost calls=2'",
    ]


def test_all_rows_are_shown_when_they_are_wanted() -> None:
    """A dot where there is no run: a read has no lost answer."""
    lines = list(text(matrices(WHOLE), whole=True))
    assert lines[1:5] == [
        "  call                   status=503  lost",
        "  1 get_dataset          ok          .",
        "  2 create_dataset_item  exc         ok",
        "  3 create_dataset_item  ok          TWICE",
    ]


def test_where_nothing_is_bad_one_line_is_enough() -> None:
    """What was left out is in it, with the reason."""
    lines = list(text(matrices([base(why="the budget is spent"), WHOLE[1]]), whole=False))
    assert lines == [f"{TEST}: 3 calls, 1 run, limit 10 s: 1 survives; 4 left out: the budget is spent"]


def test_parts_of_several_processes_are_one_matrix() -> None:
    """What is planned adds up; the longest run says which calls there are."""
    lines = [base(planned=3), base(planned=2, part=1, calls=[*CALLS, "get_dataset"]), *WHOLE[1:]]
    (matrix,) = matrices(lines)
    assert matrix.left_out == 0
    assert [call.number for call in matrix.calls] == [1, 2, 3, 4]


def test_a_test_without_a_sweep_says_why() -> None:
    """In one line."""
    (matrix,) = matrices([Base(test=TEST, why="no sweep: it is skipped")])
    assert matrix.headline == f"{TEST}: no sweep: it is skipped"


def test_a_test_that_fails_without_its_fault_is_told() -> None:
    """Once, though it does so in every run."""
    failed = [
        result("get_dataset", 1, column, Verdict.NOT_REACHED, "without the fault it failed") for column in COLUMNS
    ]
    lines = list(text(matrices([base(), *failed]), whole=False))
    assert lines[1:] == ["  - without the fault it failed"]
