"""Endpoints: fixed addresses of a deployment's services."""

from .kit import Kit

IMAGE = "abeja-inc/all-cpu:19.10"


def served(kit: Kit) -> "tuple[str, list[str]]":
    """Return the id of a deployment, and those of two services of it."""
    deployments, services, organization = kit.api("deployments"), kit.api("services"), kit.organization
    deployment = deployments.create_deployment(organization, name="reader")["deployment_id"]
    made = deployments.create_deployment_version(organization, deployment, "0.0.1", "main:handler", IMAGE)
    version = made["version_id"]
    return deployment, [
        services.create_service(organization, deployment, version)["service_id"],
        services.create_service(organization, deployment, version)["service_id"],
    ]


def check_life_of_an_endpoint(kit: Kit) -> None:
    """An endpoint is known by its id and its alias, leads to one service and then another, and is gone once deleted."""
    api, organization = kit.api("endpoints"), kit.organization
    deployment, (old, new) = served(kit)
    assert api.get_endpoints(organization, deployment) == {"entries": []}
    made = api.create_endpoint(organization, deployment, old)
    endpoint = made["endpoint_id"]
    assert made == {"endpoint_id": endpoint, "custom_alias": "default", "service_id": old}
    assert api.get_endpoint(organization, deployment, endpoint) == made
    assert api.get_endpoint(organization, deployment, "default") == made
    assert api.get_endpoints(organization, deployment) == {"entries": [made]}
    kit.refused(400, api.create_endpoint, organization, deployment, new)
    assert api.update_endpoint(organization, deployment, endpoint, new) == {"message": endpoint + " updated"}
    assert api.get_endpoint(organization, deployment, "default")["service_id"] == new
    assert api.update_endpoint(organization, deployment, "default", old) == {"message": endpoint + " updated"}
    assert api.get_endpoint(organization, deployment, endpoint)["service_id"] == old
    assert api.delete_endpoint(organization, deployment, "default") == {"message": endpoint + " deleted"}
    assert api.get_endpoints(organization, deployment) == {"entries": []}
    kit.refused(404, api.get_endpoint, organization, deployment, endpoint)
    kit.refused(404, api.delete_endpoint, organization, deployment, "default")


def check_aliases(kit: Kit) -> None:
    """Several endpoints of one deployment have aliases of their own, and may lead to the same service."""
    api, organization = kit.api("endpoints"), kit.organization
    deployment, (service, _) = served(kit)
    made = [api.create_endpoint(organization, deployment, service, alias) for alias in ("blue", "green")]
    assert api.get_endpoints(organization, deployment) == {"entries": made}
    assert api.get_endpoint(organization, deployment, "green") == made[1]
    kit.refused(400, api.create_endpoint, organization, deployment, service, "green")
    kit.refused(400, api.create_endpoint, organization, deployment, "ser-0000000000000000", "red")
    kit.refused(400, api.update_endpoint, organization, deployment, "blue", "ser-0000000000000000")
    kit.refused(404, api.update_endpoint, organization, deployment, "red", service)
