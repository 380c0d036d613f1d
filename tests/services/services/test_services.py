"""Services: what a new one shows, what is refused, and what each operation changes elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.endpoints import APIClient as EndpointsAPI
from abeja.services import APIClient as ServicesAPI

from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.variables import RESERVED
from abeja_emulator.wire.content import Upload
from tests.services.deployments.samples import DEPLOYMENTS, HANDLER, IMAGE, full_deployment, shown
from tests.services.training.samples import state, zipped
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datalake.client import Client as DatalakeClient
    from abeja.services import APIClient

    from abeja_emulator.platform import Platform

SERVICE_ID = re.compile(r"ser-[0-9a-f]{16}")

#: What the number of instances and its bounds may not be, in a new service and in a change alike.
WRONG_INSTANCES: list[tuple[dict[str, Any], str]] = [
    ({"instance_number": 0}, "between 1 and 300"),
    ({"instance_number": 301}, "between 1 and 300"),
    ({"instance_number": "2"}, "instance_number"),
    ({"instance_number": 1.5}, "instance_number"),
    ({"min_instance_number": 0}, "min_instance_number"),
    ({"min_instance_number": 2}, "not between min_instance_number 2"),
    ({"max_instance_number": 301}, "max_instance_number"),
    ({"instance_number": 3, "max_instance_number": 2}, "max_instance_number 2"),
    ({"instance_type": "cpu"}, "cpu-0.25"),
    ({"instance_type": "tpu-1"}, "cpu-0.25"),
    ({"instance_type": "gpu:e-1"}, "gpu:b-4"),
    ({"instance_type": 1}, "instance_type"),
    ({"enable_autoscale": "yes"}, "enable_autoscale"),
    ({"enable_autoscale": 1}, "enable_autoscale"),
    ({"environment": ["A"]}, "environment"),
    ({"environment": {"a b": "1"}}, "a b"),
    ({"environment": {"PLATFORM_AUTH_TOKEN": "1"}}, "PLATFORM_AUTH_TOKEN"),
    ({"models": ["1230000000000"]}, "models"),
    ({"models": {"": "1230000000000"}}, "alias"),
    ({"models": {"alias": ""}}, "alias"),
    ({"models": {"alias": None}}, "alias"),
    ({"models": {"alias": {"model_id": "1230000000000"}}}, "alias"),
    ({"models": {"alias": True}}, "alias"),
    ({"models": {"alias": "1999999999999"}}, "no training model"),
    ({"record_channel_id": "1999999999999"}, "1999999999999"),
    ({"record_channel_id": ""}, "channel"),
]


class TestCreate:
    """POST …/deployments/{deployment_id}/services."""

    def test_answer(self, service: dict[str, Any], deployment: str, version: str, platform: Platform) -> None:
        """A new service is in progress and shows its version, its defaults, its creator and its times."""
        check_answer("create_service", service)
        assert SERVICE_ID.fullmatch(service["service_id"])
        assert ZULU_MICROSECONDS.fullmatch(service["created_at"])
        assert service == {
            "service_id": service["service_id"],
            "deployment_id": deployment,
            "models": {},
            "model_version": "0.0.1",
            "model_version_id": version,
            "status": "IN_PROGRESS",
            "instance_number": 1,
            "min_instance_number": 1,
            "max_instance_number": 2,
            "enable_autoscale": True,
            "instance_type": "cpu-0.25",
            "metrics_url": None,
            "user_env_vars": {},
            "merged_env_vars": {"A": "1", "B": "1"},
            "record_channel_id": None,
            "service_process_type": "multi",
            "disruptable": True,
            "creator": platform.user.view(),
            "created_at": service["created_at"],
            "modified_at": service["created_at"],
        }

    def test_all_fields(self, api: APIClient, organization: str, deployment: str, version: str) -> None:
        """What is set is shown; the service's variables lie over the deployment's."""
        made = api.create_service(
            organization,
            deployment,
            version,
            instance_number=3,
            min_instance_number=2,
            max_instance_number=5,
            enable_autoscale=False,
            instance_type="gpu:b-4",
            environment={"B": 2, "TRAINING_JOB_ID": "1230000000000"},
        )
        wanted = {
            "instance_number": 3,
            "min_instance_number": 2,
            "max_instance_number": 5,
            "enable_autoscale": False,
            "instance_type": "gpu:b-4",
            "user_env_vars": {"B": "2", "TRAINING_JOB_ID": "1230000000000"},
            "merged_env_vars": {"A": "1", "B": "2", "TRAINING_JOB_ID": "1230000000000"},
        }
        assert {name: made[name] for name in wanted} == wanted

    def test_as_the_command_line_sends_it(self, wire: Wire, deployment: str, version: str) -> None:
        """A version is enough; the SDK's and the help text's defaults are there all the same."""
        made = wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json={"version_id": version}).json()
        check_answer("create_service", made)
        assert (made["instance_type"], made["instance_number"], made["enable_autoscale"]) == ("cpu-0.25", 1, True)

    @pytest.mark.parametrize(
        ("given", "least", "most"), [(1, 1, 2), (4, 4, 8), (150, 150, 300), (151, 151, 300), (300, 300, 300)]
    )
    def test_bounds_follow_the_number(
        self, api: APIClient, organization: str, deployment: str, version: str, given: int, least: int, most: int
    ) -> None:
        """Bounds that nobody set are the number of instances and its double, which is no more than can be."""
        made = api.create_service(organization, deployment, version, instance_number=given)
        assert (made["min_instance_number"], made["max_instance_number"]) == (least, most)

    def test_record_channel(self, datalake: DatalakeClient, wire: Wire, deployment: str, version: str) -> None:
        """A channel of the organization can be named to record into."""
        channel = datalake.channels.create("inputs", "", "datalake").channel_id
        body = {"version_id": version, "record_channel_id": channel}
        made = wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json=body).json()
        assert made["record_channel_id"] == channel
        assert shown(wire, f"/{deployment}/services/{made['service_id']}")["record_channel_id"] == channel

    def test_models(self, wire: Wire, organization: str, deployment: str, version: str, model: str) -> None:
        """Training models are mounted under their aliases, those that are archived too; an id may be a number."""
        body = {"version_id": version, "models": {"alias": model, "second": int(model)}}
        archive = f"/organizations/{{org}}/training/definitions/digits/models/{model}/archive"
        assert wire("POST", archive).status_code == 200
        made = wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json=body).json()
        assert made["models"] == {"alias": model, "second": model}
        assert shown(wire, f"/{deployment}/services/{made['service_id']}")["models"] == made["models"]
        assert ServicesAPI().create_service(organization, deployment, version, model_id=model)["models"] == {
            "alias": model
        }

    def test_model_of_another_organization(self, wire: Wire, platform: Platform, deployment: str, version: str) -> None:
        """A model that belongs to somebody else is not there."""
        world = platform.world
        with world.store.transaction():
            other = Accounts(world).add_organization("other-org")
            theirs = Definitions(world).create(other.id, "digits")
            content = zipped()
            upload = Upload(content, len(content))
            model = TrainingModels(world).create(theirs, platform.user.id, upload).training_model_id
        body = {"version_id": version, "models": {"alias": model}}
        check_refusal(wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json=body), 400, model, "alias")

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"version_id": None}, "version_id"),
            ({"version_id": "0.0.1"}, "(0.0.1)"),
            ({"version_id": "ver-0000000000000000"}, "newest versions: ver-"),
            *WRONG_INSTANCES,
        ],
    )
    def test_refused(
        self, wire: Wire, deployment: str, version: str, platform: Platform, fields: dict[str, Any], words: str
    ) -> None:
        """What is not well-formed, or names what does not exist, is 400 and changes nothing."""
        before = state(platform)
        body = {"version_id": version, **fields}
        check_refusal(wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json=body), 400, words)
        assert state(platform) == before

    def test_reserved_variables(self, wire: Wire, deployment: str, version: str) -> None:
        """The platform's own variables are refused, but for those that say which job's result is wanted."""
        taken = [name for name in RESERVED if not name.startswith("TRAINING_JOB")]
        for name in taken:
            body = {"version_id": version, "environment": {name: "x"}}
            check_refusal(wire("POST", f"{DEPLOYMENTS}/{deployment}/services", json=body), 400, name)

    def test_version_of_another_deployment(self, api: APIClient, organization: str, deployment: str) -> None:
        """A service runs a version of its own deployment only."""
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        version = DeploymentsAPI().create_deployment_version(organization, other, "1", HANDLER, IMAGE)["version_id"]
        with pytest.raises(abeja.exceptions.BadRequest, match="newest versions: none"):
            api.create_service(organization, deployment, version)

    def test_unknown_deployment(self, wire: Wire, version: str) -> None:
        """A service of a deployment that does not exist is 404."""
        response = wire("POST", f"{DEPLOYMENTS}/1999999999999/services", json={"version_id": version})
        check_refusal(response, 404, "1999999999999", "(reader)")


class TestEffects:
    """What each operation changes in the answers of the others."""

    def test_create(self, api: APIClient, organization: str, deployment: str, version: str) -> None:
        """New services are shown and listed in order of creation, and their deployment names them."""
        assert api.get_services(organization, deployment) == {"entries": []}
        made = [api.create_service(organization, deployment, version, number)["service_id"] for number in (3, 1, 2)]
        listed = api.get_services(organization, deployment)
        check_answer("get_services", listed)
        assert [each["service_id"] for each in listed["entries"]] == made
        assert [each["instance_number"] for each in listed["entries"]] == [3, 1, 2]
        assert [api.get_service(organization, deployment, each) for each in made] == listed["entries"]
        named = DeploymentsAPI().get_deployment(organization, deployment)["services"]
        assert named == [{"service_id": each} for each in made]

    def test_services_of_another_deployment(
        self, api: APIClient, organization: str, service: dict[str, Any], wire: Wire
    ) -> None:
        """Each deployment has services of its own, which are not known elsewhere, whatever is asked of them."""
        other = full_deployment(organization, "other")
        root = f"{DEPLOYMENTS}/{other['deployment_id']}/services/{service['service_id']}"
        for method, end in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/stop"),
            ("POST", "/start"),
            ("GET", "/logs"),
            ("GET", "/recentlogs"),
        ):
            check_refusal(wire(method, root + end), 404, service["service_id"], other["service_id"])
        assert len(api.get_services(organization, other["deployment_id"])["entries"]) == 1

    def test_default_variables(self, api: APIClient, organization: str, deployment: str, version: str) -> None:
        """Other variables of the deployment are under those of its services, from then on."""
        made = api.create_service(organization, deployment, version, environment={"B": "2"})
        DeploymentsAPI().patch_deployment(organization, deployment, "reader", {"B": "3", "C": "3"})
        found = api.get_service(organization, deployment, made["service_id"])
        assert found["user_env_vars"] == {"B": "2"}
        assert found["merged_env_vars"] == {"B": "2", "C": "3"}

    def test_delete(self, api: APIClient, organization: str, deployment: str, version: str, platform: Platform) -> None:
        """A deleted service leaves nothing, not even its log, and its deployment names it no more."""
        before = state(platform)
        made = api.create_service(organization, deployment, version)["service_id"]
        assert api.delete_service(organization, deployment, made) == {"message": f"{made} deleted"}
        assert state(platform) == before
        with pytest.raises(abeja.exceptions.NotFound, match="newest services: none"):
            api.get_service(organization, deployment, made)

    def test_delete_one_behind_an_endpoint(
        self, wire: Wire, organization: str, deployment: str, service: dict[str, Any], path: str, platform: Platform
    ) -> None:
        """A service that an endpoint leads to stays until the endpoint leads elsewhere."""
        endpoints = EndpointsAPI()
        made = endpoints.create_endpoint(organization, deployment, service["service_id"])
        before = state(platform)
        check_refusal(wire("DELETE", path), 409, made["endpoint_id"], "default")
        assert state(platform) == before
        endpoints.delete_endpoint(organization, deployment, "default")
        assert wire("DELETE", path).status_code == 200
