"""When calls and sleeps happened in a test under virtual time, by the Platform's clock."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Optional, Union

from abeja_emulator.report.records import CallRecord, SleepRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.report.records import TestRecord

    Event = Union[CallRecord, SleepRecord]

#: Of a failing test, the last ones; a loop that asks every second for an hour is not read to its end.
LINES_LISTED = 40

#: In the one line of the summary, the first ones.
EVENTS_LISTED = 12

#: Of the calls between two sleeps; the others are counted.
CALLS_LISTED = 3


def events(record: TestRecord) -> list[Event]:
    """Return calls and sleeps in their order: a sleep begins behind the call that has the same time."""
    return sorted([*record.calls, *record.sleeps], key=lambda event: (event.after, isinstance(event, SleepRecord)))


def lines(record: TestRecord) -> list[str]:
    """Return the timeline of a test, a line an event; none when nobody slept."""
    if not record.sleeps:
        return []
    shown = [f"  {_in_full(event, count)}" for event, count in _shortened(record)]
    left_out = len(shown) - LINES_LISTED
    more = [f"  (… {left_out} lines before)"] if left_out > 0 else []
    return [heading(record), *more, *shown[-LINES_LISTED:]]


def line(record: TestRecord) -> str:
    """Return it in one line, `+0.0 s get_dataset 503 · slept 2 s · +2.0 s get_dataset 200`; empty when nobody slept."""
    if not record.sleeps:
        return ""
    shown = [_in_short(event, count) for event, count in _shortened(record)]
    more = len(shown) - EVENTS_LISTED
    return " · ".join([*shown[:EVENTS_LISTED], *([f"… {more} more"] if more > 0 else [])])


def heading(record: TestRecord) -> str:
    """Return how long was slept and why, `slept 30 s of virtual time: 4 × back-off`."""
    counts = Counter(sleep.why for sleep in record.sleeps)
    reasons = ", ".join(f"{count} × {why}" for why, count in counts.items())
    seconds, kept = sum(sleep.seconds for sleep in record.sleeps), len(record.sleeps)
    which = f", in the last {kept} of {record.sleeps_in_all} sleeps" if kept < record.sleeps_in_all else ""
    return f"slept {seconds:.10g} s of virtual time{which}: {reasons}"


def _shortened(record: TestRecord) -> Iterator[tuple[Optional[Event], int]]:
    """Yield events with how many times each was, equal sleeps together; None stands for calls that were left out."""
    for text, group in groupby(events(record), lambda event: event.text if isinstance(event, SleepRecord) else None):
        found = list(group)
        if text is not None:
            yield found[0], len(found)
            continue
        # One more is as short as to say so.
        shown = len(found) if len(found) <= CALLS_LISTED + 1 else CALLS_LISTED
        yield from ((event, 1) for event in found[:shown])
        if shown < len(found):
            yield None, len(found) - shown


def _in_full(event: Optional[Event], count: int) -> str:
    if event is None:
        return f"(… {count} more calls)"
    if isinstance(event, SleepRecord):
        return f"+{event.after:.1f} s  {_times(count)}{event.text}"
    return f"+{event.after:.1f} s  {event.method} {event.path} → {event.seen}"


def _in_short(event: Optional[Event], count: int) -> str:
    if event is None:
        return f"… {count} more calls"
    if isinstance(event, SleepRecord):
        return f"{_times(count)}slept {event.seconds:.10g} s"
    return f"+{event.after:.1f} s {event.operation or f'{event.method} {event.path}'} {event.status}"


def _times(count: int) -> str:
    return "" if count == 1 else f"{count} × "
