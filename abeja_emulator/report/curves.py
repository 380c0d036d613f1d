"""Training curves as SVG pictures, one for each metric.

Written here rather than by a plotting library: a page has to be one file that opens anywhere, and
matplotlib takes longer to import than most tests take to run. Scales and ticks are the whole of it.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from abeja_emulator.report.redaction import legible
from abeja_emulator.runtime.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    Points = list[tuple[float, float]]

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 28, 30

#: Told apart without colour too: each has dashes of its own.
STYLES = (("#1f6feb", ""), ("#d9730d", "6 3"), ("#2da44e", "2 3"), ("#8250df", "8 3 2 3"))

#: About so many ticks on each axis.
TICKS = 5

#: Numbers beyond these are not drawn, and differences below are none.
_LARGEST = 1e300
_SMALLEST = 1e-300

#: Values closer than this, in relation to their size, are one: no picture could show the difference.
_APART = 1e-9

#: A line of more points than this is drawn without a dot on each.
DOTS = 60


def curves(statistics: Sequence[dict[str, Any]]) -> list[str]:
    """Return one `<svg>` for each metric that has numbers, accuracy and loss first.

    Args:
        statistics: what a job posted; `epoch` is the horizontal axis, or the place in the order where
            one has none.
    """
    table = Statistics(statistics)
    metrics = dict.fromkeys(metric for stage in table.stages for metric in table[stage])
    ordered = sorted(metrics, key=lambda metric: {"accuracy": 0, "loss": 1}.get(metric, 2))
    epochs = [float(epoch) if _is_finite(epoch) else float(number) for number, epoch in enumerate(table.epochs, 1)]
    drawn = []
    for metric in ordered:
        lines = {stage: _points(epochs, table[stage].get(metric, [])) for stage in table.stages}
        lines = {stage: points for stage, points in lines.items() if points}
        if lines:
            drawn.append(_chart(metric, lines))
    return drawn


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`, about `TICKS` of them."""
    step = 10.0 ** math.floor(math.log10((high - low) / TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= TICKS)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _points(epochs: Sequence[float], values: Sequence[Any]) -> Points:
    return [(epoch, float(value)) for epoch, value in zip(epochs, values) if _is_finite(value)]


def _is_finite(value: Any) -> bool:
    """Tell whether there is a place for a value: NaN and infinity (the SDK sends them as text) have none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    # Beyond the largest, the length of an axis would be infinite.
    return -_LARGEST <= value <= _LARGEST


def _chart(metric: str, lines: dict[str, Points]) -> str:
    metric = legible(metric)
    x_low, x_high = _range([x for points in lines.values() for x, _ in points])
    y_low, y_high = _range([y for points in lines.values() for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        up = (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    parts = [
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(metric)} by epoch">',
        f'<text class="title" x="{LEFT}" y="16">{escape(metric)}</text>',
    ]
    for tick in ticks(y_low, y_high):
        _, y = place(x_low, tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{tick:.4g}</text>')
    for tick in ticks(x_low, x_high):
        if tick == round(tick):  # there is no half of an epoch
            x, _ = place(tick, y_low)
            parts.append(f'<text class="tick" x="{x}" y="{HEIGHT - 12}" text-anchor="middle">{tick:.0f}</text>')
    parts.append(f'<text class="tick" x="{LEFT - 6}" y="{HEIGHT - 12}" text-anchor="end">epoch</text>')
    for number, (stage, points) in enumerate(lines.items()):
        parts += _line(stage, points, [place(x, y) for x, y in points], number)
    return "".join([*parts, "</svg>"])


def _line(stage: str, points: Points, places: Points, number: int) -> list[str]:
    stage = legible(stage)
    colour, dashes = STYLES[number % len(STYLES)]
    text = " ".join(f"{x},{y}" for x, y in places)
    x = WIDTH - RIGHT - 92 * (number % 3 + 1) + 92
    parts = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}" points="{text}"/>',
        f'<text class="legend" x="{x}" y="16" text-anchor="end" style="fill:{colour}">{escape(stage)}</text>',
    ]
    if len(points) <= DOTS:
        parts += [
            f'<circle cx="{cx}" cy="{cy}" r="3" fill="{colour}">'
            f"<title>{escape(stage)}, epoch {epoch:g}: {value:.6g}</title></circle>"
            for (cx, cy), (epoch, value) in zip(places, points)
        ]
    return parts


def _range(values: list[float]) -> tuple[float, float]:
    """Return the ends of an axis; one value, however often, gets room on both sides."""
    low, high = min(values), max(values)
    if high - low <= max(_APART * max(abs(low), abs(high)), _SMALLEST):
        room = abs(low) * 0.5 if abs(low) > _SMALLEST else 0.5
        return low - room, high + room
    return low, high
