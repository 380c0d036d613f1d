"""HTTP services of a deployment."""

import io
import time
import zipfile
from datetime import datetime, timedelta, timezone

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IMAGE = "abeja-inc/all-cpu:19.10"

#: A model that says the same to whatever it is asked.
MODEL = """
def handler(request, context):
    return {"status_code": 200, "content_type": "text/plain", "content": "cat"}
"""

#: Seconds; nothing that works takes so long.
PATIENCE = 60


def deployed(kit: Kit, code: str = MODEL) -> "tuple[str, str]":
    """Return the ids of a deployment with default variables, and of a version of it."""
    api, organization = kit.api("deployments"), kit.organization
    deployment = api.create_deployment(organization, name="reader")["deployment_id"]
    api.patch_deployment(organization, deployment, "reader", {"A": "1", "B": "1"})
    made = api.create_deployment_version(organization, deployment, "0.0.1", "main:handler", IMAGE)
    source = io.BytesIO()
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("main.py", code)
    assert kit.http("PUT", made["upload_url"], source.getvalue()).status == 200
    return deployment, made["version_id"]


def ready(kit: Kit, deployment: str, service: str) -> "Any":
    """Return a service once it is ready."""
    patience = time.monotonic() + PATIENCE
    found = kit.api("services").get_service(kit.organization, deployment, service)
    while found["status"] == "IN_PROGRESS":
        assert time.monotonic() < patience, found
        time.sleep(0.02)
        found = kit.api("services").get_service(kit.organization, deployment, service)
    assert found["status"] == "READY"
    return found


def messages(page: "Any") -> "list[str]":
    """Return the messages of a page of a log, without what the model's own process says whenever it likes."""
    said = [event["message"] for event in page["events"]]
    return [each for each in said if not each.startswith(("INFO: ", "WARNING: "))]


def check_life_of_a_service(kit: Kit) -> None:
    """A service starts, is ready, is stopped and started again, and is gone once it is deleted."""
    api, organization = kit.api("services"), kit.organization
    deployment, version = deployed(kit)
    assert api.get_services(organization, deployment) == {"entries": []}
    made = api.create_service(organization, deployment, version)
    service = made["service_id"]
    assert (made["status"], made["model_version"], made["model_version_id"]) == ("IN_PROGRESS", "0.0.1", version)
    found = ready(kit, deployment, service)
    assert api.get_services(organization, deployment) == {"entries": [found]}
    kit.refused(400, api.start_service, organization, deployment, service)
    assert api.stop_service(organization, deployment, service) == {"message": service + " stopped"}
    assert api.get_service(organization, deployment, service)["status"] == "STOPPED"
    kit.refused(400, api.stop_service, organization, deployment, service)
    assert api.start_service(organization, deployment, service) == {"message": service + " started"}
    ready(kit, deployment, service)
    assert api.delete_service(organization, deployment, service) == {"message": service + " deleted"}
    assert api.get_services(organization, deployment) == {"entries": []}
    kit.refused(404, api.get_service, organization, deployment, service)
    kit.refused(400, api.create_service, organization, deployment, "ver-0000000000000000")


def check_settings(kit: Kit) -> None:
    """Instances and variables are shown as they were set; variables lie over the deployment's."""
    api, organization = kit.api("services"), kit.organization
    deployment, version = deployed(kit)
    plain = api.create_service(organization, deployment, version)
    assert (plain["instance_type"], plain["instance_number"], plain["user_env_vars"]) == ("cpu-0.25", 1, {})
    made = api.create_service(
        organization, deployment, version, instance_number=2, instance_type="gpu:a-1", environment={"B": "2"}
    )
    assert (made["instance_type"], made["instance_number"]) == ("gpu:a-1", 2)
    assert made["user_env_vars"] == {"B": "2"}
    assert made["merged_env_vars"] == {"A": "1", "B": "2"}
    kit.refused(400, api.create_service, organization, deployment, version, instance_number=301)


