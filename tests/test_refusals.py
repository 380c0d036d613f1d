"""Refused calls are taken once, name what left them over, and say what to do."""

from __future__ import annotations

from typing import Optional

import pytest

from abeja_emulator.refusals import Refusals
from abeja_emulator.transports.errors import RefusedCall


def test_each_is_taken_once() -> None:
    """And stays in the whole list."""
    refusals = Refusals(dict[Optional[float], str]().get)
    refusals.add(RefusedCall("one.example"))
    assert [refusal.call.host for refusal in refusals.take()] == ["one.example"]
    refusals.add(RefusedCall("two.example", 80))
    assert [refusal.call.host for refusal in refusals.take()] == ["two.example"]
    assert refusals.take() == []
    assert [call.host for call in refusals] == [call.host for call in refusals[:]] == ["one.example", "two.example"]


def test_what_is_left_over_is_named() -> None:
    """By the time at which the process was born that called."""
    refusals = Refusals(lambda born: "test_it.py::test_one" if born == 1.5 else None)
    refusals.add(RefusedCall("one.example", 80, born=1.5))
    refusals.add(RefusedCall("one.example", 80, born=2.5))
    late, own = refusals.take()
    assert (late.left_by, own.left_by) == ("test_it.py::test_one", None)
    assert str(late).startswith(
        "refused a connection to one.example:80 by what test_it.py::test_one left running: while the ABEJA Platform"
    )


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("unknown", "--abeja-allow-host one.example"), ("platform", "ABEJA_API_URL"), ("emulated", "abeja_server")],
)
def test_each_kind_has_its_advice(kind: str, advice: str) -> None:
    """In the error of the client and in the list of refusals alike."""
    assert advice in RefusedCall("one.example", kind=kind).advice
