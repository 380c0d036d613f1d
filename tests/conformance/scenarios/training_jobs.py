"""Training jobs, which really run, through the client of the API."""

import io
import json
import time
import zipfile

from .kit import Absent, Kit
from .training_definitions import made_definition, made_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds; nothing that works takes so long.
PATIENCE = 60

#: Variables of a job that is not let go: it stays Pending until it is stopped.
HELD = {"ABEJA_EMULATOR_JOB_MODE": "held"}

#: A handler that keeps what it was given.
KEEPS = """
import json, os

def handler(context):
    kept = {"datasets": context["datasets"], "variables": dict(os.environ)}
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "kept.json"), "w") as file:
        json.dump(kept, file)
    print("kept")
    if "FAILS" in os.environ:
        raise ValueError("as asked for")
"""


def path_of(job_id: str, rest: str = "") -> str:
    """Return the path of a job of the definition `definition`."""
    return "/organizations/{org}/training/definitions/definition/jobs/" + job_id + rest


def shown(kit: Kit, job_id: str) -> "Any":
    """Return a job as it is shown now."""
    return kit.api("train").get_training_job(kit.organization, "definition", job_id)


def started(kit: Kit, **options: "Any") -> str:
    """Make a job of the first version of `definition`, and return its id."""
    return str(kit.api("train").create_training_job(kit.organization, "definition", 1, **options)["training_job_id"])


def ended(kit: Kit, job_id: str) -> "Any":
    """Return a job once it has ended."""
    patience = time.monotonic() + PATIENCE
    job = shown(kit, job_id)
    while job["status"] in ("Pending", "Active"):
        assert time.monotonic() < patience, job
        time.sleep(0.02)
        job = shown(kit, job_id)
    return job


def result(kit: Kit, job_id: str) -> "dict[str, bytes]":
    """Return the files in the result of a job."""
    answer = kit.api("train").get_training_result(kit.organization, "definition", job_id)
    with zipfile.ZipFile(io.BytesIO(kit.http("GET", answer["artifacts"]["complete"]["uri"]).body)) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def local_job(kit: Kit) -> "Any":
    """Make a job that runs on the caller's machine, as the command line does for `train-local`, and return it."""
    made_definition(kit, versions=1)
    path = "/organizations/{org}/training/definitions/definition/versions/1/jobs"
    return kit.http("POST", path, {"exec_env": "local"}).json


def check_a_job_that_ends_well(kit: Kit) -> None:
    """It is Pending, becomes Complete with its times, and its handler was given what the job says."""
    made_definition(kit)
    made_version(kit, "definition", KEEPS, environment={"EPOCHS": 3, "RATE": "0.1"})
    api = kit.api("train")
    created = api.create_training_job(
        kit.organization, "definition", 1, environment={"EPOCHS": 5}, datasets={"train": "1234567890123"}
    )
    assert (created["status"], created["start_time"], created["completion_time"]) == ("Pending", None, None)
    # What the job says lies over what its version says.
    assert created["environment"] == {"EPOCHS": "5", "RATE": "0.1"}
    assert created["datasets"] == {"train": "1234567890123"}
    job_id = created["training_job_id"]
    job = ended(kit, job_id)
    assert job["status"] == "Complete", job
    assert created["created_at"] <= job["start_time"] <= job["completion_time"] <= job["modified_at"]
    for name in ("id", "training_job_id", "environment", "datasets", "created_at", "creator", "exec_env"):
        assert job[name] == created[name]
    kept = json.loads(result(kit, job_id)["kept.json"].decode())
    assert kept["datasets"] == {"train": "1234567890123"}
    variables = kept["variables"]
    assert (variables["EPOCHS"], variables["RATE"]) == ("5", "0.1")
    assert (variables["TRAINING_JOB_ID"], variables["TRAINING_JOB_DEFINITION_NAME"]) == (job_id, "definition")
    assert variables["ABEJA_ORGANIZATION_ID"] == kit.organization
    (listed,) = api.get_training_jobs(kit.organization, "definition")["entries"]
    assert listed == job


