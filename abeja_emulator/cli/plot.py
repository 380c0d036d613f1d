"""Training curves as text, one small picture for each metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    Points = list[tuple[float, float]]

WIDTH, HEIGHT = 60, 8

#: Of the stages in their order; where two meet, the later one is seen.
MARKS = "●○◆◇"
PLAIN_MARKS = "*o#+"

#: Metrics a person looks for first, and no others are drawn when there are these.
_FIRST = ("accuracy", "loss")

#: Beyond these a value has no place.
_LARGEST = 1e300


def curves(posted: Sequence[dict[str, Any]], *, unicode: bool = True) -> list[str]:
    """Return the lines of the pictures of accuracy and loss, or of whatever metrics there are.

    Args:
        posted: statistics as a job posted them.
        unicode: whether the terminal has more characters than ASCII.
    """
    table = Statistics(posted)
    metrics = list(dict.fromkeys(metric for stage in table.stages for metric in table[stage]))
    wanted = [metric for metric in _FIRST if metric in metrics] or metrics[:2]
    epochs = [epoch if _has_place(epoch) else number for number, epoch in enumerate(table.epochs, 1)]
    lines: list[str] = []
    for metric in wanted:
        found = {stage: _points(epochs, table[stage].get(metric, [])) for stage in table.stages}
        found = {stage: points for stage, points in found.items() if points}
        # A single point is no curve; its values are in the summary.
        if any(len(points) > 1 for points in found.values()):
            lines += _picture(metric, found, MARKS if unicode else PLAIN_MARKS, unicode=unicode)
    return lines


def _points(epochs: Sequence[float], values: Sequence[Any]) -> Points:
    return [(float(epoch), float(value)) for epoch, value in zip(epochs, values) if _has_place(value)]


def _has_place(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) < _LARGEST
    )


def _picture(metric: str, found: dict[str, Points], marks: str, *, unicode: bool) -> list[str]:
    every = [point for points in found.values() for point in points]
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]
    for number, points in enumerate(found.values()):
        for x, y in points:
            grid[HEIGHT - 1 - _place(y, low, high, HEIGHT)][_place(x, left, right, WIDTH)] = marks[number % len(marks)]
    # Values that are all the same have one label, on the line they are on.
    labels = {0: f"{high:.4g}", HEIGHT - 1: f"{low:.4g}"} if high > low else {HEIGHT - 1: f"{low:.4g}"}
    margin = max(map(len, labels.values()))
    legend = "   ".join(f"{marks[number % len(marks)]} {stage}" for number, stage in enumerate(found))
    side, corner, floor = ("│", "└", "─") if unicode else ("|", "+", "-")
    body = [f"{labels.get(row, ''):>{margin}} {side}{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
    ends = f"{left:g}".ljust(WIDTH - len(f"{right:g}")) + f"{right:g}"
    return [
        f"{metric}   {legend}",
        *body,
        f"{'':>{margin}} {corner}{floor * WIDTH}",
        f"{'':>{margin}}  {ends}  epoch",
    ]


def _place(value: float, low: float, high: float, size: int) -> int:
    if high <= low:
        return 0
    # Divided first: the difference of two numbers near the largest would be infinite.
    return round((value / 2 - low / 2) / (high / 2 - low / 2) * (size - 1))