def check_autoscale(kit: Kit) -> None:
    """The bounds of autoscaling follow from the number of instances unless they are set."""
    api, organization = kit.api("services"), kit.organization
    kit.takes(api.create_service, "min_instance_number", "max_instance_number", "enable_autoscale")
    deployment, version = deployed(kit)
    names = ("instance_number", "min_instance_number", "max_instance_number", "enable_autoscale")
    made = api.create_service(organization, deployment, version, instance_number=3)
    assert [made[name] for name in names] == [3, 3, 6, True]
    made = api.create_service(
        organization,
        deployment,
        version,
        instance_number=3,
        min_instance_number=1,
        max_instance_number=4,
        enable_autoscale=False,
    )
    assert [made[name] for name in names] == [3, 1, 4, False]


def check_model(kit: Kit) -> None:
    """A service mounts a training model, which has to be there."""
    api, training, organization = kit.api("services"), kit.api("training"), kit.organization
    deployment, version = deployed(kit)
    training.create_training_job_definition(organization, "digits")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("weights.bin", b"0123")
    content.seek(0)
    made = training.create_training_model(organization, "digits", content, {"description": "first"})
    model = made["training_model_id"]
    service = api.create_service(organization, deployment, version, model_id=model)
    assert service["models"] == {"alias": model}
    assert api.get_service(organization, deployment, service["service_id"])["models"] == {"alias": model}
    kit.refused(400, api.create_service, organization, deployment, version, model_id="1999999999999")


def check_update(kit: Kit) -> None:
    """A service that is changed starts anew, and shows what it was changed to."""
    api, organization = kit.api("services"), kit.organization
    deployment, version = deployed(kit)
    service = api.create_service(organization, deployment, version)["service_id"]
    ready(kit, deployment, service)
    assert api.update_service(organization, deployment, service)["status"] == "READY"
    payload = {
        "instance_number": 4,
        "min_instance_number": 2,
        "max_instance_number": 6,
        "enable_autoscale": "true",
    }
    changed = api.update_service(organization, deployment, service, payload)
    assert changed["status"] == "IN_PROGRESS"
    found = ready(kit, deployment, service)
    assert found["instance_number"] == 4
    assert (found["min_instance_number"], found["max_instance_number"]) == (2, 6)
    kit.refused(400, api.update_service, organization, deployment, service, {"instance_number": 7})


def check_recent_logs(kit: Kit) -> None:
    """The newest line is first; the tokens are always there and lead to what came since and to what was before."""
    api, organization = kit.api("services"), kit.organization
    deployment, version = deployed(kit)
    service = api.create_service(organization, deployment, version)["service_id"]
    where = (organization, deployment, service)
    ready(kit, deployment, service)
    page = api.get_service_recent_logs(*where)
    assert messages(page) == ["ready", "starting version 0.0.1 ({})".format(version)]
    since = api.get_service_recent_logs(*where, next_forward_token=page["next_forward_token"])
    assert messages(since) == []
    api.stop_service(*where)
    since = api.get_service_recent_logs(*where, next_forward_token=since["next_forward_token"])
    assert messages(since) == ["stopped"]
    before = api.get_service_recent_logs(*where, next_backward_token=since["next_backward_token"])
    assert messages(before) == messages(page)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    assert api.get_service_recent_logs(*where, start_time=tomorrow)["events"] == []
    assert len(messages(api.get_service_recent_logs(*where, end_time=tomorrow))) == 3


def check_a_service_behind_an_endpoint_stays(kit: Kit) -> None:
    """A service that an endpoint leads to is not deleted; a version that a service runs is not either."""
    api, endpoints, organization = kit.api("services"), kit.api("endpoints"), kit.organization
    deployment, version = deployed(kit)
    service = api.create_service(organization, deployment, version)["service_id"]
    endpoint = endpoints.create_endpoint(organization, deployment, service)["endpoint_id"]
    kit.refused(409, api.delete_service, organization, deployment, service)
    endpoints.delete_endpoint(organization, deployment, endpoint)
    kit.refused(409, kit.api("deployments").delete_deployment_version, organization, deployment, version)
    api.delete_service(organization, deployment, service)
    kit.api("deployments").delete_deployment_version(organization, deployment, version)
