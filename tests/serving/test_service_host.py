"""The host of services: what is left of it, whose services it takes up, and who its models are."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.platform import Platform
from abeja_emulator.runtime.limits import InstanceTypes, Limits
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.results.rules import Results
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Upload
from tests.serving.served import IMAGE, PATIENCE, SAYS, WAITS, appeared, is_alive, packed, serving

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.control.desk import ServiceControl


# -- the host itself: its end, and states that come back -------------------------------------------


def test_nothing_is_left_when_it_stops(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with serving(folder=tmp_path / "services") as served:
        service = served.service(WAITS, instance_number=2)
        pids = [instance.process.pid for instance in served.keeper(service).instances]
        with ThreadPoolExecutor(1) as pool:
            path = tmp_path / "never"
            answer = pool.submit(served.ask, service, data=str(path), headers={"Content-Type": "text/plain"})
            appeared(tmp_path / "never.begun")
            served.host.stop()
            assert answer.result(PATIENCE).status_code == 500
        assert not any(map(is_alive, pids))
        assert not (tmp_path / "services").exists()
        assert not served.platform.world.attendants.tokens
        assert served.ask(service).status_code == 501, "nobody runs it any more"
    left = {thread for thread in threading.enumerate() if thread not in before}
    assert not left


def test_a_service_that_is_being_started_is_ended_too(tmp_path: Path) -> None:
    with serving(folder=tmp_path / "services") as served:
        code = f"open({str(tmp_path / 'begun')!r}, 'w').close()\nimport time\ntime.sleep(1000)"
        service = served.create(code)
        appeared(tmp_path / "begun")
        assert served.host.starting() == [service]
        with pytest.raises(TimeoutError):
            served.host.wait(service, 0.01)
        served.host.stop()
        assert not (tmp_path / "services").exists()


def test_a_model_that_hangs_is_killed_after_30_seconds_of_the_clock(tmp_path: Path) -> None:
    """Or after what the host says, also while it runs; another one is started in its place."""
    with serving() as served, ThreadPoolExecutor(1) as pool:
        service = served.service(WAITS)
        for number, (limit, passed) in enumerate(((None, 30), (400, 400))):
            if limit is not None:
                served.host.answer_timeout = limit
            path = tmp_path / str(number)
            asked = pool.submit(served.ask, service, data=str(path), headers={"Content-Type": "text/plain"})
            appeared(path.with_suffix(".begun"))
            served.platform.clock.advance(passed)
            assert asked.result(PATIENCE).status_code == 500
            assert f"gave no answer within {passed} s" in "".join(served.log(service))
            appeared(lambda: served.host.wait(service, PATIENCE).status == "READY")
        (tmp_path / "there").touch()
        answer = served.ask(service, data=str(tmp_path / "there"), headers={"Content-Type": "text/plain"})
        assert answer.status_code == 200


def test_services_of_a_data_directory_run_again(tmp_path: Path) -> None:
    data: dict[str, Any] = {}
    with Platform(data=tmp_path / "data") as platform, serving(platform) as served:
        data["service"] = served.service(SAYS.format(word="again"))
        stopped = served.service()
        served.api.stop_service(served.organization, served.deployment, stopped)
        data["deployment"] = served.deployment
        assert served.wait(stopped).status == "STOPPED"
    with Platform(data=tmp_path / "data") as platform, serving(platform, name="other") as served:
        served.deployment = data["deployment"]
        assert served.wait(data["service"]).status == "READY"
        assert served.ask(data["service"]).json()["says"] == "again"
        assert served.ask(stopped).status_code == 404


def test_a_model_is_who_it_is_under_strict_authentication() -> None:
    with Platform(auth="strict") as platform, serving(platform) as served:
        service = served.service(
            """
import os, urllib.request

def handler(request, context):
    url = os.environ["ABEJA_API_URL"] + "/organizations/" + os.environ["ABEJA_ORGANIZATION_ID"] + "/deployments"
    headers = {"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"]}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        return {"content": str(response.status)}
"""
        )
        assert served.ask(service).text == "200"
        headers = {"x-abeja-arms-async-request-id": "r1"}
        assert served.ask(service, headers=headers).status_code == 202
        fleet = served.keeper(service)._fleet
        assert fleet is not None
        assert fleet.proxy.drain(PATIENCE)
        with platform.world.store.reading():
            assert Results(platform.world).get(served.deployment, "r1").status == 200


def test_a_process_that_uses_too_much_memory_is_killed_and_the_log_says_why() -> None:
    types = InstanceTypes({"cpu-1": Limits(memory=400 * 1024**2)})
    with serving(instance_types=types) as served:
        service = served.service(
            """
def handler(request, context):
    return {"content": str(len(bytearray(int(request.read()))))}
""",
            instance_type="cpu-1",
        )
        text = {"Content-Type": "text/plain"}
        assert served.ask(service, data=b"1000", headers=text).text == "1000"
        assert served.ask(service, data=b"2000000000", headers=text).status_code == 500
        assert served.wait(service).status == "READY"
        assert any("may use 419.43 MB" in line for line in served.log(service))


def test_a_process_that_takes_no_requests_in_time_fails_its_service() -> None:
    with serving(patience=0.5) as served:
        service = served.create("import time; time.sleep(1000)")
        assert served.wait(service).status == "FAILED"
        assert "takes no requests after 0.5 s" in served.log(service)[-1]


def test_variables_of_all_services_lie_below_all_others() -> None:
    with serving(variables={"A": "all", "Z": "all"}) as served:
        variables = served.ask(served.service()).json()["variables"]
        assert (variables["A"], variables["Z"]) == ("deployment", "all")


def test_a_model_of_a_job_is_in_the_result_directory_and_its_datasets_are_known() -> None:
    with serving() as served:
        world, platform = served.platform.world, served.platform
        with world.store.transaction():
            definition = Definitions(world).create(platform.organization.id, "mnist")
            version = Definitions(world).create_version(definition, None, handler="main:handler", image=IMAGE)
            job = Jobs(world).create(definition, version, "", datasets={"train": "1234567890123"})
            content = packed(weights="best")
            model = TrainingModels(world).create(
                definition, "", Upload(content, len(content)), job_id=job.training_job_id
            )
        service = served.service(
            """
import os

with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "weights.py")) as file:
    WEIGHTS = file.read()

def handler(request, context):
    return {"content": WEIGHTS + os.environ["TRAINING_JOB_DATASETS"]}
""",
            models={"any": model.training_model_id},
        )
        assert served.ask(service).text == 'best{"train": "1234567890123"}'


def test_one_that_was_stopped_answers_no_more_from_that_moment_on() -> None:
    with serving() as served:
        service = served.service()
        for _ in range(5):
            served.api.stop_service(served.organization, served.deployment, service)
            assert served.ask(service).status_code == 404
            served.api.start_service(served.organization, served.deployment, service)
            assert served.wait(service).status == "READY"
            assert served.ask(service).status_code == 200


def test_instances_are_those_that_answer() -> None:
    """One that is stopped has none; it is what the control API asks."""
    with serving(most_instances=2) as served:
        host: ServiceControl = served.host
        service = served.service(instance_number=2)
        assert host.instances() == {service: 2}
        assert served.host.at_work() == {service}
        served.api.stop_service(served.organization, served.deployment, service)
        served.wait(service)
        appeared(lambda: not host.starting())
        assert host.instances() == {service: 0}
        assert served.host.at_work() == set()
