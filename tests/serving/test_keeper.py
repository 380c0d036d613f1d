"""A service is what its record says: it answers, changes, stops, fails and comes back."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from abeja.endpoints import APIClient as EndpointsAPI
from abeja.exceptions import NotFound as SDKNotFound

from abeja_emulator.errors import NotFound
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.results.rules import Results
from abeja_emulator.serving.fleet import CannotServeError
from abeja_emulator.wire.content import Upload
from tests.serving.served import ECHO, PATIENCE, SAYS, WAITS, appeared, is_alive, packed, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serving.served import Served

#: Ends its process, by what it is asked.
DIES = """
import os

def handler(request, context):
    if request.read() == b"die":
        os._exit(7)
    return {"content": {"pid": os.getpid()}, "content_type": "application/json"}
"""


#: Waits for a file before it can be asked.
GATED = """
import os, time

while not os.path.exists({gate!r}):
    open({gate!r} + ".begun", "w").close()
    time.sleep(0.01)

def handler(request, context):
    return {{"content": "through"}}
"""

TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """A Platform whose services run, for tests that leave no trace but what they made."""
    with serving(most_instances=2) as served:
        yield served


@pytest.fixture(scope="module")
def echo(shared: Served) -> str:
    """A service that says what it was asked, and its variables."""
    version = shared.version(user_parameters={"B": "version", "C": "version"})
    return shared.service(version=version, environment={"C": "service", "ABEJA_SERVICE_ID": "not mine"})


# -- a service that is ready -----------------------------------------------------------------------


def test_the_sdk_asks_it(shared: Served, echo: str) -> None:
    response = shared.api.request_service(shared.organization, shared.deployment, echo, json={"x": [1, "é"]})
    assert json.loads(response.json()["body"]) == {"x": [1, "é"]}
    assert response.headers["X-Abeja-Service-Id"] == echo


def test_variables_come_from_four_places(shared: Served, echo: str) -> None:
    variables = shared.ask(echo).json()["variables"]
    expected = {"A": "deployment", "B": "version", "C": "service"}
    assert {name: variables[name] for name in expected} == expected


def test_the_platforms_own_variables_win(shared: Served, echo: str) -> None:
    variables = shared.ask(echo).json()["variables"]
    assert variables["ABEJA_SERVICE_ID"] == echo
    assert variables["ABEJA_ORGANIZATION_ID"] == shared.organization
    assert Path(variables["ABEJA_TRAINING_RESULT_DIR"]).is_dir()


def test_nothing_of_who_runs_the_tests_is_in_it(shared: Served, echo: str) -> None:
    variables = shared.ask(echo).json()["variables"]
    assert not {"ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"} & set(variables)


def test_its_log_has_what_it_printed(shared: Served) -> None:
    service = shared.service()
    process = shared.keeper(service).instances[0].process
    shared.api.stop_service(shared.organization, shared.deployment, service)
    assert process.has_ended(PATIENCE)
    assert "the model is loaded" in shared.log(service)


def test_an_asynchronous_request_is_answered_later(shared: Served, echo: str) -> None:
    headers = {"x-abeja-arms-async-request-id": "r1", "Content-Type": "text/plain"}
    response = shared.ask(echo, data=b"later", headers=headers)
    assert (response.status_code, response.content) == (202, b"")
    # It is in flight until its result is delivered.
    fleet = shared.keeper(echo)._fleet
    assert fleet is not None
    assert fleet.proxy.drain(PATIENCE)
    with shared.platform.world.store.reading():
        results = Results(shared.platform.world)
        result = results.get(shared.deployment, "r1")
        body = json.loads(results.content(result).response().read())
    assert (result.status, body["body"]) == (200, "later")


def test_a_model_may_call_the_platform_while_it_answers(shared: Served) -> None:
    service = shared.service(
        """
import os
from abeja.deployments import APIClient

def handler(request, context):
    found = APIClient().get_deployments(os.environ["ABEJA_ORGANIZATION_ID"])
    return {"content": [e["deployment_id"] for e in found["entries"]]}
