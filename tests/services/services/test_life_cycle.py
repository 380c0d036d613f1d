"""The life cycle of a service: starting, ready, stopped, changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.services.records import Service
from tests.services.deployments.samples import DEPLOYMENTS
from tests.services.services.test_services import WRONG_INSTANCES
from tests.services.training.samples import state
from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.client import Client as DatalakeClient
    from abeja.services import APIClient

    from abeja_emulator.platform import Platform

#: What can be done with a service: where it goes from each status, None: refused with 400.
MOVES: dict[str, dict[str, str | None]] = {
    "look": {"IN_PROGRESS": "READY", "READY": "READY", "STOPPED": "STOPPED"},
    "list": {"IN_PROGRESS": "READY", "READY": "READY", "STOPPED": "STOPPED"},
    "stop": {"IN_PROGRESS": "STOPPED", "READY": "STOPPED", "STOPPED": None},
    "start": {"IN_PROGRESS": None, "READY": None, "STOPPED": "IN_PROGRESS"},
    "change": {"IN_PROGRESS": "IN_PROGRESS", "READY": "IN_PROGRESS", "STOPPED": "STOPPED"},
    "change nothing": {"IN_PROGRESS": "READY", "READY": "READY", "STOPPED": "STOPPED"},
}


class Life:
    """A service whose status is known, done things with through the SDK."""

    def __init__(self, api: APIClient, platform: Platform, organization: str, deployment: str, service: str) -> None:
        self._api = api
        self._platform = platform
        self._where = (organization, deployment, service)
        self.number = 1

    def do(self, move: str) -> Any:
        """Do one of the moves and return the answer."""
        if move == "list":
            return self._api.get_services(*self._where[:2])
        if move == "change":
            self.number += 1
            return self._api.update_service(*self._where, {"instance_number": self.number})
        if move == "change nothing":
            return self._api.update_service(*self._where)
        call = {"look": self._api.get_service, "stop": self._api.stop_service, "start": self._api.start_service}
        return call[move](*self._where)

    @property
    def kept(self) -> Service:
        """The record, which nobody has looked at."""
        store = self._platform.world.store
        with store.reading():
            found = store.table("service", Service).get(self._where[1], self._where[2])
        assert found is not None
        return found


@pytest.fixture
def life(api: APIClient, platform: Platform, organization: str, deployment: str, service: dict[str, Any]) -> Life:
    """The service, which is starting."""
    return Life(api, platform, organization, deployment, service["service_id"])


class TestStatus:
    """IN_PROGRESS → READY → STOPPED → IN_PROGRESS."""

    @given(moves=st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_moves(
        self,
        api: APIClient,
        platform: Platform,
        organization: str,
        deployment: str,
        version: str,
        moves: list[str],
    ) -> None:
        """In whatever order moves are made, a service is where the table says; what is refused changes nothing."""
        made = api.create_service(organization, deployment, version)["service_id"]
        life, status = Life(api, platform, organization, deployment, made), "IN_PROGRESS"
        for move in moves:
            before, expected = life.kept, MOVES[move][status]
            if expected is None:
                with pytest.raises(abeja.exceptions.BadRequest, match=made):
                    life.do(move)
                assert life.kept == before
            else:
                life.do(move)
                status = expected
            assert life.kept.status == status
        api.delete_service(organization, deployment, made)

    def test_answers(self, life: Life, service: dict[str, Any]) -> None:
        """Start and stop say what they did, a look shows the status."""
        identifier = service["service_id"]
        assert service["status"] == "IN_PROGRESS"
        found = life.do("look")
        check_answer("get_service", found)
        assert found["status"] == "READY"
        assert life.do("stop") == {"message": f"{identifier} stopped"}
        assert life.do("look")["status"] == "STOPPED"
        assert life.do("start") == {"message": f"{identifier} started"}
        assert [each["status"] for each in life.do("list")["entries"]] == ["READY"]

    def test_when_it_was_modified(self, life: Life, service: dict[str, Any], platform: Platform) -> None:
        """Each change of the status is a change of the service; a look at one that stays is none."""
        platform.clock.advance(5)
        ready = life.do("look")
        assert ready["modified_at"] > service["modified_at"]
        platform.clock.advance(5)
        assert life.do("look") == ready
        life.do("stop")
        assert life.do("look")["modified_at"] > ready["modified_at"]
        assert ready["created_at"] == life.do("look")["created_at"] == service["created_at"]


class TestUpdate:
    """PATCH …/services/{service_id}."""

    def test_example_of_the_sdk(self, api: APIClient, organization: str, life: Life, service: dict[str, Any]) -> None:
        """The payload of the SDK's own example, text for a boolean and all, is taken."""
        life.do("look")
        payload = {
            "instance_number": 4,
            "min_instance_number": 2,
            "max_instance_number": 6,
            "enable_autoscale": "true",
        }
        where = (organization, service["deployment_id"], service["service_id"])
        answer = api.update_service(*where, payload)
        check_answer("update_service", answer)
        assert answer["status"] == "IN_PROGRESS"
        assert {name: answer[name] for name in payload} == {**payload, "enable_autoscale": True}
        found = api.get_service(*where)
        assert {**found, "status": "IN_PROGRESS", "modified_at": answer["modified_at"]} == answer

    @pytest.mark.parametrize("stopped", [False, True])
    def test_every_field(
        self, wire: Wire, path: str, life: Life, datalake: DatalakeClient, model: str, *, stopped: bool
    ) -> None:
        """What is given is replaced, what is not stays; one that is stopped stays stopped."""
        channel = datalake.channels.create("inputs", "", "datalake").channel_id
        before = life.do("look")
        if stopped:
            life.do("stop")
        changes: dict[str, tuple[Any, dict[str, Any]]] = {
            "instance_type": ("cpu-2", {"instance_type": "cpu-2"}),
            "instance_number": (
                2,
                {"instance_number": 2, "min_instance_number": 2, "max_instance_number": 4},
            ),
            "enable_autoscale": ("false", {"enable_autoscale": False}),
            "environment": ({"C": 1}, {"user_env_vars": {"C": "1"}, "merged_env_vars": {"A": "1", "B": "1", "C": "1"}}),
            "models": ({"digits": model}, {"models": {"digits": model}}),
            "record_channel_id": (channel, {"record_channel_id": channel}),
        }
        for field, (value, shows) in changes.items():
            answer = wire("PATCH", path, json={field: value}).json()
            check_answer("update_service", answer)
            before = {**before, **shows, "status": "STOPPED" if stopped else "IN_PROGRESS"}
            assert answer == {**before, "modified_at": answer["modified_at"]}

    @pytest.mark.parametrize("field", ["environment", "models", "record_channel_id", "max_instance_number"])
    def test_null_takes_away(
        self, wire: Wire, path: str, life: Life, datalake: DatalakeClient, model: str, field: str
    ) -> None:
        """Null puts a field back to what it is when nobody sets it."""
        before = life.do("look")
        value = {
            "environment": {"C": "1"},
            "models": {"digits": model},
            "record_channel_id": datalake.channels.create("inputs", "", "datalake").channel_id,
            "max_instance_number": 100,
        }
        assert wire("PATCH", path, json={field: value[field]}).status_code == 200
        assert wire("PATCH", path, json={field: None}).status_code == 200
        assert {**life.do("look"), "modified_at": before["modified_at"]} == before

    @pytest.mark.parametrize("body", [None, {}, {"instance_number": 1}, {"from_the_future": 1}])
    def test_nothing_changes(self, wire: Wire, path: str, life: Life, platform: Platform, body: Any) -> None:
        """A change that is none starts nothing anew."""
        found = life.do("look")
        before = state(platform)
        assert wire("PATCH", path, json=body).json() == found
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            *WRONG_INSTANCES,
            ({"instance_number": None}, "instance_number"),
            ({"version_id": "ver-0000000000000000"}, "keeps its version"),
        ],
    )
    def test_refused(
        self, wire: Wire, path: str, life: Life, platform: Platform, fields: dict[str, Any], words: str
    ) -> None:
        """What a new service is refused for, a change is too, and changes nothing; a service keeps its version."""
        life.do("look")
        before = state(platform)
        check_refusal(wire("PATCH", path, json=fields), 400, words)
        assert state(platform) == before

    def test_its_own_version(self, wire: Wire, path: str, life: Life, version: str) -> None:
        """Naming the version that a service has is no change."""
        before = life.do("look")
        assert wire("PATCH", path, json={"version_id": version}).json() == before

    def test_unknown_service(self, wire: Wire, deployment: str, service: dict[str, Any]) -> None:
        """A service that does not exist is 404, with the ids of those that do."""
        response = wire("PATCH", f"{DEPLOYMENTS}/{deployment}/services/ser-0", json={"instance_number": 2})
        check_refusal(response, 404, "ser-0", service["service_id"])
