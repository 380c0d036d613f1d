"""A deadline passes by the Platform's clock, and for real where that stands still."""

from __future__ import annotations

import math

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.serving.deadline import Deadline


class Frozen(Clock):
    """A clock whose machine's time stands still."""

    def timestamp(self) -> float:
        """Return what is ahead, and nothing else."""
        return self.offset


class Real:
    """Stands for the monotonic clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Real:
    """Real time, which passes when a test says so."""
    made = Real()
    monkeypatch.setattr(Deadline, "_real", made)
    return made


def test_it_passes_with_the_platforms_clock(real: Real) -> None:
    """However little real time has passed."""
    clock = Frozen()
    deadline = Deadline(clock, 30)
    clock.advance(29.5)
    assert 0 < deadline.wait() <= 0.5
    clock.advance(0.5)
    with pytest.raises(TimeoutError):
        deadline.wait()
    assert real.now == 0


def test_it_passes_for_real(real: Real) -> None:
    """Where somebody has frozen the machine's time."""
    deadline = Deadline(Frozen(), 30)
    real.now = 29.99
    assert math.isclose(deadline.wait(), 0.01, rel_tol=0.01)
    real.now = 30
    with pytest.raises(TimeoutError):
        deadline.wait()


def test_without_an_end_it_never_passes(real: Real) -> None:
    """Not in a hundred years either."""
    clock = Frozen()
    deadline = Deadline(clock, None)
    clock.advance(3_000_000_000)
    real.now = 3e9
    assert deadline.wait() > 0