"""
    )
    assert shared.ask(service).text == shared.deployment


def test_one_that_nobody_has_answers_404_as_ever(shared: Served) -> None:
    with pytest.raises(SDKNotFound):
        shared.api.request_service(shared.organization, shared.deployment, "ser-0000000000000000", json={})


# -- how many there are ----------------------------------------------------------------------------


def test_as_many_as_asked_for_run(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"), instance_number=2)
    assert len({shared.ask(service).json()["pid"] for _ in range(4)}) == 2


def test_more_than_there_may_be_are_said_in_the_log(shared: Served) -> None:
    service = shared.service(instance_number=5)
    assert len(shared.keeper(service).instances) == 2
    assert any("5 instances are asked for, and 2 are started" in line for line in shared.log(service))


def test_one_that_is_left_in_the_middle_of_a_request_is_replaced(
    shared: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Ctrl-C, or by a test's limit of time, in whichever thread it asks."""
    service = shared.service(WAITS)
    (before,) = shared.keeper(service).instances

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(before.process, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shared.ask(service, data=str(tmp_path / "never"), headers=TEXT)
    assert before.process.has_ended(PATIENCE)
    appeared(lambda: shared.keeper(service).instances not in {(), (before,)})
    assert shared.wait(service).status == "READY"
    (tmp_path / "now").touch()
    assert shared.ask(service, data=str(tmp_path / "now"), headers=TEXT).status_code == 200


# -- a service that cannot be started, or whose processes end --------------------------------------


def test_an_error_at_import_fails_it_and_is_in_its_log(shared: Served) -> None:
    service = shared.create("raise RuntimeError('no weights')")
    assert shared.wait(service).status == "FAILED"
    log = shared.log(service)
    assert sum("RuntimeError: no weights" in line for line in log[:-1]) == 1, "it is tried once"
    assert log[-1].startswith("the service has failed: ")
    assert shared.ask(service).status_code == 503


def test_code_that_is_not_there_fails_it_with_the_reason(shared: Served) -> None:
    service = shared.create(b"no archive")
    assert shared.wait(service).status == "FAILED"
    assert "cannot be unpacked" in shared.log(service)[-1]


def test_a_process_that_is_killed_at_start_is_started_three_times(shared: Served) -> None:
    service = shared.create("import os; os.kill(os.getpid(), 9)")
    assert shared.wait(service).status == "FAILED"
    assert sum("it is started again" in line for line in shared.log(service)) == 2


def test_one_that_has_failed_can_be_started_with_other_code(shared: Served) -> None:
    version = shared.version("raise RuntimeError")
    service = shared.create(version=version)
    assert shared.wait(service).status == "FAILED"
    with shared.platform.world.store.transaction():
        code = packed(main=ECHO)
        Versions(shared.platform.world).receive(shared.deployment, version, Upload(code, len(code)))
    shared.api.start_service(shared.organization, shared.deployment, service)
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).status_code == 200


def test_a_process_that_ends_in_a_request_is_500_and_another_is_started(shared: Served) -> None:
    service = shared.service(DIES)
    before = shared.ask(service).json()["pid"]
    assert shared.ask(service, data=b"die", headers=TEXT).status_code == 500
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).json()["pid"] != before
    (line,) = [line for line in shared.log(service) if "an instance has ended" in line]
    assert "exit code 7" in line


def test_a_process_that_ends_by_itself_is_replaced(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"))
    (instance,) = shared.keeper(service).instances
    os.kill(instance.process.pid, signal.SIGKILL)
    assert instance.process.has_ended(PATIENCE)
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).json()["pid"] != instance.process.pid


