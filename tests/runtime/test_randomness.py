"""Random numbers of a job in this process repeat with a seed, and nobody else's change by it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from abeja_emulator.runtime.randomness import seed_of, seeded


def numbers() -> tuple[float, float]:
    """Return the next number of each generator."""
    return random.random(), float(np.random.random())  # noqa: S311, NPY002 - what handlers use


def test_numbers_repeat() -> None:
    """The same seed gives the same numbers, another one others; a large one is taken too."""
    found = []
    for seed in (1, 1, 2, 2**40):
        with seeded(seed):
            found.append(numbers())
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_the_outside_goes_on_as_if_nothing_was() -> None:
    """Both generators continue where they were, also when the job raises."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - what handlers use
    expected = numbers()
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002 - what handlers use
    with pytest.raises(ZeroDivisionError), seeded(5):
        assert numbers()[0] / 0
    assert numbers() == expected


def test_without_a_seed_nothing_is_done() -> None:
    """What is drawn inside is drawn outside too."""
    before = random.getstate()
    with seeded(None):
        numbers()
    assert random.getstate() != before


@pytest.mark.parametrize("text", ["-1", "1.5", "", "x", "١"])
def test_what_is_no_seed(text: str) -> None:
    """It is named, with an example of one."""
    with pytest.raises(ValueError, match="is no seed of random numbers: it is an integer from 0 on, such as 42"):
        seed_of(text)
    assert seed_of("42") == 42
