"""Results of jobs, and the protocol of a job that runs on the caller's own machine."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import abeja.exceptions
import pytest
from abeja.train.client import Client as TrainClient

from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.training.jobs import Jobs
from tests.services.training.samples import state, zipped
from tests.services.wire import API, Wire, bare, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    import requests
    from abeja.training.api.client import APIClient
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

RESULT = {"model.h5": bytes(range(256)), "logs/events": b"\n", "空.txt": b""}


def put_result(wire: Wire, job_path: str, content: bytes) -> requests.Response:
    """Upload a result as train-local does: ask for a URL, then PUT without a credential."""
    answer = wire("POST", f"{job_path}/result").json()
    check_answer("create_training_result", answer)
    return bare("PUT", answer["uri"], data=content, headers={"Content-Type": "application/zip"})


class TestDownload:
    """GET …/jobs/{training_job_id}/result and what is behind it."""

    def test_none(self, api: APIClient, definition: JobDefinition, organization: str, job: Job, tmp_path: Path) -> None:
        """A job without a result has no artifact; the handler's client says so, the high-level one has a KeyError."""
        answer = api.get_training_result(organization, "definition", job.job_id)
        check_answer("get_training_result", answer)
        assert answer == {"artifacts": {}}
        client = TrainClient(organization, "definition", job.job_id)
        with pytest.raises(abeja.exceptions.ResourceNotFound, match=job.job_id):
            client.download_training_result(path=str(tmp_path))
        with pytest.raises(KeyError):
            definition.jobs().get_artifacts(job.job_id)

    def test_same_files(
        self, wire: Wire, organization: str, definition: JobDefinition, job: Job, job_path: str, tmp_path: Path
    ) -> None:
        """The SDK unpacks exactly the files that were put, folders and all."""
        assert put_result(wire, job_path, zipped(RESULT)).status_code == 200
        TrainClient(organization, definition.name, job.job_id).download_training_result(path=str(tmp_path))
        found = {
            path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
        }
        assert found == RESULT

    def test_url(self, wire: Wire, definition: JobDefinition, job: Job, job_path: str) -> None:
        """The URL has a query, which the CLI needs, is open without a credential, and tells the size."""
        put_result(wire, job_path, zipped(RESULT))
        check_answer("get_training_result", wire("GET", f"{job_path}/result").json())
        uri = definition.jobs().get_artifacts(job.job_id).download_uri
        assert urlsplit(uri).query
        response = bare("GET", uri)
        assert response.content == zipped(RESULT)
        assert response.headers["Content-Length"] == str(len(zipped(RESULT)))
        assert response.headers["Content-Type"] == "application/zip"

    def test_url_of_another_method_or_job(self, wire: Wire, platform: Platform, job: Job, job_path: str) -> None:
        """A URL to get cannot put, one to put cannot get, neither is good for another job, and both expire."""
        put_result(wire, job_path, zipped(RESULT))
        get = wire("GET", f"{job_path}/result").json()["artifacts"]["complete"]["uri"]
        put = wire("POST", f"{job_path}/result").json()["uri"]
        before = state(platform)
        check_refusal(bare("PUT", get, data=b"x"), 403, "signature")
        check_refusal(bare("GET", put), 403, "signature")
        for method, uri in (("GET", get), ("PUT", put)):
            check_refusal(bare(method, uri.replace(job.job_id, "1999999999999")), 403, "signature")
            check_refusal(bare(method, uri.partition("?")[0]), 403, "signature")
        platform.clock.advance(3600)
        for method, uri in (("GET", get), ("PUT", put)):
            check_refusal(bare(method, uri, data=b"x"), 403, "expired")
        assert state(platform) == before

    def test_on_disk(self, wire: Wire, platform: Platform, job_path: str) -> None:
        """A result that does not fit into memory goes to the disk and comes back the same."""
        content = bytes(range(251)) * 40_000
        put_result(wire, job_path, content)
        assert bare("GET", wire("GET", f"{job_path}/result").json()["artifacts"]["complete"]["uri"]).content == content
        assert platform.world.store.blobs.size < len(content)