def test_processes_that_end_unasked_again_and_again_fail_it(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"))
    for _ in range(3):
        (instance,) = shared.keeper(service).instances
        os.kill(instance.process.pid, signal.SIGKILL)
        assert instance.process.has_ended(PATIENCE)
        status = shared.wait(service).status
    assert status == "FAILED"


def test_others_answer_while_one_is_replaced(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"), instance_number=2)
    first, _ = shared.keeper(service).instances
    os.kill(first.process.pid, signal.SIGKILL)
    assert first.process.has_ended(PATIENCE)
    # One request may come to the dead one before it is taken out.
    statuses = [shared.ask(service).status_code for _ in range(2)]
    assert 200 in statuses
    assert 503 not in statuses
    shared.wait(service)
    assert len(shared.keeper(service).instances) == 2


# -- stop, start, change, delete -------------------------------------------------------------------


def test_stop_ends_its_process_and_start_starts_another(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"))
    (instance,) = shared.keeper(service).instances
    shared.api.stop_service(shared.organization, shared.deployment, service)
    assert instance.process.has_ended(PATIENCE)
    assert shared.ask(service).status_code == 404
    shared.api.start_service(shared.organization, shared.deployment, service)
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).json()["pid"] != instance.process.pid


def test_a_stop_that_is_taken_back_at_once_is_a_new_start_all_the_same(shared: Served) -> None:
    service = shared.service(SAYS.format(word="x"))
    (instance,) = shared.keeper(service).instances
    shared.api.stop_service(shared.organization, shared.deployment, service)
    shared.api.start_service(shared.organization, shared.deployment, service)
    assert shared.wait(service).status == "READY"
    assert instance not in shared.keeper(service).instances


def test_delete_ends_its_process_and_removes_its_files(shared: Served) -> None:
    service = shared.service(ECHO)
    keeper = shared.keeper(service)
    folder = keeper._fleet.code.folder if keeper._fleet else None
    (instance,) = keeper.instances
    assert folder is not None
    assert folder.is_dir()
    shared.api.delete_service(shared.organization, shared.deployment, service)
    keeper.join()
    assert not is_alive(instance.process.pid)
    assert not folder.exists()
    with pytest.raises(NotFound):
        shared.host.wait(service, PATIENCE)


def test_stop_lets_it_answer_what_it_was_asked_and_what_waits_for_its_turn(shared: Served, tmp_path: Path) -> None:
    service = shared.service(WAITS)
    path, fleet = tmp_path / "go", shared.keeper(service)._fleet
    assert fleet is not None
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(shared.ask, service, data=str(path), headers=TEXT)]
        appeared(tmp_path / "go.begun")
        answers.append(pool.submit(shared.ask, service, data=str(path), headers=TEXT))
        appeared(lambda: fleet.proxy.waiting == 1)
        shared.api.stop_service(shared.organization, shared.deployment, service)
        assert shared.wait(service).status == "STOPPED"
        path.touch()
        assert [answer.result(PATIENCE).status_code for answer in answers] == [200, 200]


def test_one_that_does_not_answer_in_28_seconds_of_the_platform_is_ended(shared: Served, tmp_path: Path) -> None:
    service = shared.service(WAITS)
    (instance,) = shared.keeper(service).instances
    with ThreadPoolExecutor(1) as pool:
        path = tmp_path / "never"
        answer = pool.submit(shared.ask, service, data=str(path), headers=TEXT)
        appeared(tmp_path / "never.begun")
        shared.api.stop_service(shared.organization, shared.deployment, service)
        shared.wait(service)
        while not instance.process.has_ended(0.05):
            shared.platform.clock.advance(30)
        assert answer.result(PATIENCE).status_code == 500


def test_a_change_starts_new_ones_first_and_loses_no_request(shared: Served, tmp_path: Path) -> None:
    service = shared.service(WAITS)
    path = tmp_path / "go"
    (before,) = shared.keeper(service).instances
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(shared.ask, service, data=str(path), headers=TEXT)
        appeared(tmp_path / "go.begun")
        shared.api.update_service(shared.organization, shared.deployment, service, {"environment": {"C": "changed"}})
        assert shared.wait(service).status == "READY"
        (after,) = shared.keeper(service).instances
        assert after.process.pid != before.process.pid
        path.touch()
        response = answer.result(PATIENCE)
    assert response.status_code == 200
    assert before.process.has_ended(PATIENCE)
    path = tmp_path / "other"
    path.touch()
    assert shared.ask(service, data=str(path), headers=TEXT).json()["pid"] != response.json()["pid"]


def test_a_change_that_cannot_be_started_fails_it_and_nobody_answers(shared: Served) -> None:
    service = shared.service("import os\nassert 'BAD' not in os.environ\ndef handler(request, context): return {}")
    assert shared.ask(service).status_code == 200
    shared.api.update_service(shared.organization, shared.deployment, service, {"environment": {"BAD": "1"}})
    assert shared.wait(service).status == "FAILED"
    assert shared.ask(service).status_code == 503


def test_what_fails_once_it_was_changed_is_tried_with_the_change(
    shared: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = shared.service()
    keeper, failed = shared.keeper(service), threading.Event()

    def change(word: str) -> None:
        shared.api.update_service(shared.organization, shared.deployment, service, {"environment": {"C": word}})

    def fail(*_: object) -> NoReturn:
        monkeypatch.undo()
        # Its keeper is not told of that before it sees the failure.
        monkeypatch.setattr(keeper, "note", lambda _: None)
        change("after")
        monkeypatch.undo()
        failed.set()
        message = "it fails"
        raise CannotServeError(message)

    monkeypatch.setattr(keeper._fleets, "start", fail)
    change("before")
    assert failed.wait(PATIENCE)
    appeared(lambda: not keeper.is_busy)
    assert shared.ask(service).status_code == 200, "those before answer yet"
    keeper.note()
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).json()["variables"]["C"] == "after"


def test_several_changes_at_once_end_with_the_last_one(shared: Served) -> None:
    service = shared.service()
    for word in ("one", "two", "one", "three"):
        shared.api.update_service(shared.organization, shared.deployment, service, {"environment": {"C": word}})
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).json()["variables"]["C"] == "three"


