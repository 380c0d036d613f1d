"""Random numbers of a job in this process repeat with a seed, and nobody else's change by it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from abeja_emulator.runtime.randomness import OwnNumbers, seed_of, seeded


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


def test_one_who_comes_and_goes_goes_on_where_he_was() -> None:
    """As if nobody else had drawn a number meanwhile; and the outside as if he had not."""
    with seeded(3):
        expected = [numbers() for _ in range(3)]
    one, other = OwnNumbers(3), OwnNumbers(3)
    outside = random.getstate()
    found = []
    for _ in range(3):
        with one.entered():
            found.append(numbers())
            with other.entered():
                assert numbers() == found[-1]
    assert found == expected
    assert random.getstate() == outside


def test_what_he_drew_counts_even_if_he_fails() -> None:
    """The next time he gets the next number."""
    own = OwnNumbers(3)
    with pytest.raises(ZeroDivisionError), own.entered():
        assert numbers()[0] / 0
    with own.entered(), seeded(3):
        first = numbers()
    with own.entered():
        assert numbers() != first


def test_one_without_a_seed_draws_from_the_outside() -> None:
    """Nothing is put back."""
    before = random.getstate()
    with OwnNumbers(None).entered():
        numbers()
    assert random.getstate() != before
