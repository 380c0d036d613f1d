"""Jobs: what a fresh one shows, what it takes from its version, lists, archiving."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.common.exec_env import CLOUD
from abeja.common.instance_type import InstanceType
from abeja.training.job_status import PENDING
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.training.samples import HANDLER, state, zipped
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, ZULU_SECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.training.api.client import APIClient
    from abeja.training.client import Client
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

DEFINITION = "/organizations/{org}/training/definitions/definition"
NEW_JOB = DEFINITION + "/versions/1/jobs"


@pytest.mark.usefixtures("version")
class TestCreate:
    """POST …/versions/{version_id}/jobs."""

    def test_answer(self, api: APIClient, organization: str, definition: JobDefinition) -> None:
        """A job is Pending at once; what has not happened yet is null; its id is there under both names."""
        answer = api.create_training_job(organization, "definition", 1)
        check_answer("create_training_job", answer)
        assert PLATFORM_ID.fullmatch(answer["id"])
        assert answer["created_at"] == answer["modified_at"]
        identifiers = {answer.pop(name) for name in ("id", "training_job_id")}
        assert len(identifiers) == 1
        for name in ("created_at", "modified_at"):
            assert ZULU_MICROSECONDS.fullmatch(answer.pop(name))
        del answer["creator"]
        assert answer == {
            "job_definition_id": definition.job_definition_id,
            "job_definition_version": 1,
            "status": "Pending",
            "status_message": None,
            "exec_env": "cloud",
            "instance_type": "cpu-1",
            "environment": {"EPOCHS": "3"},
            "user_parameters": {},
            "datasets": {},
            "description": None,
            "statistics": None,
            "archived": False,
            "start_time": None,
            "completion_time": None,
        }

    def test_creator(self, api: APIClient, organization: str, platform: Platform) -> None:
        """The creator is the caller, with all that the SDK's fixtures show of a user."""
        creator = api.create_training_job(organization, "definition", 1)["creator"]
        for name in ("created_at", "updated_at"):
            assert ZULU_SECONDS.fullmatch(creator.pop(name))
        assert set(creator.pop("profile_icon")) == {"original_icon_url", "thumbnail_icon_url", "mini_icon_url"}
        assert creator == {
            "id": platform.user.id,
            "email": platform.user.email,
            "display_name": platform.user.display_name,
            "is_registered": True,
            "role": "admin",
            "preferred_language": "en",
        }

    def test_sdk_object(self, definition: JobDefinition, platform: Platform) -> None:
        """The high-level SDK reads every field."""
        job = definition.jobs().create(
            1, InstanceType.parse("gpu:b-4"), {"train": "123"}, {"A": 1}, "described", export_log=True
        )
        assert (job.status, job.exec_env) == (PENDING, CLOUD)
        assert job.instance_type == InstanceType.parse("gpu:b-4")
        assert (job.datasets, job.environment) == ({"train": "123"}, {"EPOCHS": "3", "A": "1"})
        assert (job.description, job.archived, job.statistics) == ("described", False, None)
        assert {job.start_time, job.completion_time, job.status_message} == {None}
        assert job.creator is not None
        assert job.creator.user_id == platform.user.id
        assert job.job_definition_version.handler == HANDLER
        assert definition.jobs().get(job.job_id).job_id == job.job_id
        assert platform.look.job(job.job_id).export_log

    def test_definition_by_id(self, wire: Wire, definition: JobDefinition, training: Client) -> None:
        """A job made under the definition's id leads back to its definition."""
        identifier = definition.job_definition_id
        made = wire("POST", f"{DEFINITION[: -len('definition')]}{identifier}/versions/1/jobs", json={}).json()
        assert made["job_definition_id"] == identifier
        job = training.job_definitions().get("definition").jobs().get(made["id"])
        assert (job.job_definition.name, job.job_definition_id) == ("definition", identifier)

    def test_empty_body(self, wire: Wire) -> None:
        """Nothing is required, not even a body; null is as good as nothing."""
        names = ("environment", "user_parameters", "datasets", "instance_type", "description", "export_log")
        for body in (None, {}, dict.fromkeys(names)):
            assert wire("POST", NEW_JOB, json=body).json()["environment"] == {"EPOCHS": "3"}

    def test_fields_of_the_cli(self, wire: Wire) -> None:
        """Mount options of the CLI are taken."""
        body = {"dataset_premounted": True, "datalakes": ["1"], "buckets": ["2"], "datasets": {"train": 1}}
        answer = wire("POST", NEW_JOB, json=body).json()
        check_answer("create_training_job", answer)
        assert answer["datasets"] == {"train": "1"}

    @pytest.mark.parametrize("name", ["environment", "user_parameters"])
    def test_old_name(self, wire: Wire, name: str) -> None:
        """The SDK sends `environment`, the CLI's train-local still `user_parameters`; both mean the same."""
        answer = wire("POST", NEW_JOB, json={name: {"BATCH_SIZE": 50, "EMPTY": None, "FLAG": True}}).json()
        assert answer["environment"] == {"EPOCHS": "3", "BATCH_SIZE": "50", "EMPTY": "", "FLAG": "True"}
        assert answer["user_parameters"] == {}

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({"environment": []}, "environment"),
            ({"environment": {"1": "x"}}, "variable"),
            ({"datasets": "1"}, "datasets"),
            ({"description": 1}, "description"),
            ({"export_log": "yes"}, "export_log"),
            ({"exec_env": "moon"}, "exec_env"),
            ([], "object"),
        ],
    )
    def test_refused(self, wire: Wire, platform: Platform, body: Any, word: str) -> None:
        """A field that is not well-formed is 400 and makes no job."""
        before = state(platform)
        check_refusal(wire("POST", NEW_JOB, json=body), 400, word)
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("archived", "words"), [("/versions/1", "version 1 of job definition"), ("", "job definition 'definition'")]
    )
    def test_archived(
        self, api: APIClient, wire: Wire, organization: str, platform: Platform, archived: str, words: str
    ) -> None:
        """An archived version or definition takes no job until it is unarchived, and the refusal says which it is."""
        assert wire("POST", f"{DEFINITION}{archived}/archive").status_code == 200
        before = state(platform)
        with pytest.raises(abeja.exceptions.Conflict) as refused:
            api.create_training_job(organization, "definition", 1)
        assert refused.value.error_description.startswith(words)
        assert state(platform) == before
        assert wire("POST", f"{DEFINITION}{archived}/unarchive").status_code == 200
        assert api.create_training_job(organization, "definition", 1)["status"] == "Pending"