def check_a_job_that_fails(kit: Kit) -> None:
    """It is Failed, and what it had written is kept all the same."""
    made_definition(kit)
    made_version(kit, "definition", KEEPS)
    job = ended(kit, started(kit, environment={"FAILS": "yes"}))
    assert (job["status"], job["archived"]) == ("Failed", False)
    assert "kept.json" in result(kit, job["training_job_id"])


def check_the_old_name_of_the_environment(kit: Kit) -> None:
    """`user_parameters` are the variables of a job where it names no `environment`."""
    made_definition(kit, versions=1)
    assert shown(kit, started(kit, user_parameters={"OLD": "1"}))["environment"] == {"OLD": "1"}
    assert shown(kit, started(kit, user_parameters={"OLD": "1"}, environment={"NEW": 2}))["environment"] == {"NEW": "2"}


def check_stopping_a_job(kit: Kit) -> None:
    """A job that waits is Stopped without ever having started, and stays so; it has no result."""
    api, organization = kit.api("train"), kit.organization
    made_definition(kit, versions=1)
    job_id = started(kit, environment=HELD)
    assert shown(kit, job_id)["status"] == "Pending"
    try:
        answer = kit.api("training").stop_training_job(organization, "definition", job_id)
        assert answer == {"message": f"definition:{job_id} stopped"}
    except Absent:
        # What SDK 1.0.8 and before call so.
        api.delete_training_job(organization, "definition", job_id)
    job = shown(kit, job_id)
    assert (job["status"], job["start_time"]) == ("Stopped", None)
    assert job["completion_time"] is not None
    assert api.get_training_result(organization, "definition", job_id) == {"artifacts": {}}
    for method, rest in (("POST", "/stop"), ("DELETE", "")):
        assert kit.http(method, path_of(job_id, rest)).status == 409
        assert kit.http(method, path_of("1999999999999", rest)).status == 404
    assert shown(kit, job_id) == job


def check_pages_of_jobs(kit: Kit) -> None:
    """The newest is the first, ten are a page unless a number is named, and the total is that of all."""
    api, organization = kit.api("train"), kit.organization
    made_definition(kit, versions=1)
    made_definition(kit, "other", versions=1)
    assert api.get_training_jobs(organization, "definition")["total"] == 0
    ids = [started(kit, environment=HELD) for _ in range(12)][::-1]
    for offset, limit in ((0, 5), (5, 5), (10, 5), (12, 5)):
        page = api.get_training_jobs(organization, "definition", limit=limit, offset=offset)
        assert [each["training_job_id"] for each in page["entries"]] == ids[offset : offset + limit]
        assert (page["total"], page["offset"], page["limit"]) == (12, offset, limit)
    page = api.get_training_jobs(organization, "definition")
    assert [each["id"] for each in page["entries"]] == ids[:10]
    assert api.get_training_jobs(organization, "other")["total"] == 0
    kit.refused(404, api.get_training_job, organization, "other", ids[0])
    kit.refused(404, api.get_training_jobs, organization, "no such definition")


def check_archiving_a_job(kit: Kit) -> None:
    """An archived job is listed and counted only where it is asked for, and can come back."""
    api, organization = kit.api("training"), kit.organization
    made_definition(kit, versions=1)
    first, second = (started(kit, environment=HELD) for _ in range(2))

    def listed(**options: "Any") -> "list[str]":
        page = api.get_training_jobs(organization, "definition", **options)
        assert page["total"] == len(page["entries"])
        return [each["training_job_id"] for each in page["entries"]]

    answer = api.archive_training_job(organization, "definition", first)
    assert answer == {"message": f"definition:{first} archived"}
    assert (shown(kit, first)["archived"], shown(kit, first)["status"]) == (True, "Pending")
    assert listed() == listed(filter_archived=True) == [second]
    assert listed(filter_archived=False) == [second, first]
    jobs = api.get_training_job_definition(organization, "definition", include_jobs=True)["jobs"]
    assert [each["id"] for each in jobs] == [second]
    answer = api.unarchive_training_job(organization, "definition", first)
    assert answer == {"message": f"definition:{first} unarchived"}
    assert shown(kit, first)["archived"] is False
    assert listed() == [second, first]
    for each in (api.archive_training_job, api.unarchive_training_job):
        kit.refused(404, each, organization, "definition", "1999999999999")