def test_a_change_of_what_no_process_needs_starts_none(shared: Served) -> None:
    service = shared.service()
    before = shared.keeper(service).instances
    shared.api.update_service(shared.organization, shared.deployment, service, {"max_instance_number": 7})
    assert shared.wait(service).status == "READY"
    assert shared.keeper(service).instances == before


def test_an_endpoint_goes_from_one_to_the_next_without_a_lost_request(shared: Served) -> None:
    first, second = (shared.service(SAYS.format(word=word)) for word in ("first", "second"))
    endpoints = EndpointsAPI()
    endpoints.create_endpoint(shared.organization, shared.deployment, first, "default")
    url = f"https://{shared.organization}.api.abeja.io/deployments/{shared.deployment}"
    barrier, switched = threading.Barrier(3), threading.Event()

    def ask() -> list[tuple[int, str]]:
        barrier.wait(PATIENCE)
        answers: list[tuple[int, str]] = []
        while not switched.is_set() or answers[-1][1] != "second":
            response = shared._request("POST", url, json={})
            answers.append((response.status_code, response.json().get("says")))
            if len(answers) == 1:
                barrier.wait(PATIENCE)
        return answers

    with ThreadPoolExecutor(2) as pool:
        askers = [pool.submit(ask) for _ in range(2)]
        barrier.wait(PATIENCE)
        barrier.wait(PATIENCE)
        endpoints.update_endpoint(shared.organization, shared.deployment, "default", second)
        switched.set()
        for asker in askers:
            answers = asker.result(PATIENCE)
            assert {status for status, _ in answers} == {200}
            words = [word for _, word in answers]
            assert words[0] == "first"
            assert words == sorted(words), "once switched it never goes back"
    endpoints.delete_endpoint(shared.organization, shared.deployment, "default")


# -- what a service is asked is in its record channel too ------------------------------------------


