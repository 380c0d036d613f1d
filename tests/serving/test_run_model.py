"""Runs of real handlers, each in a process with the published runtime, driven by the real SDK."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from abeja.datalake.client import Client as DatalakeClient
from abeja.runs import APIClient as RunsAPI

from abeja_emulator.runtime.runner import MODE_VARIABLE
from abeja_emulator.serving.run_host import RunHost
from abeja_emulator.transports.loopback import Loopback
from tests.checked_platform import CheckedPlatform
from tests.serving.run_samples import PATIENCE, Maker, reached

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform

#: Says what it was asked, and what it is asked in; with an output the handler's own metadata go with it.
ECHO = """
import json, os, urllib.request

def own_run():
    path = "/organizations/{ABEJA_ORGANIZATION_ID}/deployments/{ABEJA_DEPLOYMENT_ID}/runs/{ABEJA_RUN_ID}"
    url = os.environ["ABEJA_API_URL"] + path.format(**os.environ)
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"]})
    with urllib.request.urlopen(request) as response:
        return json.load(response)

def handler(request, context):
    print("asked with", request["content_type"])
    said = {
        "method": request["http_method"],
        "headers": request["headers"],
        "contents": [
            {"type": each["content_type"], "metadata": each["metadata"], "body": each.read().decode()}
            for each in request["contents"]
        ],
        "variables": dict(os.environ),
        "folder": [name for name in os.listdir(os.getcwd()) if name != "__pycache__"],
        "status": own_run()["status"],
    }
    return {"content_type": "application/json", "content": said, "metadata": {"x-abeja-meta-label": "cat"}}
"""

#: Succeeds the third time, in the folder that its attempts share.
THIRD_TIME = """
import os, sys

def handler(request, context):
    with open("attempts", "a+") as file:
        file.write("x")
        file.seek(0)
        attempt = len(file.read())
    if attempt == 1:
        raise KeyError("acc")
    if attempt == 2:
        print("going", file=sys.stderr)
        os._exit(3)
    return {"content": ["done"]}
"""

HANGS = """
import signal, time

