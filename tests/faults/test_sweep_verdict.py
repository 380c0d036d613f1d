"""The verdict on a run, by what its test has raised and what its jobs say."""

from __future__ import annotations

import json

import pytest
import requests
from abeja.exceptions import NotFound

from abeja_emulator.faults.sweep_verdict import Observation, Verdict, causes_of, is_of_a_client, judge

TRACEBACK = """\
12 items
Traceback (most recent call last):
  File "train.py", line 3, in handler
    {code}
{error}"""

CLIENT = TRACEBACK.format(code="get()", error="requests.exceptions.ConnectionError: ('Connection aborted.', …)")
FOREIGN = TRACEBACK.format(code="values['a']", error="KeyError: 'a'")
FROM = "\n\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\n\nDuring handling of the above exception, another exception occurred:\n\n"


def raised(error: BaseException, **more: object) -> Observation:
    """Return what is seen of a test that raises."""
    seen = Observation(reached=True, seconds=1.0, failure=repr(error), causes=list(causes_of(error)))
    for name, value in more.items():
        setattr(seen, name, value)
    return seen


def failed(*logs: str) -> Observation:
    """Return what is seen of a test that asserts that a job is Complete, which has failed."""
    return raised(AssertionError("assert 'Failed' == 'Complete'"), logs=logs)


def verdict(seen: Observation) -> Verdict:
    """Return the verdict alone."""
    return judge(seen)[0]


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(),
        requests.exceptions.ChunkedEncodingError(),
        NotFound("not_found", "no such thing"),
        ConnectionResetError(),
        TimeoutError(),
        type("OwnError", (requests.RequestException,), {})(),
    ],
)
def test_an_exception_of_a_client_is_right(error: Exception) -> None:
    """That of any client, and one that somebody has made of it by inheritance."""
    assert verdict(raised(error)) is Verdict.RIGHT


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a"),
        AssertionError(),
        OSError(),
        json.JSONDecodeError("", "", 0),
        requests.exceptions.JSONDecodeError("", "", 0),
    ],
)
def test_any_other_is_wrong(error: Exception) -> None:
    """That an answer is no JSON says nothing of a call that has failed, whosoever says it."""
    assert verdict(raised(error)) is Verdict.WRONG


def test_one_that_names_its_cause_is_as_right_as_that() -> None:
    """`raise … from`; what is raised by accident while another is handled is wrong."""
    on_purpose, by_accident = RuntimeError("no data"), RuntimeError("no data")
    on_purpose.__cause__ = requests.ConnectionError()
    by_accident.__context__ = requests.ConnectionError()
    assert verdict(raised(on_purpose)) is Verdict.RIGHT
    assert verdict(raised(by_accident)) is Verdict.WRONG


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        (CLIENT, Verdict.RIGHT),
        (FOREIGN, Verdict.WRONG),
        (CLIENT + FROM + FOREIGN, Verdict.RIGHT),
        (CLIENT + DURING + FOREIGN, Verdict.WRONG),
        (FOREIGN + DURING + CLIENT, Verdict.RIGHT),
        (CLIENT + "\n" + FOREIGN, Verdict.WRONG),
        ("abeja.exceptions.InternalServerError: <InternalServerError>", Verdict.RIGHT),
        ("exit code 1", Verdict.WRONG),
        ("", Verdict.WRONG),
    ],
)
def test_of_a_job_the_log_tells(log: str, wanted: Verdict) -> None:
    """The exception with which it ends, not one that was logged before."""
    assert verdict(failed(log)) is wanted


def test_why_says_what_the_job_has_raised() -> None:
    """Before what the test asserts of it."""
    assert judge(failed(CLIENT))[1].startswith("requests.exceptions.ConnectionError: ('Connection aborted.'")
    assert judge(failed(FOREIGN))[1].splitlines()[0] == "KeyError: 'a'"


def test_worse_comes_before_better() -> None:
    """A run that was ended hangs, whatever is there twice; what is there twice counts though the test passes."""
    assert verdict(raised(KeyError(), hangs=True, duplicates=["twice"])) is Verdict.HANGS
    assert verdict(Observation(reached=True, seconds=1.0, duplicates=["twice"])) is Verdict.DUPLICATES
    assert verdict(raised(requests.ConnectionError(), duplicates=["twice"])) is Verdict.DUPLICATES
    assert verdict(Observation(reached=True, seconds=1.0)) is Verdict.SURVIVES


def test_a_client_without_a_time_out_hangs() -> None:
    """The emulator does not wait for ever: it raises, in the test or in a job."""
    log = TRACEBACK.format(code="get()", error="abeja_emulator_child.NeverAnswered: api.abeja.io")
    assert verdict(failed(log)) is Verdict.HANGS


def test_a_call_that_was_not_made_proves_nothing() -> None:
    """Whether the test passes or fails; that it fails without a fault is said."""
    assert judge(Observation(reached=False, seconds=1.0)) == (Verdict.NOT_REACHED, "")
    found, why = judge(raised(KeyError("a"), reached=False))
    assert found is Verdict.NOT_REACHED
    assert "without the fault it failed: KeyError('a')" in why


def test_a_package_is_known_by_its_whole_name() -> None:
    """`abeja_emulator` and `requestsomething` are not `abeja` and `requests`."""
    assert is_of_a_client("abeja.exceptions.NotFound")
    assert not is_of_a_client("abeja_emulator.transports.errors.UnknownHostError")
    assert not is_of_a_client("requestsomething.Error")
