"""Steps: what is shown of each, and which of them is named when one fails."""

from __future__ import annotations

import io
import json
import os
import signal
import time

import pytest
import requests

from abeja_emulator.cli.exits import FAILED, STOPPED, CommandError, Terminated
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.signals import Signals
from abeja_emulator.cli.steps import Steps


def steps(*, json: bool = False, signals: Signals | None = None) -> tuple[Steps, io.StringIO]:
    """Return steps, and what they write."""
    stream = io.StringIO()
    return Steps(Output(json=json, stdout=stream, stderr=io.StringIO()), signals or Signals(), 2), stream


def test_each_is_shown_with_its_number_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heading when it begins, and a table of times at the end."""
    clock = iter([0.0, 1.5, 10.0, 10.25])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    done, stream = steps()
    for name in ("first", "second"):
        with done.step(name):
            pass
    done.show_times()
    assert stream.getvalue().splitlines() == [
        *("1/2 first", "", "2/2 second", ""),
        *("step    time", "first   1.5 s", "second  250 ms"),
    ]
    assert done.taken == {"first": 1.5, "second": 0.25}


def test_a_program_is_told_what_came_of_it() -> None:
    """The facts that were put into it, when it is done."""
    done, stream = steps(json=True)
    with done.step("first") as facts:
        facts["model_id"] = "1"
    told = json.loads(stream.getvalue())
    assert (told["event"], told["step"], told["model_id"]) == ("step", "first", "1")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("it broke", STOPPED), STOPPED),
        (requests.ConnectionError("it broke"), FAILED),
        (ConnectionRefusedError("it broke"), FAILED),
    ],
)
def test_what_fails_is_named(error: Exception, code: int) -> None:
    """Its name is in front of the sentence, the code stays, and a program is told, too."""
    done, stream = steps(json=True)
    with pytest.raises(CommandError, match=r"^second: it broke$") as caught, done.step("second"):
        raise error
    assert caught.value.code == code
    assert json.loads(stream.getvalue()) == {"event": "failed", "step": "second", "error": "it broke"}
    assert not done.taken


def test_a_defect_is_no_failure() -> None:
    """What nobody has foreseen is raised as it is."""
    done, _ = steps()
    with pytest.raises(ZeroDivisionError), done.step("first"):
        raise ZeroDivisionError


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_none_is_begun_after_a_signal(number: signal.Signals, error: type[BaseException]) -> None:
    """Once one has come, the next step is not begun."""
    signals = Signals()
    done, stream = steps(signals=signals)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with signals:
            with done.step("first"):
                os.kill(os.getpid(), number)
                assert signals.wait(60)
            with pytest.raises(error), done.step("second"):
                pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert "second" not in stream.getvalue()