def handler(request, context):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    print("it hangs", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A Platform that the SDK reaches, and that asks everybody who they are."""
    with CheckedPlatform(auth="strict") as platform, reached(platform):
        yield platform


@pytest.fixture
def host(platform: Platform, tmp_path: Path) -> Iterator[RunHost]:
    """What runs them."""
    with (
        Loopback(platform) as loopback,
        RunHost(
            platform, tmp_path / "runs", api_url=lambda: loopback.url, random_seed=7, variables={"EPOCHS": "3"}
        ) as host,
    ):
        yield host
    assert not (tmp_path / "runs").exists()


def ended(host: RunHost, maker: Maker, run_id: str) -> tuple[str, list[str]]:
    """Wait until a run has ended, and return its status and its log."""
    return host.wait(run_id, PATIENCE).status, maker.log(run_id)


def test_a_file_comes_in_and_another_goes_out(host: RunHost, maker: Maker) -> None:
    """With type and metadata, both ways; the runner's variables are there, the user's, and a credential."""
    source, target = maker.channel("in"), maker.channel("out")
    file = (
        DatalakeClient(maker.organization)
        .get_channel(source)
        .upload(io.BytesIO(b"0,1\n"), "text/csv", metadata={"filename": "a.csv"})
    )
    template = {"$datalake:1": target}
    data = {"$datalake:1": f"{source}/{file.file_id}"}
    run_id = maker.run(
        maker.version(ECHO),
        input_data=data,
        output_template=template,
        environment={"A": "1", MODE_VARIABLE: "immediate"},
    )
    status, log = ended(host, maker, run_id)
    assert status == "SUCCEEDED", log
    ((name, kind, content, metadata),) = maker.files(target)
    assert (name, kind, metadata) == (f"{run_id}_0.json", "application/json", {"x-abeja-meta-label": "cat"})
    said = json.loads(content)
    variables: dict[str, Any] = said.pop("variables")
    assert said == {
        "method": "POST",
        "headers": [],
        "contents": [
            {
                "type": "text/csv",
                "metadata": {
                    "x-abeja-meta-filename": "a.csv",
                    "x-abeja-sys-meta-organizationid": maker.organization,
                },
                "body": "0,1\n",
            }
        ],
        "folder": ["main.py"],
        "status": "RUNNING",
    }
    assert json.loads(variables["INPUT"]) == data
    assert json.loads(variables["OUTPUT"]) == template
    assert (variables["ABEJA_RUN_ID"], variables["ABEJA_DEPLOYMENT_ID"]) == (run_id, maker.deployment)
    assert (variables["A"], variables["EPOCHS"]) == ("1", "3")
    assert not {"ABEJA_SERVICE_ID", MODE_VARIABLE} & set(variables)
    assert log[0] == "abeja-emulator: attempt 1 of 6"
    assert "asked with text/csv" in log
    assert log[-1] == f"abeja-emulator: the output is {target}/{maker.platform.look.files(target)[0].file_id}"
    recent = RunsAPI().get_run_recent_logs(maker.organization, maker.deployment, run_id)
    assert [event["message"] for event in recent["events"]] == log[::-1]


def test_each_attempt_is_a_process(host: RunHost, maker: Maker) -> None:
    """One that raises and one that exits are tried again, in the same folder, and the log tells them apart."""
    run_id = maker.run(maker.version(THIRD_TIME))
    status, log = ended(host, maker, run_id)
    assert status == "SUCCEEDED", log
    ours = [line.partition("abeja-emulator: ")[2] for line in log if line.startswith("abeja-emulator: attempt")]
    assert ours == [
        "attempt 1 of 6",
        "attempt 1 of 6 failed: the handler failed (unexpected error occurred)",
        "attempt 2 of 6",
        "attempt 2 of 6 failed: contact with the model was lost: its process ended with exit code 3",
        "attempt 3 of 6",
    ]
    places = [log.index(f"abeja-emulator: {line}") for line in ours]
    assert any("KeyError: 'acc'" in line for line in log[places[0] : places[1]])
    assert "going" in log[places[2] : places[3]]


def test_a_module_that_cannot_be_imported(host: RunHost, maker: Maker) -> None:
    """It is no handler that runs: the process is STARTING when it ends, and its log says why once."""
    run_id = maker.run(maker.version("import nowhere_to_be_found"), retry_count=0)
    status, log = ended(host, maker, run_id)
    assert status == "FAILED"
    assert log[-1].startswith("abeja-emulator: attempt 1 of 1 failed: the model cannot be served")
    assert "ModuleNotFoundError" in "".join(log[1:-1])
    assert [line for line in log if line.startswith("abeja-emulator: ")] == [log[0], log[-1]]
    assert "log ends" not in log[-1]


@pytest.mark.parametrize(
    "end", [RunHost.stop, lambda host: host.abandon(host.running()[0])], ids=["stopped", "abandoned"]
)
def test_a_handler_that_hangs(host: RunHost, maker: Maker, platform: Platform, end: Callable[[RunHost], None]) -> None:
    """It is killed, whatever signals it blocks, and nothing of it is left when that returns."""
    run_id = maker.run(maker.version(HANGS), retry_count=0)
    entry = host._queue.get(run_id)
    assert entry is not None
    while "it hangs" not in maker.log(run_id):
        assert not entry.ended.wait(0.01)
    process = entry.ticket.process
    assert process is not None
    end(host)
    assert process.has_ended()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert maker.status(run_id) == "FAILED"
    assert not platform.world.attendants.tokens


def test_a_trigger(host: RunHost, maker: Maker) -> None:
    """Each file is a run, whose output names the file it is of."""
    source, target = maker.channel("in"), maker.channel("out")
    code = "def handler(request, context): return {'content': [request.read().upper()]}"
    trigger = maker.trigger(source, target, version=maker.version(code))
    files = [maker.put(source, content) for content in (b"a", b"b")]
    runs = maker.runs_of(trigger)
    assert [host.wait(run_id, PATIENCE).status for run_id in runs] == ["SUCCEEDED"] * 2
    assert [maker.shown(run_id)["input_data"] for run_id in runs] == [{"$datalake:1": file} for file in files]
    contents = {name: content for name, _, content, _ in maker.files(target)}
    assert contents == {f"{run_id}_0.txt": content for run_id, content in zip(runs, (b"A", b"B"))}


def test_no_code(host: RunHost, maker: Maker) -> None:
    """A version to which nothing was uploaded fails its run with a sentence, and no process."""
    version = maker.version(None)
    status, log = ended(host, maker, maker.run(version))
    assert status == "FAILED"
    assert len(log) == 2
    assert version in log[1]
