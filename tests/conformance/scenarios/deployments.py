"""Deployments and the versions of their code."""

from .kit import Absent, Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IMAGE = "abeja-inc/all-cpu:19.10"


def ids(entries: "Any", name: str) -> "list[str]":
    """Return the ids in a listing."""
    return [each[name] for each in entries["entries"]]


def check_life_of_a_deployment(kit: Kit) -> None:
    """What is created is shown and listed, takes its name, changes, and is gone once it is deleted."""
    api, organization = kit.api("deployments"), kit.organization
    assert api.get_deployments(organization) == {"entries": []}
    made = api.create_deployment(organization, name="reader", description="reads digits")
    identifier = made["deployment_id"]
    assert (made["name"], made["description"], made["default_environment"]) == ("reader", "reads digits", {})
    assert (made["runs"], made["services"], made["triggers"]) == ([], [], [])
    assert api.get_deployment(organization, identifier) == made
    assert api.get_deployments(organization) == {"entries": [made]}
    kit.refused(400, api.create_deployment, organization, name="reader")
    changed = api.patch_deployment(organization, identifier, "writer", {"SIZE": "28"})
    assert (changed["name"], changed["default_environment"]) == ("writer", {"SIZE": "28"})
    assert api.patch_deployment(organization, identifier, "author")["default_environment"] == {"SIZE": "28"}
    assert api.get_deployment(organization, identifier)["name"] == "author"
    other = api.create_deployment(organization, name="reader")["deployment_id"]
    assert ids(api.get_deployments(organization), "deployment_id") == [identifier, other]
    assert api.delete_deployment(organization, identifier) == {"message": identifier + " deleted"}
    assert ids(api.get_deployments(organization), "deployment_id") == [other]
    kit.refused(404, api.get_deployment, organization, identifier)
    kit.refused(404, api.delete_deployment, organization, identifier)


def check_default_environment(kit: Kit) -> None:
    """Default variables of a new deployment are kept as text, though the SDK calls them deprecated."""
    api = kit.api("deployments")
    made = api.create_deployment(kit.organization, name="reader", default_environment={"SIZE": 28})
    assert made["default_environment"] == {"SIZE": "28"}


def check_deployment_of_a_model(kit: Kit) -> None:
    """A deployment of a model, which only SDK 1.0.4 and before can ask for, shows that model."""
    api, organization = kit.api("deployments"), kit.organization
    model = kit.http("POST", "/organizations/{org}/models", {"name": "digits"}).json["model_id"]
    try:
        kit.takes(api.create_deployment, "model_id")
        made = api.create_deployment(organization, model_id=model, name="reader")
    except Absent:
        made = kit.http("POST", "/organizations/{org}/models/" + model + "/deployments", {"name": "reader"}).json
    assert (made["name"], made["model_id"], made["daemons"]) == ("reader", model, [])
    assert api.get_deployment(organization, made["deployment_id"])["model_id"] == model


def check_code_of_a_version(kit: Kit) -> None:
    """Code is put to the URL a new version has, and comes back from the URL that is asked for."""
    api, organization = kit.api("deployments"), kit.organization
    deployment = api.create_deployment(organization, name="reader")["deployment_id"]
    made = api.create_deployment_version(organization, deployment, "0.0.1", "main:handler", IMAGE, {"SIZE": "28"})
    version = made["version_id"]
    assert (made["version"], made["handler"], made["image"]) == ("0.0.1", "main:handler", IMAGE)
    assert made["user_parameters"] == {"SIZE": "28"}
    kit.refused(404, api.download_deployment_version, organization, deployment, version)
    code = bytes(range(256)) * 64
    assert kit.http("PUT", made["upload_url"], code).status == 200
    url = api.download_deployment_version(organization, deployment, version)["download_uri"]
    assert "?" in url
    answer = kit.http("GET", url)
    assert (answer.status, answer.body) == (200, code)
    assert answer.headers["Content-Length"] == str(len(code))
    assert api.delete_deployment_version(organization, deployment, version) == {"message": version + " deleted"}
    assert kit.http("GET", url).status == 404


def check_versions(kit: Kit) -> None:
    """Versions are shown, listed, and named by their deployment; their numbers are taken, and free once deleted."""
    api, organization = kit.api("deployments"), kit.organization
    deployment = api.create_deployment(organization, name="reader")["deployment_id"]
    assert api.get_deployment_versions(organization, deployment) == {"entries": []}
    made = [
        api.create_deployment_version(organization, deployment, "0.0.1", "main:handler", IMAGE),
        api.create_deployment_from_template(organization, deployment, 1, "0.0.2", "main:handler", IMAGE, {"A": "1"}),
    ]
    del made[0]["upload_url"]
    assert api.get_deployment_versions(organization, deployment) == {"entries": made}
    for each in made:
        assert api.get_deployment_version(organization, deployment, each["version_id"]) == each
    first, second = [each["version_id"] for each in made]
    codes = api.get_deployment(organization, deployment)["codes"]
    assert [each["version_id"] for each in codes] == [first, second]
    kit.refused(400, api.create_deployment_version, organization, deployment, "0.0.2", "main:handler", IMAGE)
    kit.refused(400, api.create_deployment_version, organization, "1999999999999", "1", "main:handler", IMAGE)
    api.delete_deployment_version(organization, deployment, second)
    assert ids(api.get_deployment_versions(organization, deployment), "version_id") == [first]
    kit.refused(404, api.get_deployment_version, organization, deployment, second)
    api.create_deployment_version(organization, deployment, "0.0.2", "main:handler", IMAGE)


def check_all_below_a_deployment_goes_with_it(kit: Kit) -> None:
    """Versions, services and endpoints are gone with their deployment."""
    api, services, endpoints = kit.api("deployments"), kit.api("services"), kit.api("endpoints")
    organization = kit.organization
    deployment = api.create_deployment(organization, name="reader")["deployment_id"]
    version = api.create_deployment_version(organization, deployment, "1", "main:handler", IMAGE)["version_id"]
    service = services.create_service(organization, deployment, version)["service_id"]
    endpoint = endpoints.create_endpoint(organization, deployment, service)["endpoint_id"]
    kit.refused(409, api.delete_deployment_version, organization, deployment, version)
    api.delete_deployment(organization, deployment)
    kit.refused(404, api.get_deployment_version, organization, deployment, version)
    kit.refused(404, services.get_service, organization, deployment, service)
    kit.refused(404, endpoints.get_endpoint, organization, deployment, endpoint)