class TestLayers:
    """What a job sets lies over what its version sets."""

    @settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        below=st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 9).map(str)),
        above=st.dictionaries(st.sampled_from("ABCD"), st.integers(10, 19).map(str)),
    )
    def test_job_wins(
        self, api: APIClient, organization: str, training: Client, below: dict[str, str], above: dict[str, str]
    ) -> None:
        """Variables and datasets of the job replace those of its version by name, and leave the version as it is."""
        definitions = training.job_definitions()
        if not len(definitions.list()):
            definitions.create("definition")
        made = api.create_training_job_definition_version_native_api(
            organization,
            "definition",
            io.BytesIO(zipped()),
            {"handler": HANDLER, "environment": below, "datasets": below},
        )
        job = api.create_training_job(
            organization, "definition", made["job_definition_version"], environment=above, datasets=above
        )
        assert job["environment"] == job["datasets"] == {**below, **above}
        again = api.get_training_job_definition_version(organization, "definition", made["job_definition_version"])
        assert again["environment"] == again["datasets"] == below


@pytest.mark.usefixtures("definition")
class TestInstanceType:
    """`instance_type`: `{cpu|gpu}[:{a|b|c|d}]-<number>`."""

    @pytest.mark.parametrize(
        "instance_type", ["cpu-0.25", "cpu-1", "cpu-2", "cpu-16", "gpu-1", "gpu:a-1", "gpu:b-8", "gpu:d-4", "cpu-10"]
    )
    @pytest.mark.usefixtures("version")
    def test_well_formed(
        self, api: APIClient, organization: str, definition: JobDefinition, instance_type: str
    ) -> None:
        """A type is shown as it was sent, in every place the SDK reads a job from."""
        job = api.create_training_job(organization, "definition", 1, instance_type=instance_type)
        assert job["instance_type"] == instance_type
        (listed,) = definition.jobs().list()
        assert listed.instance_type == definition.jobs().get(job["id"]).instance_type
        assert listed.instance_type == InstanceType.parse(instance_type)

    @pytest.mark.parametrize(
        "instance_type", ["cpu", "tpu-1", "cpu-", "cpu-x", "gpu:e-1", "cpu-1 ", "CPU-1", "cpu--1", "cpu-١"]
    )
    @pytest.mark.usefixtures("version")
    def test_refused(self, wire: Wire, platform: Platform, instance_type: str) -> None:
        """Any other is 400; the SDK refuses most of them itself, plain HTTP does not."""
        before = state(platform)
        check_refusal(wire("POST", NEW_JOB, json={"instance_type": instance_type}), 400, repr(instance_type), "cpu-1")
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            ("abeja-inc/all-cpu:19.10", "cpu-1"),
            ("abeja-inc/all-gpu:19.10", "gpu-1"),
            ("abeja-inc/deepgpu:0.1.0", "gpu-1"),
            ("custom/1234567890123/mine:v1-gpu", "cpu-1"),
            ("my-gpu/all-cpu", "cpu-1"),
        ],
    )
    @pytest.mark.parametrize("named", [None, ""])
    def test_default(self, wire: Wire, definition: JobDefinition, image: str, expected: str, named: str | None) -> None:
        """A job that names none gets what fits the name of its image."""
        definition.job_definition_versions().create(io.BytesIO(zipped()), HANDLER, image)
        assert wire("POST", NEW_JOB, json={"instance_type": named}).json()["instance_type"] == expected


