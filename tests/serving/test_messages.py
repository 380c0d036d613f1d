"""The time that a model has for an answer, as a person gives it."""

from __future__ import annotations

from typing import Any

import pytest

from abeja_emulator.serving.messages import checked_timeout, timeout_of


@pytest.mark.parametrize("text", ["2.5", " 2.5 ", "25e-1"])
def test_a_text_may_be_any_number(text: str) -> None:
    """As Python reads it."""
    assert timeout_of(text) == 2.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("soon", "'soon' is no number of seconds"),
        ("0", "is 0.0; it must"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("-1", "-1"),
    ],
)
def test_a_text_that_is_none(text: str, words: str) -> None:
    """A sentence says what it must be."""
    with pytest.raises(ValueError, match=words):
        timeout_of(text)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "3", None])
def test_a_time_that_cannot_pass(seconds: Any) -> None:
    """Nothing but a number over 0 is one."""
    with pytest.raises(ValueError, match="must be a number of seconds over 0"):
        checked_timeout(seconds)
