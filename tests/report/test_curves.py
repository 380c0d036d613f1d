"""Training curves are well-formed pictures of the numbers, whatever the numbers are."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abeja_emulator.report.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, curves, ticks
from tests.report.records import statistic

VALUES = st.one_of(
    st.none(), st.floats(width=32), st.integers(-(10**6), 10**6), st.sampled_from(["NaN", "Infinity", True, [], {}])
)


def lines(svg: str) -> list[list[tuple[float, float]]]:
    """Return the places of each line of a picture."""
    root = ET.fromstring(svg)  # noqa: S314 - our own
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in line.attrib["points"].split())]
        for line in root.iter("polyline")
    ]


def test_a_line_for_each_stage_and_a_picture_for_each_metric() -> None:
    """Accuracy first, then loss, then the rest; the horizontal axis is the epoch."""
    posted = [
        statistic(n, train={"extra": n, "loss": 1 / n, "accuracy": n / 4}, validation={"loss": 1}) for n in (1, 2)
    ]

    pictures = curves(posted)

    titles = [ET.fromstring(picture).attrib["aria-label"] for picture in pictures]  # noqa: S314
    assert titles == ["accuracy by epoch", "loss by epoch", "extra by epoch"]
    assert [len(lines(picture)) for picture in pictures] == [1, 2, 1]


def test_what_grows_goes_up_and_what_falls_goes_down() -> None:
    """The first epoch is left, the largest value on top."""
    (picture,) = curves([statistic(n, train={"accuracy": value}) for n, value in ((1, 0.25), (2, 0.5), (3, 1.0))])

    (points,) = lines(picture)

    assert points == [
        (LEFT, HEIGHT - BOTTOM),
        ((LEFT + WIDTH - RIGHT) / 2, pytest.approx(TOP + (HEIGHT - BOTTOM - TOP) * 2 / 3, abs=0.1)),
        (WIDTH - RIGHT, TOP),
    ]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "epoch": VALUES,
                "stages": st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=3), VALUES)),
            },
        ),
        max_size=8,
    )
)
def test_any_statistics_give_pictures_that_can_be_parsed(posted: list[dict[str, Any]]) -> None:
    """NaN, infinity, text, names with markup: none of them breaks the page, and no point leaves its picture."""
    for picture in curves(posted):
        for points in lines(picture):
            assert points
            assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in points)


def test_numbers_that_cannot_be_drawn_are_left_out() -> None:
    """The SDK sends NaN and infinity as text."""
    posted = [statistic(n, train={"loss": value}) for n, value in enumerate([1.0, "NaN", "Infinity", math.nan, 2.0], 1)]

    (points,) = lines(curves(posted)[0])

    assert len(points) == 2
    assert curves([statistic(1, train={"loss": "NaN"})]) == []


@pytest.mark.parametrize(
    "values", [[10**400, 1], [1e308, -1e308], [1.7e308, 1.7e308], [5e-324, 1e-323], [0, 5e-324], [-1e299, 1e299]]
)
def test_extreme_numbers_break_nothing(values: list[float]) -> None:
    """They are drawn, or left out; a report never ends a run."""
    posted = [statistic(n, train={"loss": value}) for n, value in enumerate(values, 1)]
    posted += [{"epoch": value, "stages": {"train": {"loss": 1.0}}} for value in values]
    for picture in curves(posted):
        assert lines(picture)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_within_the_axis(low: float, length: float) -> None:
    """Between one and six of them."""
    assume(length > 1e-6 * abs(low))
    high = low + length

    found = ticks(low, high)

    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 * length <= tick <= high + 1e-6 * length for tick in found)
