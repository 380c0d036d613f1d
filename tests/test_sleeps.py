"""Who slept on a virtual clock."""

from __future__ import annotations

import pytest

from abeja_emulator.sleeps import REMEMBERED, Sleep, Sleeps


@pytest.mark.parametrize(
    ("sleep", "text"),
    [
        (Sleep(0, 2.0, "back-off", "urllib3.util.retry._sleep_backoff:383"), "slept 2 s (back-off)"),
        (Sleep(0, 0.25, "time.sleep", "train.handler:7"), "slept 0.25 s (time.sleep in train.handler:7)"),
        (Sleep(0, 3600, "latency", "", "child 7"), "slept 3600 s (latency, child 7)"),
        (Sleep(0, 31_536_001, "retrying"), "slept 31536001 s (retrying)"),
    ],
)
def test_in_words(sleep: Sleep, text: str) -> None:
    """How long, what for, where when that is the user's own code, and who when it is not the main thread."""
    assert str(sleep) == text


def test_the_last_ones_are_remembered() -> None:
    """Numbers go on, however many are forgotten."""
    sleeps = Sleeps()
    assert (sleeps.total, sleeps.since(0)) == (0, [])
    for number in range(REMEMBERED + 5):
        sleeps.add(Sleep(number, 1.0))
    assert sleeps.total == REMEMBERED + 5
    assert len(sleeps.since(0)) == REMEMBERED
    assert [sleep.at for sleep in sleeps.since(REMEMBERED + 3)] == [REMEMBERED + 3, REMEMBERED + 4]
