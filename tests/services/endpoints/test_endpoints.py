"""Endpoints: creating, showing, leading elsewhere and deleting them, by id and by alias."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.endpoints import APIClient
from abeja.services import APIClient as ServicesAPI

from tests.services.deployments.samples import DEPLOYMENTS, HANDLER, IMAGE, full_deployment
from tests.services.training.samples import state
from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

ENDPOINT_ID = re.compile(r"pnt-[0-9a-f]{16}")


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's client of endpoints."""
    return APIClient()


@pytest.fixture
def deployment(platform: Platform, organization: str) -> str:
    """Id of a deployment."""
    identifier: str = DeploymentsAPI().create_deployment(organization, "reader")["deployment_id"]
    return identifier


@pytest.fixture
def services(organization: str, deployment: str) -> list[str]:
    """Ids of two of its services."""
    version = DeploymentsAPI().create_deployment_version(organization, deployment, "1", HANDLER, IMAGE)["version_id"]
    return [ServicesAPI().create_service(organization, deployment, version)["service_id"] for _ in range(2)]


@pytest.fixture
def endpoint(api: APIClient, organization: str, deployment: str, services: list[str]) -> dict[str, str]:
    """An endpoint `default` to the first of them, as it was answered."""
    made: dict[str, str] = api.create_endpoint(organization, deployment, services[0])
    return made


class TestCreate:
    """POST …/deployments/{deployment_id}/endpoints."""

    def test_answer(self, endpoint: dict[str, str], services: list[str]) -> None:
        """An endpoint is an id, an alias, and the service it leads to."""
        check_answer("create_endpoint", endpoint)
        assert ENDPOINT_ID.fullmatch(endpoint["endpoint_id"])
        assert endpoint == {
            "endpoint_id": endpoint["endpoint_id"],
            "custom_alias": "default",
            "service_id": services[0],
        }

    def test_of_a_stopped_service(
        self, api: APIClient, organization: str, deployment: str, services: list[str]
    ) -> None:
        """An endpoint may lead to a service that does not run."""
        ServicesAPI().stop_service(organization, deployment, services[0])
        assert api.create_endpoint(organization, deployment, services[0])["service_id"] == services[0]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"service_id": None}, "service_id"),
            ({"service_id": "ser-0000000000000000"}, "newest services: ser-"),
            ({"service_id": 1}, "service_id"),
            ({"custom_alias": None}, "custom_alias"),
            ({"custom_alias": ""}, "an alias"),
            ({"custom_alias": "a/b"}, "without a slash"),
            ({"custom_alias": ".."}, "an alias"),
            ({"custom_alias": 1}, "custom_alias"),
            ({"custom_alias": "default"}, "'default' exists already"),
        ],
    )
    @pytest.mark.usefixtures("endpoint")
    def test_refused(
        self,
        wire: Wire,
        deployment: str,
        services: list[str],
        platform: Platform,
        fields: dict[str, Any],
        words: str,
    ) -> None:
        """What is not well-formed, there already, or leads nowhere, is 400 and changes nothing."""
        before = state(platform)
        body = {"service_id": services[0], "custom_alias": "new", **fields}
        check_refusal(wire("POST", f"{DEPLOYMENTS}/{deployment}/endpoints", json=body), 400, words)
        assert state(platform) == before

    def test_alias_that_is_an_id(
        self, api: APIClient, organization: str, deployment: str, endpoint: dict[str, str], services: list[str]
    ) -> None:
        """An alias that is the id of another endpoint could not be told from it, and is refused."""
        with pytest.raises(abeja.exceptions.BadRequest, match="exists already"):
            api.create_endpoint(organization, deployment, services[0], endpoint["endpoint_id"])

    def test_service_of_another_deployment(
        self, api: APIClient, organization: str, deployment: str, endpoint: dict[str, str]
    ) -> None:
        """An endpoint leads to a service of its own deployment only, from the start and later."""
        other = full_deployment(organization, "other")["service_id"]
        with pytest.raises(abeja.exceptions.BadRequest, match=other):
            api.create_endpoint(organization, deployment, other, "new")
        with pytest.raises(abeja.exceptions.BadRequest, match=other):
            api.update_endpoint(organization, deployment, endpoint["endpoint_id"], other)

    def test_unknown_deployment(self, wire: Wire) -> None:
        """An endpoint of a deployment that does not exist is 404."""
        body = {"service_id": "ser-0", "custom_alias": "default"}
        check_refusal(wire("POST", f"{DEPLOYMENTS}/1999999999999/endpoints", json=body), 404, "1999999999999")


