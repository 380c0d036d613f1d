"""Triggers, and the runs they make of files."""

from .kit import Kit
from .runs import HELD, made_model, made_version


def made_channel(kit: Kit, name: str = "in") -> str:
    """Make a channel, and return its id."""
    fields = {"name": name, "description": "", "storage_type": "datalake"}
    answer = kit.http("POST", "/organizations/{org}/channels", fields)
    return str(answer.json["channel"]["channel_id"])


def put(kit: Kit, channel: str) -> str:
    """Put a file into a channel, and return its id."""
    answer = kit.http("POST", f"/channels/{channel}/upload", b"content", {"Content-Type": "text/plain"})
    return str(answer.json["file_id"])


def check_life_of_a_trigger(kit: Kit) -> None:
    """What is created is shown and listed with all that was sent, and is gone once it is deleted."""
    api, organization = kit.api("triggers"), kit.organization
    deployment, version = made_version(kit)
    channel, output = made_channel(kit), made_channel(kit, "out")
    model = made_model(kit)
    assert api.get_triggers(organization, deployment) == {"entries": []}
    made = api.create_trigger(
        organization,
        deployment,
        version,
        "datalake",
        channel,
        output_service_name="datalake",
        output_service_id=output,
        distribution=3,
        retry_count=7,
        environment={"DEBUG": "x"},
        model_id=model,
    )
    assert made["trigger_id"].startswith("tri-")
    assert (made["model_version_id"], made["model_version"]) == (version, "0.0.1")
    assert (made["input_service_name"], made["input_service_id"]) == ("datalake", channel)
    assert (made["output_service_name"], made["output_service_id"]) == ("datalake", output)
    assert (made["retry_count"], made["distribution"]) == (7, 3)
    assert (made["user_env_vars"], made["models"]) == ({"DEBUG": "x"}, {"alias": model})
    where = (organization, deployment, made["trigger_id"])
    assert api.get_trigger(*where) == made
    assert api.get_triggers(organization, deployment) == {"entries": [made]}
    assert api.delete_trigger(*where) == {"message": made["trigger_id"] + " deleted"}
    assert api.get_triggers(organization, deployment) == {"entries": []}
    for method in (api.get_trigger, api.delete_trigger, api.get_trigger_runs):
        kit.refused(404, method, *where)


def check_defaults_of_a_trigger(kit: Kit) -> None:
    """With nothing but a version and a channel there are five retries, no variables and no output."""
    api, organization = kit.api("triggers"), kit.organization
    deployment, version = made_version(kit)
    made = api.create_trigger(organization, deployment, version, "datalake", made_channel(kit))
    assert (made["retry_count"], made["user_env_vars"], made["models"]) == (5, {}, {})
    assert (made["output_service_name"], made["output_service_id"]) == (None, None)


def check_a_trigger_fires(kit: Kit) -> None:
    """Every file that comes into the channel is a run, until the trigger is deleted; its runs stay."""
    api, runs, organization = kit.api("triggers"), kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    channel, output = made_channel(kit), made_channel(kit, "out")
    put(kit, channel)
    made = api.create_trigger(
        organization,
        deployment,
        version,
        "datalake",
        channel,
        output_service_name="datalake",
        output_service_id=output,
        retry_count=0,
        environment=HELD,
    )
    where = (organization, deployment, made["trigger_id"])
    assert api.get_trigger_runs(*where) == {"entries": [], "next_page_token": None}
    files = [put(kit, channel) for _ in range(3)]
    put(kit, output)
    found = api.get_trigger_runs(*where, scan_forward=True)["entries"]
    assert [run["input_data"] for run in found] == [{"$datalake:1": channel + "/" + file} for file in files]
    for run in found:
        assert run["trigger_id"] == made["trigger_id"]
        assert run["output_template"] == {"$datalake:1": output}
        assert (run["status"], run["retry_count"], run["user_env_vars"]) == ("SUBMITTED", 0, HELD)
    assert api.get_trigger_runs(*where)["entries"] == found[::-1]
    api.delete_trigger(*where)
    put(kit, channel)
    kept = runs.get_runs(organization, deployment, scan_forward=True)["entries"]
    assert [run["run_id"] for run in kept] == [run["run_id"] for run in found]


def check_pages_of_the_runs_of_a_trigger(kit: Kit) -> None:
    """Tokens lead to each of them once, and to no other run of the deployment."""
    api, runs, organization = kit.api("triggers"), kit.api("runs"), kit.organization
    deployment, version = made_version(kit)
    channel = made_channel(kit)
    made = api.create_trigger(organization, deployment, version, "datalake", channel, environment=HELD)
    where = (organization, deployment, made["trigger_id"])
    wanted = []
    for _ in range(55):
        wanted.append({"$datalake:1": channel + "/" + put(kit, channel)})
        runs.create_run(organization, deployment, version, environment=HELD)
    page = api.get_trigger_runs(*where)
    found = page["entries"]
    while page["next_page_token"]:
        page = api.get_trigger_runs(*where, next_page_token=page["next_page_token"])
        found += page["entries"]
    assert [run["input_data"] for run in found] == wanted[::-1]
    kit.refused(400, api.get_trigger_runs, *where, next_page_token="nonsense")


def check_refused_triggers(kit: Kit) -> None:
    """A trigger is of a version and a channel that are there, and of the datalake."""
    api, organization = kit.api("triggers"), kit.organization
    deployment, version = made_version(kit)
    channel = made_channel(kit)
    other, _ = made_version(kit, "other")
    kit.refused(404, api.create_trigger, organization, other, version, "datalake", channel)
    kit.refused(404, api.create_trigger, organization, deployment, version, "datalake", "1999999999999")
    kit.refused(400, api.create_trigger, organization, deployment, version, "datamart-rdb", channel)
    kit.refused(400, api.create_trigger, organization, deployment, version, "datalake", channel, retry_count=10)
    assert api.get_triggers(organization, deployment) == {"entries": []}
