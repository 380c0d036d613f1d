"""What handlers of the first images import: `abeja.train`."""

import os
import tempfile
from contextlib import contextmanager

from .kit import Kit
from .training_definitions import made_definition, made_version
from .training_jobs import HELD, KEEPS, ended, result, shown, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def variables(**values: str) -> "Iterator[None]":
    """Set variables of this process meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def inside(job_id: str, **others: str) -> "Any":
    """Set the variables that the handler of a job of `definition` finds meanwhile, and others."""
    return variables(TRAINING_JOB_DEFINITION_NAME="definition", TRAINING_JOB_ID=job_id, **others)


def statistics_of(kit: Kit) -> "Any":
    """Return the class of statistics, which has been in this module in every SDK."""
    return kit.module("train.statistics").Statistics


def check_downloading_a_result(kit: Kit) -> None:
    """Its files are put into a folder: those of the job that is named, or else of the one around."""
    made_definition(kit)
    made_version(kit, "definition", KEEPS)
    client = kit.module("train").Client(kit.organization, "definition")
    jobs = [ended(kit, started(kit))["training_job_id"] for _ in range(2)]
    with inside(jobs[1]):
        around = kit.module("train").Client()
    for job_id, download, named in (
        (jobs[0], client.download_training_result, jobs[:1]),
        (jobs[0], around.download_training_result, jobs[:1]),
        (jobs[1], around.download_training_result, []),
    ):
        with tempfile.TemporaryDirectory() as folder:
            download(*named, path=folder)
            assert os.listdir(folder) == ["kept.json"]
            with open(os.path.join(folder, "kept.json"), "rb") as file:
                assert file.read() == result(kit, job_id)["kept.json"]


def check_a_result_that_is_not_there(kit: Kit) -> None:
    """A job that has none is told from a job that is not there."""
    from abeja.exceptions import ResourceNotFound

    made_definition(kit, versions=1)
    client = kit.module("train").Client(kit.organization, "definition")
    job_id = started(kit, environment=HELD)
    with tempfile.TemporaryDirectory() as folder:
        try:
            client.download_training_result(job_id, folder)
        except ResourceNotFound as error:
            assert job_id in str(error)
        else:
            message = "a result was downloaded of a job that has none"
            raise AssertionError(message)
        kit.refused(404, client.download_training_result, "1999999999999", folder)
        assert os.listdir(folder) == []


def check_posting_statistics(kit: Kit) -> None:
    """They are those of the job that is named, or else of the one around; whatever goes wrong is not raised."""
    made_definition(kit, versions=1)
    first, second = (started(kit, environment=HELD) for _ in range(2))
    statistics_class, client_class = statistics_of(kit), kit.module("train").Client

    def posted() -> "list[Any]":
        return [shown(kit, each)["statistics"] for each in (first, second)]

    statistics = statistics_class(num_epochs=2, epoch=1)
    statistics.add_stage(statistics_class.STAGE_TRAIN, accuracy=0.9, loss=0.1, extra=1)
    wanted = {"num_epochs": 2, "epoch": 1, "stages": {"train": {"accuracy": 0.9, "loss": 0.1, "extra": 1}}}
    client_class(kit.organization, "definition", first).update_statistics(statistics)
    assert posted() == [wanted, None]
    with inside(second):
        client_class().update_statistics(statistics_class(progress_percentage=50.0))
    assert posted() == [wanted, {"progress_percentage": 50.0}]
    client_class(kit.organization, "definition", first).update_statistics(statistics_class())
    client_class(kit.organization, "definition", first).update_statistics(None)
    client_class(kit.organization, "definition", "1999999999999").update_statistics(statistics)
    client_class(kit.organization, "definition", first).update_statistics(
        statistics_class(stages_of_another="x", stages="none")
    )
    assert posted() == [wanted, {"progress_percentage": 50.0}]


def check_a_job_that_is_gone(kit: Kit) -> None:
    """Nothing of it can be downloaded any more; what is posted to it is lost without a word."""
    made_definition(kit, versions=1)
    client = kit.module("train").Client(kit.organization, "definition", started(kit, environment=HELD))
    kit.api("train").delete_training_job_definition(kit.organization, "definition")
    client.update_statistics(statistics_of(kit)(epoch=1))
    kit.refused(404, client.download_training_result)


def check_old_instance_types(kit: Kit) -> None:
    """The platform knows every type that the first SDKs knew."""
    instance_types = kit.module("train.instance_type").InstanceType
    made_definition(kit, versions=1)
    for each in instance_types:
        instance_types.to_enum(each.value)
        job = shown(kit, started(kit, instance_type=each.value, environment=HELD))
        assert job["instance_type"] == each.value
    kit.refused(400, instance_types.to_enum, "tpu-1")
    assert len(instance_types) == kit.api("train").get_training_jobs(kit.organization, "definition")["total"]


def check_validating_an_instance_type(kit: Kit) -> None:
    """What the SDK takes for a type, the platform takes; what not, not."""
    validate = kit.module("train.instance_type").InstanceTypeValidator.validate
    made_definition(kit, versions=1)
    path = "/organizations/{org}/training/definitions/definition/versions/1/jobs"
    for name in ("cpu-1", "gpu:b-8"):
        assert validate(name).value == name
        job = kit.http("POST", path, {"instance_type": name, "environment": HELD})
        assert (job.status, job.json["instance_type"]) == (200, name)
    kit.refused(400, validate, "tpu-1")
    assert kit.http("POST", path, {"instance_type": "tpu-1"}).status == 400