class TestUpload:
    """PUT of a result."""

    def test_last_one_stays(self, wire: Wire, platform: Platform, job: Job, job_path: str) -> None:
        """A second result replaces the first, whose bytes are gone; the same one again changes nothing but the time."""
        put_result(wire, job_path, zipped(RESULT))
        before = state(platform)
        put_result(wire, job_path, b"other")
        assert platform.look.result(job.job_id) == b"other"
        put_result(wire, job_path, zipped(RESULT))
        put_result(wire, job_path, zipped(RESULT))
        after = state(platform)
        assert platform.look.result(job.job_id) == zipped(RESULT)
        assert (after["blobs"], after["bytes"]) == (before["blobs"], before["bytes"])

    def test_shared_content(self, wire: Wire, platform: Platform, definition: JobDefinition, job_path: str) -> None:
        """Two jobs with the same result are one blob; replacing one's leaves the other's."""
        other = definition.jobs().create(1, "cpu-1")
        other_path = f"/organizations/{{org}}/training/definitions/definition/jobs/{other.job_id}"
        for path in (job_path, other_path):
            put_result(wire, path, zipped(RESULT))
        put_result(wire, job_path, b"other")
        assert platform.look.result(other.job_id) == zipped(RESULT)

    def test_of_a_job_that_is_gone(
        self, wire: Wire, api: APIClient, platform: Platform, organization: str, job_path: str
    ) -> None:
        """A URL outlives its job; what is put there is 404 and not kept."""
        uri = wire("POST", f"{job_path}/result").json()["uri"]
        put_result(wire, job_path, zipped(RESULT))
        get = wire("GET", f"{job_path}/result").json()["artifacts"]["complete"]["uri"]
        api.delete_training_job_definition(organization, "definition")
        before = state(platform)
        check_refusal(bare("PUT", uri, data=b"late"), 404, "no training job")
        check_refusal(bare("GET", get), 404, "no training job")
        assert state(platform) == before

    def test_leaves_the_status(self, wire: Wire, job_path: str) -> None:
        """A result can come at any time, and says nothing about how the job ended."""
        put_result(wire, job_path, zipped(RESULT))
        shown = wire("GET", job_path).json()
        assert (shown["status"], shown["completion_time"]) == ("Pending", None)


class TestLogs:
    """POST …/jobs/{training_job_id}/logs."""

    def test_appended_in_order(self, wire: Wire, platform: Platform, job: Job, job_path: str) -> None:
        """Lines are kept in the order they came, whatever their times; the answer is an empty object."""
        batches = [[("b", 2_000), ("a", 1_000)], [], [("猫\ttab", 1_700_000_000_123)]]
        for batch in batches:
            body = {"logs": [{"message": message, "timestamp": timestamp} for message, timestamp in batch]}
            answer = wire("POST", f"{job_path}/logs", json=body)
            assert (answer.status_code, answer.json()) == (200, {})
        with platform.world.store.reading():
            lines = Jobs(platform.world).log_lines(job.job_id)
        assert [(line.message, line.timestamp) for line in lines] == [line for batch in batches for line in batch]

    @pytest.mark.parametrize(
        "body", [{}, {"logs": None}, {"logs": [{"message": "x"}]}, {"logs": [{"message": 1, "timestamp": 1}]}]
    )
    def test_refused(self, wire: Wire, platform: Platform, job_path: str, body: Any) -> None:
        """A batch with one line that is none is 400, and none of it is kept."""
        before = state(platform)
        check_refusal(wire("POST", f"{job_path}/logs", json=body), 400)
        mixed = {"logs": [{"message": "fine", "timestamp": 1}, {"message": "no time"}]}
        check_refusal(wire("POST", f"{job_path}/logs", json=mixed), 400, "timestamp")
        assert state(platform) == before


