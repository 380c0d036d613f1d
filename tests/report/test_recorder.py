"""What a test did to a platform is taken down from its state, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from abeja.datasets import APIClient
from abeja.deployments import APIClient as Deployments
from abeja.runs import APIClient as Runs
from abeja.services import APIClient as Services
from abeja.train.client import Client
from abeja.train.statistics import Statistics

from abeja_emulator.report.recorder import CALLS_KEPT, Recorder
from abeja_emulator.report.records import pack, unpack
from abeja_emulator.sleeps import Sleep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.serving.run_host import RunHost
    from abeja_emulator.serving.service_host import ServiceHost

IMAGE = "abeja-inc/all-cpu:19.10"


def work(context: object) -> None:
    """Print secrets, leave files, post two statistics of which one is too large."""
    import os
    from pathlib import Path

    del context
    print("token", os.environ["PLATFORM_AUTH_TOKEN"])
    print("\x1b[31mred\x1b[0m")
    (Path(os.environ["ABEJA_TRAINING_RESULT_DIR"]) / "model.txt").write_text("model")
    client = Client()
    client.update_statistics(Statistics(num_epochs=1, epoch=1, text="x" * 1_100_000))
    statistics = Statistics(num_epochs=1, epoch=1)
    statistics.add_stage(Statistics.STAGE_TRAIN, accuracy=0.5, loss=0.25)
    client.update_statistics(statistics)


def test_a_job_is_taken_down(abeja: Platform, abeja_train: Callable[..., TrainedJob]) -> None:
    """Status, duration, statistics, the refused one, artifacts with sizes, log without the token."""
    recorder = Recorder(abeja)
    trained = abeja_train(work)

    record = recorder.record("test")

    (job,) = record.jobs
    assert (job.id, job.status, job.message) == (trained.id, "Complete", None)
    assert job.seconds is not None
    assert job.seconds >= 0
    assert [statistic["stages"] for statistic in job.statistics] == [{"train": {"accuracy": 0.5, "loss": 0.25}}]
    assert len(job.refused_statistics) == 1
    assert "1048576" in job.refused_statistics[0]
    assert job.artifacts == {"model.txt": 5}
    assert "red" in job.log
    token = abeja.look.job(trained.id).token
    assert all(token not in line for line in job.log)
    assert unpack(pack(record)) == record


def test_services_and_runs_are_taken_down(abeja: Platform, abeja_services: ServiceHost, abeja_runs: RunHost) -> None:
    """What is new, with the log that says why it failed; later only what has failed, until it is gone."""
    organization, deployments, services = abeja.organization.id, Deployments(), Services()
    before = Recorder(abeja)
    deployment = deployments.create_deployment(organization, "mine")["deployment_id"]
    version = deployments.create_deployment_version(organization, deployment, "1", "main:handler", IMAGE)["version_id"]
    service = services.create_service(organization, deployment, version)["service_id"]
    run = Runs().create_run(organization, deployment, version, [1])["run_id"]
    assert (abeja_services.wait(service, 60).status, abeja_runs.wait(run, 60).status) == ("FAILED", "FAILED")

    record = before.record("test")

    assert [(each.kind, each.id, each.name, each.status) for each in record.models] == [
        ("service", service, "mine", "FAILED"),
        ("run", run, "mine", "FAILED"),
    ]
    assert all(any("upload_url" in line for line in each.log) for each in record.models)
    assert unpack(pack(record)) == record
    assert [each.id for each in before.record("another test").models] == [service]


def test_only_what_came_after_is_taken_down(abeja: Platform, abeja_train: Callable[..., TrainedJob]) -> None:
    """Neither the jobs nor the calls of another test."""
    abeja_train(lambda _context: None)
    APIClient().list_datasets(abeja.organization.id)
    recorder = Recorder(abeja)

    record = recorder.record("test")

    assert (record.jobs, record.calls, record.calls_in_all) == ([], [], 0)


def test_calls_say_when_what_and_how_it_is_known(abeja: Platform) -> None:
    """Refusals with their sentence; signatures and tokens never."""
    recorder = Recorder(abeja)
    channel = abeja.seed.channel("c")
    file = abeja.seed.file(channel, "text")
    headers = {"Authorization": "Bearer s3cr3t-s3cr3t"}
    answer = requests.get(f"https://api.abeja.io/channels/{channel}/{file}?token=s3cr3t", headers=headers, timeout=5)
    requests.get(answer.json()["download_uri"], timeout=5)
    requests.get(answer.json()["download_uri"] + "x", timeout=5)
    requests.get("https://api.abeja.io/nowhere", headers=headers, timeout=5)

    calls = recorder.record("test").calls

    assert [call.operation for call in calls] == ["get_channel_file_download", "download_file", "download_file", None]
    assert [call.status for call in calls] == [200, 200, 403, 404]
    assert [call.evidence for call in calls] == ["client", "client", "client", None]
    assert calls == sorted(calls, key=lambda call: call.after)
    shown = repr(calls)
    assert "s3cr3t" not in shown
    assert "signature=" not in shown


def test_many_calls_are_counted_and_the_last_kept(abeja: Platform) -> None:
    """A test that never ends its loop does not fill the memory."""
    recorder = Recorder(abeja)
    client = APIClient()
    for _ in range(CALLS_KEPT + 3):
        client.list_datasets(abeja.organization.id)

    record = recorder.record("test")

    assert record.calls_in_all == CALLS_KEPT + 3
    assert len(record.calls) == CALLS_KEPT


def test_sleeps_are_taken_down(abeja: Platform) -> None:
    """When they began by the platform's clock, each once, and how many there were in all."""
    abeja.clock.virtual = True
    abeja.clock.sleep(5)
    recorder = Recorder(abeja)
    quiet = [recorder.is_quiet]
    for _ in range(CALLS_KEPT + 1):
        abeja.clock.sleeps.add(Sleep(abeja.clock.timestamp() + 60, 30.0, "back-off"))
    quiet.append(recorder.is_quiet)
    assert quiet == [True, False]
    record = recorder.record("test")
    assert (len(record.sleeps), record.sleeps_in_all) == (CALLS_KEPT, CALLS_KEPT + 1)
    assert record.sleeps[0].after >= 60
    assert (record.sleeps[0].seconds, record.sleeps[0].text) == (30, "slept 30 s (back-off)")
    assert recorder.record("test").sleeps == []


