"""What clients see of each fault: the same in this process, in a child, and over plain loopback where both have it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.transports.errors import NeverAnswered
from tests.faults import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.faults.plan import FaultPlan

pytest.importorskip("abeja.datasets")

#: With urllib3 1.26 requests takes a body that is too short for a whole one, and only JSON that ends too soon tells.
CUT = (
    "requests.exceptions.JSONDecodeError: "
    if version("urllib3").startswith("1.")
    else "requests.exceptions.ChunkedEncodingError: ('Connection broken: IncompleteRead("
)

#: What the SDK raises, or the name of the dataset that it gets; each fault fires at the two attempts that it makes.
SEEN = {
    "get_dataset status=503": "abeja.exceptions.HttpError: ",
    "get_dataset status=400": "abeja.exceptions.BadRequest: ",
    "get_dataset status=429": "abeja.exceptions.HttpError: ",
    "get_dataset status=503 message='on purpose'": 'abeja.exceptions.HttpError: <HttpError "service_unavailable": on p',
    "get_dataset latency=0.01": "flowers",
    "get_dataset latency=60": "requests.exceptions.ConnectionError: ",
    "get_dataset reset=before": "requests.exceptions.ConnectionError: ",
    "get_dataset reset=during": "requests.exceptions.ChunkedEncodingError: ",
    "get_dataset reset=after": "requests.exceptions.ConnectionError: ",
    "get_dataset closed=before": "requests.exceptions.ConnectionError: ",
    "get_dataset closed=after": "requests.exceptions.ConnectionError: ",
    "get_dataset cut=10": CUT,
    "get_dataset cut=0": CUT,
    "get_dataset stall=10": "requests.exceptions.ConnectionError: ",
    "get_dataset drip=20000": "flowers",
    "get_dataset token=expired": "abeja.exceptions.Unauthorized: ",
    "get_dataset lost": "requests.exceptions.ConnectionError: ",
    "get_dataset lost=503": "abeja.exceptions.HttpError: ",
    "host api.abeja.io dns": "requests.exceptions.ConnectionError: ",
    "host api.abeja.io tls": "requests.exceptions.SSLError: ",
    "* refused": "requests.exceptions.ConnectionError: ",
}

#: What has to be somewhere in the causes of it.
CAUSES = {
    "get_dataset latency=60": "ReadTimeoutError",
    "get_dataset reset=before": "ConnectionResetError",
    "get_dataset closed=before": "RemoteDisconnected",
    "get_dataset stall=10": "ReadTimeoutError",
    "get_dataset lost": "ConnectionResetError",
    "host api.abeja.io dns": "socket.gaierror",
    "host api.abeja.io tls": "ssl.SSLCertVerificationError",
    "* refused": "ConnectionRefusedError",
}


@pytest.fixture(scope="module")
def emulation() -> Iterator[Emulation]:
    """A Platform in reach with one dataset."""
    with Platform() as platform, Emulation(platform) as emulation, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASET", str(platform.seed.dataset([], name="flowers")))
        yield emulation


@pytest.fixture
def faults(emulation: Emulation) -> Iterator[FaultPlan]:
    """The plan of that Platform, empty."""
    emulation.platform.faults.clear()
    yield emulation.platform.faults
    emulation.platform.faults.clear()


@pytest.fixture(scope="module")
def child(emulation: Emulation) -> Iterator[subprocess.Popen[str]]:
    """A child that asks when it is told to."""
    del emulation
    program = [sys.executable, str(Path(clients.__file__))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def ask(child: subprocess.Popen[str], client: str) -> str:
    """Return what a client in the child got."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{client}\n")
    child.stdin.flush()
    answer: str = json.loads(child.stdout.readline())
    return answer


@pytest.mark.parametrize("line", SEEN)
def test_what_the_sdk_raises(faults: FaultPlan, line: str) -> None:
    """Its own exception, with the cause that the system would give."""
    faults.add_line(f"{line} calls=1-2")
    seen = clients.outcome("sdk")
    assert seen.startswith(SEEN[line])
    assert CAUSES.get(line, "") in seen
    assert faults.unfired() == []


@pytest.mark.parametrize("client", clients.CLIENTS)
@pytest.mark.parametrize("line", SEEN)
def test_a_child_sees_the_same(faults: FaultPlan, child: subprocess.Popen[str], line: str, client: str) -> None:
    """The same exceptions with the same texts, down to their causes; the platform knows which answers came too late."""
    faults.add_line(f"{line} calls=1-2")
    here = clients.outcome(client)
    first = [(str(hit), hit.given_up) for hit in faults.fired]
    faults.clear()
    faults.add_line(f"{line} calls=1-2")
    assert ask(child, client) == here
    assert [(str(hit), hit.given_up) for hit in faults.fired] == first


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("get_dataset latency=0.3", "TimeoutError"),
        ("get_dataset reset=before", "ConnectionResetError"),
        ("get_dataset reset=during", "ConnectionResetError"),
        ("get_dataset closed=before", "RemoteDisconnected"),
        ("get_dataset cut=10", "IncompleteRead"),
        ("get_dataset stall=10", "TimeoutError"),
    ],
)
def test_a_client_that_is_not_led_sees_it_on_its_socket(
    emulation: Emulation, faults: FaultPlan, line: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one in another language: the bytes of its answer end as they would for real."""
    monkeypatch.setattr(clients, "TIMEOUT", 0.1)
    monkeypatch.setattr(clients, "_url", lambda: f"{emulation.url}/organizations/{_ids()}")
    faults.add_line(line)
    seen = clients.outcome("urllib")
    assert error in seen.replace("socket.timeout", "TimeoutError")


def test_a_stall_without_a_time_out_fails_at_once_and_says_so(
    emulation: Emulation, faults: FaultPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the platform the client would hang for ever; no retry swallows this."""
    del emulation
    monkeypatch.setattr(clients, "TIMEOUT", None)
    faults.add("get_dataset", stall=5)
    with pytest.raises(NeverAnswered, match=r"the answer of api\.abeja\.io stalled on purpose, .* without a time-out"):
        clients.plain_requests()


def test_an_upload_whose_answer_is_lost_is_there(emulation: Emulation, faults: FaultPlan) -> None:
    """And the client's own retry makes it a second time, as it would on the platform."""
    from abeja.datalake import APIClient

    channel = emulation.platform.seed.channel("uploads")
    faults.add("post_channel_file_upload", lost=True)
    APIClient(max_retry_count=1).post_channel_file_upload(channel, b"content", content_type="text/plain")
    assert len(emulation.platform.look.files(channel)) == 2
    assert len(faults.fired[0].because) == 1


def test_a_peer_that_goes_away_during_a_stall_ends_it(emulation: Emulation, faults: FaultPlan) -> None:
    """The server waits for nobody who has gone."""
    faults.add("get_dataset", stall=5)
    host, port = emulation.url.rpartition("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        token = os.environ["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
        head = f"GET /organizations/{_ids()} HTTP/1.1\r\nHost: api.abeja.io\r\nAuthorization: Bearer {token}\r\n\r\n"
        sock.sendall(head.encode())
        data = b""
        while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < 5:
            data += sock.recv(1000)
    assert len(data.partition(b"\r\n\r\n")[2]) == 5
    assert clients.outcome("sdk") == "flowers"


def _ids() -> str:
    return f"{os.environ['ABEJA_ORGANIZATION_ID']}/datasets/{os.environ['DATASET']}"