def test_bodies_are_there_in_order(shared: Served) -> None:
    channel = shared.platform.seed.channel("records")
    service = shared.service(record_channel_id=channel)
    for number in range(3):
        kind = {"Content-Type": "text/plain", "x-abeja-meta-number": str(number)}
        shared.ask(service, data=f"body {number}", headers=kind)
    assert shared.ask(service, "GET", params={"q": "1"}).status_code == 200
    assert shared.host.recorder.settle(PATIENCE)
    look = shared.platform.look
    files = look.files(channel)
    contents = [look.content(channel, file.file_id) for file in files]
    assert contents == [b"body 0", b"body 1", b"body 2", b"q=1"]
    assert [file.content_type for file in files] == [*["text/plain"] * 3, "application/x-www-form-urlencoded"]
    assert [file.metadata for file in files][1:] == [{"x-abeja-meta-number": "1"}, {"x-abeja-meta-number": "2"}, {}]


# -- states that come back, and starts that nobody waits for ---------------------------------------


def test_stopping_a_service_that_is_being_started_ends_that(shared: Served, tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'begun')!r}, 'w').close()\nimport time\ntime.sleep(1000)"
    service = shared.create(code)
    appeared(tmp_path / "begun")
    shared.api.stop_service(shared.organization, shared.deployment, service)
    keeper = shared.keeper(service)
    assert shared.wait(service).status == "STOPPED"
    shared.api.delete_service(shared.organization, shared.deployment, service)
    keeper.join()
    assert shared.host.starting() == []


def test_a_return_to_an_earlier_state_ends_what_is_not_in_it_and_keeps_what_is(shared: Served) -> None:
    kept = shared.service(SAYS.format(word="x"))
    before = shared.keeper(kept).instances
    snapshot = shared.platform.snapshot()
    made = shared.service(SAYS.format(word="x"))
    keeper = shared.keeper(made)
    (instance,) = keeper.instances
    snapshot.rollback()
    shared.host.reconcile()
    keeper.join()
    assert not is_alive(instance.process.pid)
    assert shared.wait(kept).status == "READY"
    assert shared.keeper(kept).instances == before


@pytest.mark.parametrize("change", ["stop", "update"])
def test_a_return_undoes_a_stop_and_a_change(shared: Served, change: str) -> None:
    service = shared.service(environment={"C": "before"})
    snapshot = shared.platform.snapshot()
    if change == "stop":
        shared.api.stop_service(shared.organization, shared.deployment, service)
    else:
        shared.api.update_service(shared.organization, shared.deployment, service, {"environment": {"C": "after"}})
    shared.wait(service)
    snapshot.rollback()
    shared.host.reconcile()
    # Nobody need wait for it first.
    answer = shared.ask(service)
    assert (answer.status_code, answer.json().get("variables", {}).get("C")) == (200, "before"), answer.text
    assert shared.wait(service).status == "READY"


def test_a_return_that_takes_too_long_is_not_waited_for(
    shared: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one that comes to nothing, or whose end it is."""
    gate = tmp_path / "gate"
    gate.touch()
    service = shared.service(GATED.format(gate=str(gate)))
    snapshot = shared.platform.snapshot()
    shared.api.stop_service(shared.organization, shared.deployment, service)
    shared.wait(service)
    gate.unlink()
    snapshot.rollback()
    monkeypatch.setattr(shared.keeper(service), "_patience", 0.01)
    shared.host.reconcile()
    assert shared.ask(service).status_code == 503
    monkeypatch.undo()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shared.ask, service)
        shared.api.stop_service(shared.organization, shared.deployment, service)
        assert waiting.result(PATIENCE).status_code == 404


def test_one_that_is_started_again_is_503_meanwhile(shared: Served, tmp_path: Path) -> None:
    """It was 404 before, when it was stopped."""
    gate = tmp_path / "gate"
    gate.touch()
    service = shared.service(GATED.format(gate=str(gate)))
    shared.api.stop_service(shared.organization, shared.deployment, service)
    shared.wait(service)
    assert shared.ask(service).status_code == 404
    gate.unlink()
    shared.api.start_service(shared.organization, shared.deployment, service)
    appeared(tmp_path / "gate.begun")
    assert shared.ask(service).status_code == 503
    gate.touch()
    assert shared.wait(service).status == "READY"
    assert shared.ask(service).status_code == 200