@pytest.mark.parametrize("by", ["endpoint_id", "custom_alias"])
class TestEffects:
    """What each operation changes in the answers of the others, with an endpoint named by its id or its alias."""

    def test_create(
        self,
        api: APIClient,
        organization: str,
        deployment: str,
        endpoint: dict[str, str],
        services: list[str],
        by: str,
    ) -> None:
        """New endpoints are shown, listed in order of creation, and named by their deployment."""
        other = api.create_endpoint(organization, deployment, services[1], "a b ü")
        listed = api.get_endpoints(organization, deployment)
        check_answer("get_endpoints", listed)
        assert listed == {"entries": [endpoint, other]}
        for each in (endpoint, other):
            found = api.get_endpoint(organization, deployment, each[by])
            check_answer("get_endpoint", found)
            assert found == each
        assert DeploymentsAPI().get_deployment(organization, deployment)["endpoints"] == [endpoint, other]

    def test_lead_elsewhere(
        self,
        api: APIClient,
        organization: str,
        deployment: str,
        endpoint: dict[str, str],
        services: list[str],
        by: str,
    ) -> None:
        """An endpoint changes its service and nothing else; the old service can go then, the new one cannot."""
        answer = api.update_endpoint(organization, deployment, endpoint[by], services[1])
        assert answer == {"message": f"{endpoint['endpoint_id']} updated"}
        changed = {**endpoint, "service_id": services[1]}
        assert api.get_endpoint(organization, deployment, endpoint[by]) == changed
        assert api.get_endpoints(organization, deployment) == {"entries": [changed]}
        assert DeploymentsAPI().get_deployment(organization, deployment)["endpoints"] == [changed]
        ServicesAPI().delete_service(organization, deployment, services[0])
        with pytest.raises(abeja.exceptions.Conflict, match=r"\(default\)"):
            ServicesAPI().delete_service(organization, deployment, services[1])

    def test_delete(
        self,
        api: APIClient,
        organization: str,
        deployment: str,
        endpoint: dict[str, str],
        services: list[str],
        by: str,
    ) -> None:
        """A deleted endpoint is known by neither of its names; its service stays, its alias is free."""
        answer = api.delete_endpoint(organization, deployment, endpoint[by])
        assert answer == {"message": f"{endpoint['endpoint_id']} deleted"}
        assert api.get_endpoints(organization, deployment) == {"entries": []}
        for name in (endpoint["endpoint_id"], "default"):
            with pytest.raises(abeja.exceptions.NotFound, match="newest endpoints: none"):
                api.get_endpoint(organization, deployment, name)
        assert ServicesAPI().get_service(organization, deployment, services[0])["status"] == "READY"
        assert api.create_endpoint(organization, deployment, services[0])["endpoint_id"] != endpoint["endpoint_id"]

    def test_endpoints_of_another_deployment(
        self, api: APIClient, wire: Wire, organization: str, endpoint: dict[str, str], by: str
    ) -> None:
        """Aliases are taken within a deployment; the endpoints of one are not known in another."""
        other = full_deployment(organization, "other")
        api.delete_endpoint(organization, other["deployment_id"], "default")
        path = f"{DEPLOYMENTS}/{other['deployment_id']}/endpoints/{endpoint[by]}"
        for method, body in (("GET", None), ("PATCH", {"service_id": other["service_id"]}), ("DELETE", None)):
            check_refusal(wire(method, path, json=body), 404, endpoint[by], "newest endpoints: none")


class TestUpdate:
    """PATCH …/endpoints/{endpoint}."""

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "service_id"),
            ({"service_id": None}, "service_id"),
            ({"service_id": "ser-0000000000000000"}, "newest services: ser-"),
        ],
    )
    def test_refused(
        self,
        wire: Wire,
        deployment: str,
        endpoint: dict[str, str],
        platform: Platform,
        body: dict[str, Any],
        words: str,
    ) -> None:
        """An endpoint that would lead nowhere is 400, and leads where it led."""
        before = state(platform)
        path = f"{DEPLOYMENTS}/{deployment}/endpoints/{endpoint['endpoint_id']}"
        check_refusal(wire("PATCH", path, json=body), 400, words)
        assert state(platform) == before