class TestLocalJob:
    """A job with `exec_env: local`: train-local's protocol, under strict authentication."""

    @pytest.fixture(autouse=True)
    def _strict(self, platform: Platform, definition: JobDefinition) -> None:
        definition.job_definition_versions().create(io.BytesIO(zipped()), "train:handler", "abeja-inc/all-cpu:19.10")
        platform.auth = "strict"

    @pytest.fixture
    def local(self, wire: Wire) -> dict[str, Any]:
        """A job as its creation answered it."""
        body = {"exec_env": "local", "user_parameters": {"A": "1"}, "datasets": {"train": "1"}, "description": "local"}
        answer: dict[str, Any] = wire(
            "POST", "/organizations/{org}/training/definitions/definition/versions/1/jobs", json=body
        ).json()
        return answer

    @pytest.fixture
    def path(self, organization: str, local: dict[str, Any]) -> str:
        """URL of that job."""
        return f"{API}/organizations/{organization}/training/definitions/definition/jobs/{local['training_job_id']}"

    def test_answer(self, local: dict[str, Any], wire: Wire, path: str) -> None:
        """The creation tells the token, and nothing else ever does."""
        check_answer("create_training_job", local)
        token = local.pop("token")
        assert len(token) >= 32
        assert local["exec_env"] == "local"
        assert (local["environment"], local["datasets"]) == ({"A": "1"}, {"train": "1"})
        shown = wire("GET", path.partition("abeja.io")[2])
        assert shown.json() == local
        assert token not in shown.text

    @pytest.mark.parametrize("exec_env", ["cloud", "edge", "none", None])
    def test_no_token_elsewhere(self, wire: Wire, exec_env: str | None) -> None:
        """A job that runs anywhere else keeps its token to itself."""
        body = {} if exec_env is None else {"exec_env": exec_env}
        path = "/organizations/{org}/training/definitions/definition/versions/1/jobs"
        answer = wire("POST", path, json=body).json()
        assert "token" not in answer
        assert answer["exec_env"] == (exec_env or "cloud")

    def test_whole_protocol(self, local: dict[str, Any], path: str, platform: Platform) -> None:
        """With its token alone a job reports that it runs, logs, ends, and hands in its result."""
        bearer = {"Authorization": f"Bearer {local['token']}"}
        active = {"status": "Active", "start_time": "2024-01-02T03:04:05"}
        assert bare("PUT", f"{path}/status", json=active, headers=bearer).status_code == 200
        assert bare("GET", path, headers=bearer).json()["status"] == "Active"
        logs = {"logs": [{"message": "epoch 1", "timestamp": 1}]}
        assert bare("POST", f"{path}/logs", json=logs, headers=bearer).status_code == 200
        statistics = {"statistics": {"epoch": 1}}
        assert bare("POST", f"{path}/statistics", json=statistics, headers=bearer).status_code == 200
        complete = {"status": "Complete", "completion_time": "2024-01-02T03:05:05"}
        assert bare("PUT", f"{path}/status", json=complete, headers=bearer).status_code == 200
        uri = bare("POST", f"{path}/result", headers=bearer).json()["uri"]
        assert bare("PUT", uri, data=zipped(RESULT)).status_code == 200
        shown = bare("GET", path, headers=bearer).json()
        assert (shown["status"], shown["statistics"]) == ("Complete", {"epoch": 1})
        assert shown["completion_time"] == "2024-01-02T03:05:05.000000Z"
        assert platform.look.result(local["id"]) == zipped(RESULT)

    def test_token_in_the_sdk(
        self, local: dict[str, Any], organization: str, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The SDK takes the token from PLATFORM_AUTH_TOKEN, and it opens the job's organization."""
        monkeypatch.setenv("PLATFORM_AUTH_TOKEN", local["token"])
        client = TrainClient(job_definition_name="definition", training_job_id=local["id"])
        assert client.api.get_training_job(organization, "definition", local["id"])["id"] == local["id"]
        assert client.api.create_training_job(organization, "definition", 1)["creator"]["id"] == platform.user.id

    def test_token_elsewhere(self, local: dict[str, Any], platform: Platform) -> None:
        """The token opens no other organization, and nothing at all once its definition is deleted."""
        with platform.world.store.transaction():
            other = Accounts(platform.world).add_organization("other")
        bearer = {"Authorization": f"Bearer {local['token']}"}
        check_refusal(bare("GET", f"{API}/organizations/{other.id}/training/definitions", headers=bearer), 403)
        own = f"{API}/organizations/{platform.organization.id}/training/definitions"
        assert bare("DELETE", f"{own}/definition", headers=bearer).status_code == 200
        check_refusal(bare("GET", own, headers=bearer), 401)

    def test_stopped_meanwhile(self, local: dict[str, Any], wire: Wire, path: str) -> None:
        """When the user has stopped it, the job reads so, and stays so whatever end it reports."""
        bearer = {"Authorization": f"Bearer {local['token']}"}
        bare("PUT", f"{path}/status", json={"status": "Active"}, headers=bearer)
        wire("POST", path.partition("abeja.io")[2] + "/stop", json={})
        assert bare("GET", path, headers=bearer).json()["status"] == "Stopped"
        answer = bare("PUT", f"{path}/status", json={"status": "Complete"}, headers=bearer)
        assert (answer.status_code, answer.json()["status"]) == (200, "Stopped")
        assert bare("GET", path, headers=bearer).json()["status"] == "Stopped"
