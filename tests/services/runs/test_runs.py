"""Runs: submitted, shown and listed, and what becomes of them with what they are of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.deployments import APIClient as DeploymentsAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.logs.pages import RUN_LOG
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.runs.rules import RUNS_PER_PAGE
from tests.services.deployments.samples import HANDLER, IMAGE
from tests.services.runs.samples import write
from tests.services.training.samples import state
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.runs import APIClient

    from abeja_emulator.platform import Platform

RUN_ID = re.compile(r"run-[0-9a-f]{16}")

FILE = {"$datalake:1": "1230000000001/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"}


class TestCreate:
    """POST …/deployments/{deployment_id}/runs."""

    def test_answer(self, api: APIClient, organization: str, deployment: str, version: str, model: str) -> None:
        """A run shows what was sent, an id, its version by id and name, and is SUBMITTED."""
        made = api.create_run(
            organization,
            deployment,
            version,
            FILE,
            {"$datalake:1": "1230000000002"},
            distribution=3,
            retry_count=7,
            environment={"DEBUG": "x"},
            model_id=model,
        )
        check_answer("create_run", made)
        assert RUN_ID.fullmatch(made.pop("run_id"))
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert made.pop("created_at") == made.pop("modified_at")
        assert made == {
            "deployment_id": deployment,
            "models": {"alias": model},
            "model_version": "0.0.1",
            "model_version_id": version,
            "input_data": FILE,
            "output_template": {"$datalake:1": "1230000000002"},
            "retry_count": 7,
            "distribution": 3,
            "status": "SUBMITTED",
            "user_env_vars": {"DEBUG": "x"},
        }

    def test_defaults(self, run: dict[str, Any]) -> None:
        """Five retries, no variables, no models, no input and no output."""
        check_answer("create_run", run)
        assert (run["retry_count"], run["user_env_vars"], run["models"]) == (5, {}, {})
        assert (run["input_data"], run["output_template"], run["distribution"]) == (None, None, None)

    def test_as_the_command_line_sends_it(self, wire: Wire, path: str, version: str) -> None:
        """Null is as good as nothing; a variable that is no text is made one."""
        body = {"version_id": version, "input_data": FILE, "retry_count": 5, "environment": {"A": 1, "B": None}}
        made = wire("POST", path, json={**body, "models": None, "output_template": None, "later": 1}).json()
        check_answer("create_run", made)
        assert made["user_env_vars"] == {"A": "1", "B": ""}

    @pytest.mark.parametrize("data", [{}, [], [1, {"a": None}], {"text": "犬", "$other:1": "x"}, FILE])
    def test_input(self, wire: Wire, path: str, version: str, data: Any) -> None:
        """Any JSON object or array is an input (RUN proxy/converter.go), and is shown as it was sent."""
        made = wire("POST", path, json={"version_id": version, "input_data": data}).json()
        assert wire("GET", f"{path}/{made['run_id']}").json()["input_data"] == data

    @pytest.mark.parametrize("count", [0, 9])
    def test_retry_count(self, wire: Wire, path: str, version: str, count: int) -> None:
        """Both ends of its range are taken."""
        assert wire("POST", path, json={"version_id": version, "retry_count": count}).json()["retry_count"] == count

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"version_id": None}, "version_id"),
            ({"version_id": 1}, "version_id"),
            ({"retry_count": -1}, "between 0 and 9"),
            ({"retry_count": 10}, "between 0 and 9"),
            ({"retry_count": "5"}, "retry_count"),
            ({"distribution": "a"}, "distribution"),
            ({"input_data": "text"}, "input_data"),
            ({"input_data": {"$datalake:1": "1230000000001"}}, "<channel>/<file>"),
            ({"input_data": {"$datalake:1": "1230000000001/"}}, "<channel>/<file>"),
            ({"input_data": {"$datalake:1": "a/b/c"}}, "<channel>/<file>"),
            ({"input_data": {"$datalake:1": None}}, "<channel>/<file>"),
            ({"output_template": []}, "output_template"),
            ({"output_template": {"$datalake:1": "a/b"}}, "<channel>"),
            ({"output_template": {"$datalake:1": ""}}, "<channel>"),
            ({"models": []}, "models"),
            ({"models": {"alias": None}}, "alias"),
            ({"models": {"alias": "1999999999999"}}, "no training model"),
            ({"environment": []}, "environment"),
            ({"environment": {"1": "a"}}, "'1'"),
        ],
    )
    def test_not_well_formed(
        self, wire: Wire, platform: Platform, path: str, version: str, fields: dict[str, Any], words: str
    ) -> None:
        """What is wrong is 400, says so, and changes nothing."""
        before = state(platform)
        check_refusal(wire("POST", path, json={"version_id": version, **fields}), 400, words)
        assert state(platform) == before

    def test_of_nothing(self, api: APIClient, organization: str, deployment: str, version: str) -> None:
        """An unknown deployment or version is 404, and so is the version of another deployment."""
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        for where in (("1999999999999", version), (deployment, "ver-0000000000000000"), (other, version)):
            with pytest.raises(abeja.exceptions.NotFound):
                api.create_run(organization, *where)


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_created(self, api: APIClient, organization: str, deployment: str, run: dict[str, Any]) -> None:
        """It is shown and listed as it was answered, and its deployment names it; another deployment has none."""
        assert api.get_run(organization, deployment, run["run_id"]) == run
        listed = api.get_runs(organization, deployment)
        check_answer("get_runs", listed)
        assert listed == {"entries": [run], "next_page_token": None}
        assert DeploymentsAPI().get_deployment(organization, deployment)["runs"] == [{"run_id": run["run_id"]}]
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        assert api.get_runs(organization, other)["entries"] == []
        with pytest.raises(abeja.exceptions.NotFound, match="newest runs: none"):
            api.get_run(organization, other, run["run_id"])

    def test_version_deleted(self, api: APIClient, organization: str, deployment: str, run: dict[str, Any]) -> None:
        """A run still shows which version it was of."""
        DeploymentsAPI().delete_deployment_version(organization, deployment, run["model_version_id"])
        assert api.get_run(organization, deployment, run["run_id"]) == run

    def test_deployment_deleted(
        self, api: APIClient, organization: str, deployment: str, run: dict[str, Any], platform: Platform
    ) -> None:
        """Its runs are gone with it, and their logs with them."""
        write(platform, run, "a line")
        DeploymentsAPI().delete_deployment(organization, deployment)
        for call in (api.get_run, api.get_run_logs, api.get_run_recent_logs):
            with pytest.raises(abeja.exceptions.NotFound):
                call(organization, deployment, run["run_id"])
        with pytest.raises(abeja.exceptions.NotFound):
            api.get_runs(organization, deployment)
        store = platform.world.store
        with store.reading():
            assert list(store.table(RUN_LOG, Line).all()) == []


class TestList:
    """GET …/deployments/{deployment_id}/runs."""

    @given(count=st.integers(0, 2 * RUNS_PER_PAGE + 1), forward=st.sampled_from([None, False, True]))
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_every_run_once(self, api: APIClient, organization: str, count: int, forward: bool | None) -> None:
        """However many there are, pages show each of them once, newest first unless told otherwise."""
        deployments = DeploymentsAPI()
        deployment = deployments.create_deployment(organization, f"d{count}{forward}")["deployment_id"]
        try:
            made = deployments.create_deployment_version(organization, deployment, "1", HANDLER, IMAGE)
            ids = [api.create_run(organization, deployment, made["version_id"])["run_id"] for _ in range(count)]
            pages = [api.get_runs(organization, deployment, scan_forward=forward)]
            while pages[-1]["next_page_token"]:
                pages.append(api.get_runs(organization, deployment, pages[-1]["next_page_token"]))
            assert all(len(page["entries"]) == RUNS_PER_PAGE for page in pages[:-1])
            found = [each["run_id"] for page in pages for each in page["entries"]]
            assert found == (ids if forward else ids[::-1])
        finally:
            deployments.delete_deployment(organization, deployment)

    def test_tokens(
        self, api: APIClient, organization: str, deployment: str, version: str, wire: Wire, path: str
    ) -> None:
        """A token is good for its own list and order only; the order may be said again."""
        for _ in range(RUNS_PER_PAGE + 1):
            api.create_run(organization, deployment, version)
        token = api.get_runs(organization, deployment)["next_page_token"]
        assert len(api.get_runs(organization, deployment, token, scan_forward=False)["entries"]) == 1
        check_refusal(wire("GET", path, params={"next_page_token": token, "scan_forward": "True"}), 400, "scan_forward")
        check_refusal(wire("GET", path, params={"next_page_token": token + "x"}), 400, "token")
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        elsewhere = path.replace(deployment, other)
        check_refusal(wire("GET", elsewhere, params={"next_page_token": token}), 400, "token")

    @pytest.mark.parametrize("text", ["yes", "", "2"])
    def test_scan_forward(self, wire: Wire, path: str, text: str) -> None:
        """It is true or false, as Python writes them."""
        check_refusal(wire("GET", path, params={"scan_forward": text}), 400, "scan_forward")