@pytest.mark.usefixtures("abeja_context")
def test_the_current_job_is_taken_down_once_it_did_something(abeja: Platform, tmp_path: Path) -> None:
    """It is there for every test, and shown only for those in which it posted statistics or left files."""
    (job,) = abeja.look.jobs()
    recorder = Recorder(abeja, (job.training_job_id, tmp_path))
    assert recorder.record("test").jobs == []

    (tmp_path / "model.txt").write_text("model")

    (taken,) = recorder.record("test").jobs
    assert (taken.id, taken.status, taken.artifacts) == (job.training_job_id, "Active", {"model.txt": 5})


def test_no_secret_is_taken_down(abeja: Platform, abeja_train: Callable[..., TrainedJob]) -> None:
    """Tokens of users, of other jobs and of this one: in statistics, names of artifacts, and the log."""
    import os
    from pathlib import Path

    abeja.seed.user("a-token-of-a-user")
    other = abeja.look.job(abeja_train(lambda _context: None).id).token
    recorder = Recorder(abeja)

    def handler(context: object) -> None:
        del context
        own = os.environ["PLATFORM_AUTH_TOKEN"]
        Path(os.environ["ABEJA_TRAINING_RESULT_DIR"], own).write_text("")
        Client().update_statistics(Statistics(num_epochs=1, epoch=1, note=f"{own} {other} a-token-of-a-user"))
        print("a-token-of-a-user", other, own)

    job = abeja_train(handler)

    shown = repr(recorder.record("test"))
    for secret in ("a-token-of-a-user", other, abeja.look.job(job.id).token):
        assert secret not in shown
