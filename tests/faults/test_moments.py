"""When a fault fires."""

from __future__ import annotations

from typing import Any

import pytest

from abeja_emulator.faults.moments import Moment, spans_of


def fires(moment: Moment, calls: int = 12) -> list[int]:
    """Return the numbers of the calls at which a fault fires."""
    fired: list[int] = []
    for call in range(1, calls + 1):
        if moment.has_come(call, len(fired), carried=100 * (call - 1)):
            fired.append(call)
    return fired


@pytest.mark.parametrize(
    ("moment", "calls"),
    [
        (Moment(), list(range(1, 13))),
        (Moment(spans_of(2)), [2]),
        (Moment(spans_of([1, 4])), [1, 4]),
        (Moment(spans_of("2-4,7")), [2, 3, 4, 7]),
        (Moment(spans_of("10-")), [10, 11, 12]),
        (Moment(spans_of(range(3, 5))), [3, 4]),
        (Moment(every=5), [5, 10]),
        (Moment(times=2), [1, 2]),
        (Moment(every=3, times=2), [3, 6]),
        (Moment(after_bytes=1000), [11, 12]),
        (Moment(spans_of("2-"), after_bytes=150, times=1), [3]),
    ],
)
def test_the_calls_at_which_it_fires(moment: Moment, calls: list[int]) -> None:
    """All that is said has to fit."""
    assert fires(moment) == calls


@pytest.mark.parametrize(
    ("moment", "calls", "fired", "over"),
    [
        (Moment(), 9, 9, False),
        (Moment(spans_of("1-3,7")), 6, 3, False),
        (Moment(spans_of("1-3,7")), 7, 4, True),
        (Moment(spans_of("1,4-")), 9, 6, False),
        (Moment(times=2), 9, 1, False),
        (Moment(times=2), 2, 2, True),
    ],
)
def test_it_is_over_where_no_later_call_can_be_one(moment: Moment, calls: int, fired: int, *, over: bool) -> None:
    """By their numbers, or by how often it fired."""
    assert moment.is_over(calls, fired) == over


@pytest.mark.parametrize("text", ["2", "1,4", "2-4,7", "10-"])
def test_a_moment_says_itself_as_it_was_said(text: str) -> None:
    """So that its line makes the same moment again."""
    assert str(Moment(spans_of(text), every=2)) == f"calls={text} every=2"


@pytest.mark.parametrize("calls", [0, -1, "0", "3-2", "first", "", "1,,2", [0], "1-2-3", 1.5])
def test_what_are_no_numbers_of_calls_is_refused(calls: Any) -> None:
    """With examples of what are."""
    with pytest.raises(ValueError, match=r"are no numbers of calls; they are counted from 1, such as 2, \[1, 2\]"):
        spans_of(calls)