def check_jobs_of_a_deleted_definition(kit: Kit) -> None:
    """Their results are gone with them, and their tokens are good for nothing."""
    created = local_job(kit)
    job_id, api = created["training_job_id"], kit.api("train")
    place = kit.http("POST", path_of(job_id, "/result")).json["uri"]
    assert kit.http("PUT", place, b"result", {"Content-Type": "application/zip"}).status == 200
    address = api.get_training_result(kit.organization, "definition", job_id)["artifacts"]["complete"]["uri"]
    assert kit.http("GET", address).body == b"result"
    own = kit.module("train").APIClient(credential={"auth_token": created["token"]})
    assert own.get_training_job(kit.organization, "definition", job_id)["training_job_id"] == job_id
    api.delete_training_job_definition(kit.organization, "definition")
    kit.refused(401, own.get_training_job_definitions, kit.organization)
    assert kit.http("GET", address).status == 404
    assert kit.http("PUT", place, b"late", {"Content-Type": "application/zip"}).status == 404


def check_jobs_of_a_definition(kit: Kit) -> None:
    """They are shown with it unless they are not wanted, and gone with it."""
    api, organization = kit.api("train"), kit.organization
    made_definition(kit, versions=1)
    ids = [started(kit, environment=HELD) for _ in range(2)][::-1]
    for options in ({}, {"include_jobs": True}):
        jobs = api.get_training_job_definition(organization, "definition", **options)["jobs"]
        assert jobs == [shown(kit, each) for each in ids]
    assert api.get_training_job_definition(organization, "definition", include_jobs=False)["jobs"] is None
    api.delete_training_job_definition(organization, "definition")
    made_definition(kit, versions=1)
    assert api.get_training_jobs(organization, "definition", filter_archived=False)["total"] == 0
    kit.refused(404, api.get_training_job, organization, "definition", ids[0])


def check_instance_types(kit: Kit) -> None:
    """A job has the type that it names, else that of its image; one that there is not is refused."""
    made_definition(kit, versions=1)
    made_version(kit, "definition", image="abeja-inc/all-gpu:19.10")
    api = kit.api("train")
    given = api.create_training_job(kit.organization, "definition", 1, instance_type="gpu:b-4", environment=HELD)
    assert given["instance_type"] == "gpu:b-4"
    for version, wanted in ((1, "cpu-1"), (2, "gpu-1")):
        job = api.create_training_job(kit.organization, "definition", version, environment=HELD)
        assert job["instance_type"] == wanted
    kit.refused(400, api.create_training_job, kit.organization, "definition", 1, instance_type="tpu-1")
    # That is the SDK's own word; this is the platform's.
    path = "/organizations/{org}/training/definitions/definition/versions/1/jobs"
    assert kit.http("POST", path, {"instance_type": "tpu-1"}).status == 400
    assert api.get_training_jobs(kit.organization, "definition")["total"] == 3


def check_description_of_a_job(kit: Kit) -> None:
    """Is shown and listed; one that is too long makes no job."""
    made_definition(kit, versions=1)
    job_id = started(kit, description="a first try", environment=HELD)
    api = kit.api("train")
    assert shown(kit, job_id)["description"] == "a first try"
    kit.refused(400, started, kit, description="x" * 257)
    (listed,) = api.get_training_jobs(kit.organization, "definition")["entries"]
    assert listed["description"] == "a first try"


