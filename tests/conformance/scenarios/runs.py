"""Runs of a deployment, as they are submitted: each is held, so that it stays so and has no log."""

import datetime

from .kit import Kit
from .training_definitions import made_definition
from .training_models import created

#: A file of the datalake, which need not be there until the run begins.
FILE = {"$datalake:1": "1230000000001/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"}

#: A run with it waits until it is let go, which nobody does here.
HELD = {"ABEJA_EMULATOR_JOB_MODE": "held"}


def made_version(kit: Kit, name: str = "reader") -> "tuple[str, str]":
    """Make a deployment with a version, and return the ids of both."""
    path = "/organizations/{org}/deployments"
    deployment = kit.http("POST", path, {"name": name}).json["deployment_id"]
    fields = {"version": "0.0.1", "handler": "main:handler", "image": "abeja-inc/all-cpu:19.10"}
    answer = kit.http("POST", f"{path}/{deployment}/versions", fields)
    return deployment, answer.json["version_id"]


def made_model(kit: Kit) -> str:
    """Make a training model, and return its id."""
    made_definition(kit)
    return str(created(kit)["training_model_id"])


def check_life_of_a_run(kit: Kit) -> None:
    """What is submitted is shown and listed with all that was sent, and is gone with its deployment."""
    api, organization = kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    model = made_model(kit)
    assert api.get_runs(organization, deployment)["entries"] == []
    made = api.create_run(
        organization,
        deployment,
        version,
        input_data=FILE,
        output_template={"$datalake:1": "1230000000002"},
        distribution=3,
        retry_count=7,
        environment=dict(HELD, DEBUG="x"),
        model_id=model,
    )
    assert made["run_id"].startswith("run-")
    assert (made["model_version_id"], made["model_version"]) == (version, "0.0.1")
    assert (made["status"], made["retry_count"], made["distribution"]) == ("SUBMITTED", 7, 3)
    assert (made["input_data"], made["output_template"]) == (FILE, {"$datalake:1": "1230000000002"})
    assert (made["user_env_vars"], made["models"]) == (dict(HELD, DEBUG="x"), {"alias": model})
    assert api.get_run(organization, deployment, made["run_id"]) == made
    assert api.get_runs(organization, deployment) == {"entries": [made], "next_page_token": None}
    assert kit.http("DELETE", "/organizations/{org}/deployments/" + deployment).status == 200
    kit.refused(404, api.get_run, organization, deployment, made["run_id"])
    kit.refused(404, api.get_runs, organization, deployment)


def check_defaults_of_a_run(kit: Kit) -> None:
    """With nothing but a version there are five retries, no variables and no input."""
    api, organization = kit.api("runs"), kit.organization
    made = api.create_run(organization, *made_version(kit))
    assert (made["retry_count"], made["user_env_vars"], made["models"]) == (5, {}, {})
    assert (made["input_data"], made["output_template"]) == (None, None)


def check_pages_of_runs(kit: Kit) -> None:
    """Newest first unless told otherwise; tokens lead to each of them once."""
    api, organization = kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    ids = [api.create_run(organization, deployment, version, environment=HELD)["run_id"] for _ in range(60)]
    for forward, wanted in ((None, ids[::-1]), (False, ids[::-1]), (True, ids)):
        page = api.get_runs(organization, deployment, scan_forward=forward)
        found = page["entries"]
        while page["next_page_token"]:
            page = api.get_runs(organization, deployment, next_page_token=page["next_page_token"])
            found += page["entries"]
        assert [each["run_id"] for each in found] == wanted
    kit.refused(400, api.get_runs, organization, deployment, next_page_token="nonsense")


def check_refused_runs(kit: Kit) -> None:
    """A run is of a version that is there, and of a well-formed input."""
    api, organization = kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    other, _ = made_version(kit, "other")
    kit.refused(404, api.create_run, organization, "1999999999999", version)
    kit.refused(404, api.create_run, organization, other, version)
    kit.refused(400, api.create_run, organization, deployment, version, retry_count=10)
    kit.refused(400, api.create_run, organization, deployment, version, input_data={"$datalake:1": "nowhere"})
    kit.refused(400, api.create_run, organization, deployment, version, environment={"no-name": "x"})
    kit.refused(400, api.create_run, organization, deployment, version, model_id="1999999999999")
    assert api.get_runs(organization, deployment)["entries"] == []
    kit.refused(404, api.get_run, organization, deployment, "run-0000000000000000")


def check_log_of_a_new_run(kit: Kit) -> None:
    """A run that has not begun has no lines; only recent logs have tokens then."""
    api, organization = kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    where = (organization, deployment, api.create_run(organization, deployment, version, environment=HELD)["run_id"])
    assert api.get_run_logs(*where) == {"events": []}
    recent = api.get_run_recent_logs(*where)
    assert recent["events"] == []
    times = {
        "start_time": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "end_time": datetime.datetime(2034, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    }
    assert api.get_run_logs(*where, **times) == {"events": []}
    for name in ("next_forward_token", "next_backward_token"):
        page = api.get_run_recent_logs(*where, **{name: recent[name]})
        assert page["events"] == []
        assert page["next_forward_token"]
        assert page["next_backward_token"]
    kit.refused(400, api.get_run_logs, *where, next_token="nonsense")
    kit.refused(404, api.get_run_logs, organization, deployment, "run-0000000000000000")
    kit.refused(404, api.get_run_recent_logs, organization, deployment, "run-0000000000000000")