@pytest.mark.usefixtures("version")
class TestList:
    """GET …/jobs."""

    @pytest.fixture
    def jobs(self, api: APIClient, organization: str) -> list[str]:
        """Ids of twelve jobs, newest first; the second and the last are archived."""
        made = [api.create_training_job(organization, "definition", 1)["id"] for _ in range(12)][::-1]
        for job in (made[1], made[-1]):
            assert api.archive_training_job(organization, "definition", job) == {
                "message": f"definition:{job} archived"
            }
        return made

    def test_default(self, api: APIClient, organization: str, jobs: list[str]) -> None:
        """Ten a page, newest first, archived ones hidden; an entry is what the job itself shows."""
        kept = [job for job in jobs if job not in {jobs[1], jobs[-1]}]
        shown = api.get_training_jobs(organization, "definition")
        check_answer("get_training_jobs", shown)
        assert [job["id"] for job in shown["entries"]] == kept
        assert (shown["limit"], shown["offset"], shown["total"]) == (10, 0, 10)
        assert shown["entries"][3] == api.get_training_job(organization, "definition", kept[3])

    def test_filter(self, api: APIClient, wire: Wire, organization: str, jobs: list[str]) -> None:
        """The SDK's False includes archived ones, its True excludes them, against its own documentation."""
        every = api.get_training_jobs(organization, "definition", limit=50, filter_archived=False)
        assert [job["id"] for job in every["entries"]] == jobs
        assert [job["archived"] for job in every["entries"]] == [job in {jobs[1], jobs[-1]} for job in jobs]
        assert api.get_training_jobs(organization, "definition", filter_archived=True)["total"] == 10
        check_refusal(wire("GET", f"{DEFINITION}/jobs?filter_archived=x"), 400, "filter_archived")

    @pytest.mark.parametrize(("offset", "limit"), [(0, 5), (5, 5), (9, 5), (10, 5), (99, 1), (3, 4)])
    def test_pages(self, api: APIClient, organization: str, jobs: list[str], offset: int, limit: int) -> None:
        """A page is a slice of the whole and says how large the whole is."""
        kept = [job for job in jobs if job not in {jobs[1], jobs[-1]}]
        shown = api.get_training_jobs(organization, "definition", limit=limit, offset=offset)
        assert [job["id"] for job in shown["entries"]] == kept[offset : offset + limit]
        assert (shown["limit"], shown["offset"], shown["total"]) == (limit, offset, 10)

    @pytest.mark.parametrize("limit", [1, 5, 6, 12, None])
    def test_sdk_iterator_ends(
        self, platform: Platform, definition: JobDefinition, jobs: list[str], limit: int | None
    ) -> None:
        """The SDK's iterator knows its length and yields each job once, with no request too many."""
        found = definition.jobs().list(filter_archived=False, limit=limit)
        assert len(found) == 12
        assert [job.job_id for job in found] == jobs
        platform.assert_called("get_training_jobs", times=-(-12 // (limit or 50)))

    def test_of_one_definition(self, training: Client, definition: JobDefinition, jobs: list[str]) -> None:
        """Jobs of other definitions are not in the list, nor found by their id there."""
        other = training.job_definitions().create("other")
        assert (len(other.jobs().list()), len(definition.jobs().list())) == (0, 10)
        with pytest.raises(abeja.exceptions.NotFound, match="'other' has no job"):
            other.jobs().get(jobs[0])


class TestArchive:
    """POST …/jobs/{training_job_id}/archive and …/unarchive."""

    def test_and_back(self, api: APIClient, organization: str, definition: JobDefinition, job: Job) -> None:
        """An archived job is hidden from the list, found by id, and comes back; nothing but its times changes."""
        definition.jobs().archive(job.job_id)
        assert len(definition.jobs().list()) == 0
        archived = definition.jobs().get(job.job_id)
        assert archived.archived
        assert archived.status == PENDING
        assert archived.modified_at > job.modified_at
        answer = api.unarchive_training_job(organization, "definition", job.job_id)
        assert answer == {"message": f"definition:{job.job_id} unarchived"}
        (back,) = definition.jobs().list()
        assert (back.archived, back.created_at) == (False, job.created_at)

    @pytest.mark.usefixtures("job")
    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("GET", "", None),
            ("DELETE", "", None),
            ("POST", "/stop", {}),
            ("POST", "/archive", {}),
            ("POST", "/unarchive", {}),
            ("GET", "/result", None),
            ("POST", "/result", None),
            ("POST", "/statistics", {"statistics": {}}),
            ("PUT", "/status", {"status": "Active"}),
            ("POST", "/logs", {"logs": []}),
        ],
    )
    def test_unknown(self, wire: Wire, platform: Platform, method: str, rest: str, body: Any) -> None:
        """A job that does not exist is 404 for all that can be done with one, and the refusal names those that do."""
        (known,) = platform.look.jobs()
        before = state(platform)
        response = wire(method, f"{DEFINITION}/jobs/1999999999999{rest}", json=body)
        check_refusal(response, 404, "'1999999999999'", known.training_job_id)
        assert state(platform) == before