def check_exported_log(kit: Kit) -> None:
    """The result has the log of a job only where that was asked for."""
    kit.takes(kit.api("training").create_training_job, "export_log")
    made_definition(kit)
    made_version(kit, "definition", KEEPS)
    logs = {}
    for export in (True, False, None):
        files = result(kit, ended(kit, started(kit, export_log=export))["training_job_id"])
        logs[export] = {name: content for name, content in files.items() if name != "kept.json"}
    ((name, log),) = logs.pop(True).items()
    assert name.endswith(".log")
    assert b"kept" in log
    assert list(logs.values()) == [{}, {}]


def check_statistics(kit: Kit) -> None:
    """A job shows the statistics that were posted last, whatever was before; what no SDK could read is refused."""
    api, organization = kit.api("train"), kit.organization
    made_definition(kit, versions=1)
    job_id, other_id = started(kit, environment=HELD), started(kit, environment=HELD)
    assert shown(kit, job_id)["statistics"] is None
    for epoch in (1, 2):
        statistics = {"epoch": epoch, "num_epochs": 2, "stages": {"train": {"loss": 1 / epoch, "extra": [epoch]}}}
        answer = api.update_statistics(organization, "definition", job_id, statistics)
        assert answer["statistics"] == statistics
        assert answer == shown(kit, job_id)
    api.update_statistics(organization, "definition", job_id, {"epoch": 1})
    kit.refused(400, api.update_statistics, organization, "definition", job_id, {"stages": {"train": 1}})
    kit.refused(413, api.update_statistics, organization, "definition", job_id, {"text": "x" * 1048576})
    kit.refused(404, api.update_statistics, organization, "definition", "1999999999999", {"epoch": 1})
    assert (shown(kit, job_id)["statistics"], shown(kit, other_id)["statistics"]) == ({"epoch": 1}, None)


def check_a_job_on_the_callers_machine(kit: Kit) -> None:
    """The platform does not run it: its status, log and result are what it is told, the statistics by its token."""
    created = local_job(kit)
    job_id, api = created["training_job_id"], kit.api("train")
    assert (created["status"], created["exec_env"]) == ("Pending", "local")
    assert "token" not in shown(kit, job_id)
    own = kit.module("train").APIClient(credential={"auth_token": created["token"]})
    begun = {"status": "Active", "start_time": "2024-01-02T03:04:05"}
    assert kit.http("PUT", path_of(job_id, "/status"), begun).json["status"] == "Active"
    assert shown(kit, job_id)["start_time"].startswith("2024-01-02T03:04:05")
    own.update_statistics(kit.organization, "definition", job_id, {"epoch": 1})
    assert shown(kit, job_id)["statistics"] == {"epoch": 1}
    lines = {"logs": [{"message": "hello", "timestamp": 1704164645000}]}
    assert kit.http("POST", path_of(job_id, "/logs"), lines).json == {}
    assert api.get_training_result(kit.organization, "definition", job_id) == {"artifacts": {}}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("model.txt", "weights")
    place = kit.http("POST", path_of(job_id, "/result")).json["uri"]
    assert kit.http("PUT", place, archive.getvalue(), {"Content-Type": "application/zip"}).status == 200
    assert result(kit, job_id) == {"model.txt": b"weights"}
    done = {"status": "Complete", "completion_time": "2024-01-02T04:04:05"}
    assert kit.http("PUT", path_of(job_id, "/status"), done).json["status"] == "Complete"
    job = shown(kit, job_id)
    assert (job["status"], job["completion_time"][:19]) == ("Complete", "2024-01-02T04:04:05")
    assert kit.http("POST", path_of(job_id, "/stop")).status == 409
    assert kit.http("PUT", path_of(job_id, "/status"), begun).status == 409
    assert result(kit, job_id) == {"model.txt": b"weights"}
