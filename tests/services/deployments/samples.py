"""Fields of versions, and all that can be below a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.endpoints import APIClient as EndpointsAPI
from abeja.runs import APIClient as RunsAPI
from abeja.services import APIClient as ServicesAPI
from abeja.triggers import APIClient as TriggersAPI

from tests.services.training.samples import tarred
from tests.services.wire import TIMEOUT

if TYPE_CHECKING:
    from tests.services.wire import Wire

HANDLER = "main:handler"
IMAGE = "abeja-inc/all-cpu:19.10"

#: Path of the deployments, for `wire`.
DEPLOYMENTS = "/organizations/{org}/deployments"


def full_deployment(organization: str, name: str = "full") -> dict[str, str]:
    """Make a deployment that has one of everything, and return its ids; the organization gets a channel."""
    deployments, services, datalake = DeploymentsAPI(), ServicesAPI(), DatalakeAPI()
    deployment = deployments.create_deployment(organization, name)["deployment_id"]
    made = deployments.create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
    version = made["version_id"]
    requests.put(made["upload_url"], data=tarred({"main.py": name.encode()}), timeout=TIMEOUT).raise_for_status()
    service = services.create_service(organization, deployment, version)["service_id"]
    channels = datalake.list_channels(organization)["channels"]
    channel = channels[0] if channels else datalake.create_channel(organization, "in", "", "datalake")["channel"]
    return {
        "deployment_id": deployment,
        "version_id": version,
        "service_id": service,
        "endpoint_id": EndpointsAPI().create_endpoint(organization, deployment, service)["endpoint_id"],
        "run_id": RunsAPI().create_run(organization, deployment, version)["run_id"],
        "trigger_id": TriggersAPI().create_trigger(
            organization, deployment, version, "datalake", channel["channel_id"]
        )["trigger_id"],
    }


def shown(wire: Wire, path: str) -> Any:
    """Return what a path below the deployments shows."""
    response = wire("GET", f"{DEPLOYMENTS}{path}")
    assert response.status_code == 200, response.text
    return response.json()
