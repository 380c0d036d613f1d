"""From words to a fault, and back to a line."""

from __future__ import annotations

from typing import Any

import pytest

from abeja_emulator.faults import effects
from abeja_emulator.faults.making import fault_of_line, make_fault
from abeja_emulator.services.catalogue import all_operations

OPERATIONS = {each.name: (each.method, each.path) for each in all_operations()}

LINES: dict[str, Any] = {
    "get_dataset status=503": effects.Status(503),
    "get_dataset status=429 retry_after=2": effects.Status(429, 2),
    "get_dataset status=400 message='no such thing'": effects.Status(400, None, "no such thing"),
    "get_dataset latency=0.5": effects.Latency(0.5),
    "get_dataset reset=before": effects.Reset("before"),
    "get_dataset reset=during": effects.Reset("during"),
    "get_dataset closed=after": effects.Closed("after"),
    "get_dataset cut=10": effects.Cut(10),
    "get_dataset stall=0": effects.Stall(0),
    "get_dataset drip=100": effects.Drip(100),
    "host api.abeja.io dns": effects.ConnectFailure("dns"),
    "host api.abeja.io tls": effects.ConnectFailure("tls"),
    "* refused": effects.ConnectFailure("refused"),
    "GET url=expired": effects.SignedUrl("expired"),
    "* token=expired": effects.Token(),
    "list_datasets stale": effects.Stale(),
    "post_channel_file_upload lost": effects.Lost(),
    "post_channel_file_upload lost=502": effects.Lost(502),
    "GET /channels/{channel_id}/{file_id} cut=1000": effects.Cut(1000),
    "s3:GetObject status=503": effects.Status(503),
    "https://weights.example/* reset=before": effects.Reset("before"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_makes_a_fault_that_says_itself_as_a_line(line: str) -> None:
    """Which makes the same fault again."""
    fault = fault_of_line(line, OPERATIONS)
    assert fault.effect == LINES[line]
    again = fault_of_line(str(fault), OPERATIONS)
    assert (again.effect, again.place, again.moment) == (fault.effect, fault.place, fault.moment)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("get_dataset reset", "get_dataset reset=before"),
        ("get_dataset stall", "get_dataset stall=0"),
        ("* token", "* token=expired"),
        ("get_dataset lost=reset", "get_dataset lost"),
        ("get_dataset latency=2s", "get_dataset latency=2"),
        ("get_dataset cut=10_000", "get_dataset cut=10000"),
        ("  get_dataset   status=503 ", "get_dataset status=503"),
    ],
)
def test_words_that_mean_the_same(line: str, same: str) -> None:
    """A word without a value has the value that is wanted most."""
    assert fault_of_line(line, OPERATIONS).effect == fault_of_line(same, OPERATIONS).effect


def test_it_fires_at_the_first_call_unless_it_says_when() -> None:
    """Or says anything of when."""
    assert str(fault_of_line("get_dataset status=503", OPERATIONS).moment) == "calls=1"
    assert str(fault_of_line("get_dataset status=503 every=2", OPERATIONS).moment) == "every=2"
    everything = "get_dataset status=503 calls=2- every=3 times=4 after_bytes=10 while_job=Active optional"
    fault = fault_of_line(everything, OPERATIONS)
    assert str(fault.moment) == "calls=2- every=3 times=4 after_bytes=10 while_job=Active"
    assert fault.optional
    assert str(fault) == everything


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "it says nothing that goes wrong; say one of status, latency"),
        ({"status": 503, "cut": 1}, "it says status and cut at once"),
        ({"sttus": 503}, "there is no fault 'sttus'; did you mean 'status'?"),
        ({"status": 200}, "status=200 is no status of an error; they go from 400 to 599"),
        ({"status": "many"}, "status='many' is no status"),
        ({"latency": -1}, "latency=-1 must be a number from 0 on"),
        ({"latency": float("nan")}, "latency=nan must be a number"),
        ({"latency": float("inf")}, "latency=inf must be a number"),
        ({"drip": 0}, "drip=0 never brings anything"),
        ({"cut": -1}, "cut=-1 must be a whole number from 0 on"),
        ({"cut": 1.5}, "cut=1.5 must be a whole number"),
        ({"reset": "sometimes"}, "reset='sometimes' must be before or during or after"),
        ({"token": "stolen"}, "token='stolen' must be expired"),
        ({"lost": 200}, "lost=200 is no status of an error"),
        ({"cut": 5, "retry_after": 1}, "retry_after belongs to status, not to cut"),
        ({"status": 503, "calls": 0}, "calls=0 are no numbers of calls"),
        ({"status": 503, "every": 0}, "every=0 must be a whole number from 1 on"),
        ({"status": 503, "while_job": "active"}, "no job has the status 'active'; did you mean 'Active'?"),
        ({"dns": True}, "dns happens before anything is asked, so it can be of a host or of everything"),
        ({"stale": "yes"}, "stale takes no value, not 'yes'"),
        ({"status": 503, "optional": "no"}, "optional takes no value, not 'no'"),
        ({"status": 503, "calls": []}, "calls=[] are none at all"),
        ({"status": 503, "message": "\udc80"}, "has characters that cannot be sent"),
        ({"latency": 1e300}, "latency=1e+300 is too long, the longest is 1,000,000"),
        ({"drip": 1e-9}, "drip=1e-09 is less than a byte in 1,000,000 seconds"),
        ({"tls": "yes"}, "tls takes no value, not 'yes'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(options: dict[str, Any], sentence: str) -> None:
    """Before any call is made."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        make_fault("get_dataset", options, OPERATIONS)
    assert str(caught.value).startswith("fault 'get_dataset': ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("world", ["s3", "https://weights.example/*"])
@pytest.mark.parametrize("word", ["url", "token", "stale"])
def test_what_only_the_platform_has_is_refused_elsewhere(world: str, word: str) -> None:
    """With what to say instead."""
    with pytest.raises(ValueError, match=f"{word} is of the platform alone: "):
        fault_of_line(f"{world} {word}", OPERATIONS)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "an empty line says no fault"),
        ("get_dataset status=503 status=404", "status is said twice"),
        ("get_dataset message='open", "No closing quotation"),
        ("get_dataset", "it says nothing that goes wrong"),
        ("disk result size=1MB", "jobs are confined by 'disk result_dir size=1MB'"),
        ("disk result_dir", "jobs are confined by"),
        ("disk result_dir size=much", "result_dir_size: "),
        ("network some", "jobs are confined by"),
        ("memory", "jobs are confined by"),
        ("get_dataset status", "status='' is no status"),
        ("network none optional=no", "optional takes no value, not 'no'"),
        (
            "create_dataset stale",
            "an answer can be stale where something is read, and create_dataset changes something",
        ),
        ("POST stale", "and POST changes something"),
    ],
)
def test_a_line_that_says_no_fault_is_refused(line: str, sentence: str) -> None:
    """Each with its own sentence."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        fault_of_line(line, OPERATIONS)
    assert sentence in str(caught.value)
