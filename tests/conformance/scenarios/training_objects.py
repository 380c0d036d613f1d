"""Job definitions, versions and jobs as objects."""

import io
import os
import tempfile
import zipfile

from .kit import Kit
from .training_definitions import IDLE, IMAGE, source_files
from .training_jobs import HELD, KEEPS, ended, local_job, path_of, result, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def definitions_of(kit: Kit) -> "Any":
    """Return the job definitions of the organization."""
    return kit.module("training").Client().job_definitions()


def archive(**sources: str) -> "io.BytesIO":
    """Return a zip of Python modules."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, source in sources.items():
            opened.writestr(name + ".py", source)
    made.seek(0)
    return made


def image_of(kit: Kit, name: str = IMAGE) -> "Any":
    """Return the name of an image as the SDK has it."""
    return kit.module("common.docker_image_name").DockerImageName.parse(name)


def instance_type(kit: Kit, name: str = "cpu-1") -> "Any":
    """Return an instance type as the SDK has it."""
    return kit.module("common.instance_type").InstanceType.parse(name)


def made(kit: Kit, name: str = "definition", source: str = IDLE) -> "Any":
    """Make a definition with a version, and return it."""
    definition = definitions_of(kit).create(name)
    definition.job_definition_versions().create(archive(train=source), "train:handler", image_of(kit))
    return definition


def held(kit: Kit, definition: "Any", **options: "Any") -> "Any":
    """Make a job that stays Pending, and return it."""
    options["environment"] = dict(options.get("environment", {}), **HELD)
    return definition.jobs().create(1, instance_type(kit), **options)


def check_definitions(kit: Kit) -> None:
    """What is created is got and listed as it is then, with its versions and how many of each kind it has."""
    definitions = definitions_of(kit)
    assert definitions.organization_id == kit.organization
    first, second = definitions.create("first"), made(kit, "second")
    assert (first.name, first.organization_id, first.archived) == ("first", kit.organization, False)
    assert (first.versions, first.version_count) == ([], 0)
    for name in ("second", second.job_definition_id):
        got = definitions.get(name)
        assert (got.job_definition_id, got.name) == (second.job_definition_id, "second")
        assert (got.created_at, got.modified_at) == (second.created_at, second.modified_at)
        assert (got.version_count, got.model_count, got.notebook_count, got.tensorboard_count) == (1, 0, 0, 0)
        assert [each.job_definition_version_id for each in got.versions] == [1]
    kit.refused(409, definitions.create, "first")
    definitions.delete("first")
    kit.refused(404, definitions.get, "first")
    assert definitions.create("first").job_definition_id != first.job_definition_id


def check_walking_through_definitions(kit: Kit) -> None:
    """Each comes once, whatever the size of a page; the length is that of all that may come."""
    definitions = definitions_of(kit)
    before = len(definitions.list(filter_archived=False))
    for number in range(5):
        definitions.create(f"definition {number}")
    definitions.archive("definition 1")
    assert definitions.get("definition 1").archived is True

    def walked(**options: "Any") -> "list[str]":
        found = definitions.list(**options)
        assert len(found) == before + (5 if options.get("filter_archived") is False else 4)
        assert (found.organization_id, found.filter_archived) == (kit.organization, options.get("filter_archived"))
        assert (found.offset, found.limit) == (options.get("offset", 0), options.get("limit", 50))
        return [each.name for each in found if each.name.startswith("definition ")]

    kept = [f"definition {number}" for number in (0, 2, 3, 4)]
    every = [f"definition {number}" for number in range(5)]
    for limit in (1, 2, 50):
        assert walked(limit=limit) == walked(limit=limit, filter_archived=True) == kept
        assert walked(limit=limit, filter_archived=False) == every
        assert walked(limit=limit, offset=before + 3) == kept[3:]
    definitions.unarchive("definition 1")
    assert definitions.get("definition 1").archived is False
    assert len(definitions.list()) == before + 5


def check_versions(kit: Kit) -> None:
    """A version is made out of files or of an archive, and is got and listed as it was made."""
    definition = definitions_of(kit).create("definition")
    versions = definition.job_definition_versions()
    assert (versions.organization_id, versions.job_definition_name) == (kit.organization, "definition")
    assert versions.job_definition_id == definition.job_definition_id
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "files.py")
        with open(path, "w") as file:
            file.write(IDLE)
        options = {"environment": {"EPOCHS": 3}, "description": "of files"}
        first = versions.create([path], "files:handler", image_of(kit), **options)
    second = versions.create(
        archive(zipped=IDLE), "zipped:handler", image_of(kit, "custom/1230000000000/own:1"), {"A": "b"}, "of an archive"
    )
    assert (source_files(kit, 1), source_files(kit, 2)) == ({"files.py": IDLE.encode()}, {"zipped.py": IDLE.encode()})
    wanted = [
        (1, "files:handler", IMAGE, {"EPOCHS": "3"}, "of files", False),
        (2, "zipped:handler", "custom/1230000000000/own:1", {"A": "b"}, "of an archive", False),
    ]
    for found in ([first, second], [versions.get(1), versions.get(2)], versions.list()):
        assert [
            (
                each.job_definition_version_id,
                each.handler,
                str(each.image),
                each.environment,
                each.description,
                each.archived,
            )
            for each in found
        ] == wanted
        for each, before in zip(found, (first, second)):
            assert (each.organization_id, each.job_definition_id) == (kit.organization, definition.job_definition_id)
            assert (each.created_at, each.modified_at) == (before.created_at, before.modified_at)
            assert each.job_definition.name == "definition"
    # One that came with its definition knows only the id of it, and asks the platform for the rest.
    (_, nested) = definitions_of(kit).get("definition").versions
    assert (nested.job_definition.name, nested.job_definition.version_count) == ("definition", 2)


def check_changing_versions(kit: Kit) -> None:
    """Described, archived, taken back and deleted: the list says so each time."""
    versions = made(kit).job_definition_versions()
    versions.create(archive(train=IDLE), "train:handler", image_of(kit))

    def listed(**options: "Any") -> "list[int]":
        return [each.job_definition_version_id for each in versions.list(**options)]

    updated = versions.update(1, "better words")
    assert (updated.description, versions.get(1).description) == ("better words", "better words")
    assert (versions.get(2).description, updated.modified_at) == (None, versions.get(1).modified_at)
    versions.archive(1)
    assert versions.get(1).archived is True
    assert (listed(), listed(filter_archived=True), listed(filter_archived=False)) == ([2], [2], [1, 2])
    versions.unarchive(1)
    assert (versions.get(1).archived, listed()) == (False, [1, 2])
    versions.delete(1)
    assert listed(filter_archived=False) == [2]
    kit.refused(404, versions.get, 1)


def check_a_job(kit: Kit) -> None:
    """Its object says what it was made with, and in the end what has become of it."""
    definition = made(kit, source=KEEPS)
    jobs = definition.jobs()
    assert (jobs.organization_id, jobs.job_definition_name) == (kit.organization, "definition")
    assert jobs.job_definition_id == definition.job_definition_id
    created = jobs.create(
        1,
        instance_type(kit, "cpu-0.25"),
        datasets={"train": "1234567890123"},
        environment={"EPOCHS": 3},
        description="a first try",
    )
    assert (str(created.status), created.statistics, created.status_message) == ("Pending", None, None)
    assert (created.start_time, created.completion_time) == (None, None)
    told = ended(kit, created.job_id)
    job = jobs.get(created.job_id)
    assert str(job.status) == told["status"] == "Complete"
    assert created.created_at <= job.start_time <= job.completion_time <= job.modified_at
    assert (job.start_time, job.completion_time) == (told["start_time"], told["completion_time"])
    for each in (created, job):
        assert (each.organization_id, each.job_definition_id) == (kit.organization, definition.job_definition_id)
        assert (each.job_id, each.job_definition_version_id) == (told["training_job_id"], 1)
        assert (str(each.instance_type), str(each.exec_env)) == ("cpu-0.25", "cloud")
        assert (each.datasets, each.environment) == ({"train": "1234567890123"}, {"EPOCHS": "3"})
        assert (each.description, each.archived, each.created_at) == ("a first try", False, told["created_at"])
        assert each.creator.id == told["creator"]["id"]
        assert each.job_definition.name == "definition"
        assert each.job_definition_version.handler == "train:handler"
    files = kit.http("GET", jobs.get_artifacts(job.job_id).download_uri)
    with zipfile.ZipFile(io.BytesIO(files.body)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == result(kit, job.job_id)


def check_a_job_without_its_definition(kit: Kit) -> None:
    """A job that was made of an answer alone finds its definition and its version on the platform."""
    definition = made(kit)
    job_id = held(kit, definition).job_id
    training = kit.module("training")
    job = training.Job.from_response(kit.api("training"), kit.organization, shown(kit, job_id))
    assert job.job_definition.job_definition_id == definition.job_definition_id
    assert job.job_definition.name == "definition"
    assert (job.job_definition_version.job_definition_version_id, str(job.job_definition_version.image)) == (1, IMAGE)


def check_export_of_the_log(kit: Kit) -> None:
    """It is in the result of a job that was made with it."""
    jobs = made(kit, source=KEEPS).jobs()
    kit.takes(jobs.create, "export_log")
    counts = []
    for export in (True, False):
        job = jobs.create(1, instance_type(kit), export_log=export)
        ended(kit, job.job_id)
        counts.append(len(result(kit, job.job_id)))
    assert counts == [2, 1]


def check_stopping_and_archiving_jobs(kit: Kit) -> None:
    """A stopped job is Stopped, an archived one is left out, and both are still there."""
    definition = made(kit)
    jobs = definition.jobs()
    first, second = held(kit, definition), held(kit, definition)
    jobs.stop(first.job_id)
    assert (str(jobs.get(first.job_id).status), str(jobs.get(second.job_id).status)) == ("Stopped", "Pending")
    kit.refused(409, jobs.stop, first.job_id)
    jobs.archive(first.job_id)
    assert jobs.get(first.job_id).archived is True
    assert [each.job_id for each in jobs.list()] == [second.job_id]
    assert [each.job_id for each in jobs.list(filter_archived=False)] == [second.job_id, first.job_id]
    jobs.unarchive(first.job_id)
    assert jobs.get(first.job_id).archived is False
    assert [each.job_id for each in jobs.list()] == [second.job_id, first.job_id]
    kit.refused(404, jobs.get, "1999999999999")


def check_walking_through_jobs(kit: Kit) -> None:
    """Each comes once, the newest first, whatever the size of a page; the length is that of all."""
    definition = made(kit)
    ids = [held(kit, definition).job_id for _ in range(5)][::-1]
    for limit in (1, 2, None):
        found = definition.jobs().list(limit=limit)
        assert len(found) == 5
        assert [each.job_id for each in found] == ids
        assert {each.job_definition.name for each in definition.jobs().list(limit=limit)} == {"definition"}
        assert [each.job_id for each in definition.jobs().list(offset=3, limit=limit)] == ids[3:]
    assert len(made(kit, "other").jobs().list()) == 0


def check_statistics(kit: Kit) -> None:
    """What is posted is what the job shows, under the names of the SDK; nothing is posted where there is nothing."""
    definition = made(kit)
    job, jobs = held(kit, definition), definition.jobs()
    statistics_class = kit.module("training").Statistics
    statistics = statistics_class(num_epochs=3, epoch=1, progress_percentage=33.3, key="value")
    statistics.add_stage(statistics_class.STAGE_TRAIN, 0.9, 0.1, extra=[1, 2])
    statistics.add_stage(statistics_class.STAGE_VALIDATION, loss=0.2)
    posted = statistics.get_statistics()
    assert jobs.update_statistics(job.job_id, statistics).statistics.get_statistics() == posted
    assert shown(kit, job.job_id)["statistics"] == posted
    got = jobs.get(job.job_id).statistics
    assert (got.num_epochs, got.epoch, got.progress_percentage) == (3, 1, 33.3)
    assert got.other_information == {"key": "value"}
    assert got.stages == {"train": {"accuracy": 0.9, "loss": 0.1, "extra": [1, 2]}, "validation": {"loss": 0.2}}
    assert jobs.update_statistics(job.job_id, None) is None
    assert jobs.update_statistics(job.job_id, statistics_class()) is None
    # Refused by the platform; the SDK says so in its log alone.
    assert jobs.update_statistics("1999999999999", statistics) is None
    assert shown(kit, job.job_id)["statistics"] == posted


def check_artifacts_of_a_local_job(kit: Kit) -> None:
    """They are those that were put where the platform said."""
    training = kit.module("training")
    job_id = local_job(kit)["training_job_id"]
    jobs = training.Client().job_definitions().get("definition").jobs()
    sent = archive(model="weights").getvalue()
    place = kit.http("POST", path_of(job_id, "/result")).json["uri"]
    kit.http("PUT", place, sent, {"Content-Type": "application/zip"})
    assert kit.http("GET", jobs.get_artifacts(job_id).download_uri).body == sent
    assert str(jobs.get(job_id).exec_env) == "local"
