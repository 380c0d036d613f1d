"""Curves as text: every value at its place, whatever the values are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.cli.plot import HEIGHT, MARKS, WIDTH, curves


def posted(values: list[Any], metric: str = "loss", stage: str = "train") -> list[dict[str, Any]]:
    """Return statistics of as many epochs."""
    return [{"epoch": epoch, "stages": {stage: {metric: value}}} for epoch, value in enumerate(values, 1)]


def test_a_line_that_rises() -> None:
    """The first value is at the lower left, the last at the upper right, and the ends of both axes are named."""
    title, *body, floor, ends = curves(posted([0, 1, 2, 3], "accuracy"))
    assert title == "accuracy   ● train"
    assert len(body) == HEIGHT
    assert body[0] == "3 │" + " " * (WIDTH - 1) + "●"
    assert body[-1] == "0 │●"
    assert floor == "  └" + "─" * WIDTH
    assert ends.split() == ["1", "4", "epoch"]


def test_the_first_metrics() -> None:
    """Accuracy and loss are drawn, in this order, and others only when there are neither."""
    stages = {"train": {"speed": 1, "loss": 2, "accuracy": 3}}
    both = curves([{"epoch": epoch, "stages": stages} for epoch in (1, 2)])
    assert [line.split()[0] for line in both if "● train" in line] == ["accuracy", "loss"]
    assert curves(posted([1, 2], "speed"))[0].startswith("speed")


def test_stages_have_marks_of_their_own() -> None:
    """Each stage is told from the others, also where a terminal has ASCII only."""
    both = [{"epoch": n, "stages": {"train": {"loss": n}, "validation": {"loss": -n}}} for n in (1, 2, 3)]
    text = "\n".join(curves(both))
    assert (text.count("●"), text.count("○")) == (4, 4)
    legend, *body = curves(both, unicode=False)
    assert legend == "loss   * train   o validation"
    plain = "\n".join(body[:HEIGHT])
    assert plain.isascii()
    assert (plain.count("*"), plain.count("o")) == (3, 3)


def test_nothing_to_draw() -> None:
    """No statistics, one point, or no numbers make no picture."""
    assert curves([]) == []
    assert curves(posted([1])) == []
    assert curves(posted(["NaN", "Infinity", None, True])) == []
    assert curves([{"note": "no stages"}, {"stages": {}}]) == []


@given(st.lists(st.none() | st.booleans() | st.text(max_size=3) | st.integers() | st.floats(), max_size=40))
def test_any_values(values: list[Any]) -> None:
    """Whatever was posted, a picture keeps to its size, and only what is a number has a mark."""
    lines = curves(posted(values))
    assert len(lines) in {0, HEIGHT + 3}
    marked = sum(line.count(MARKS[0]) for line in lines[1:])
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    assert marked <= len(numbers)
    margin = lines[1].index("│") if lines else 0
    assert all(len(line) <= margin + 1 + WIDTH for line in lines[1 : HEIGHT + 1])
