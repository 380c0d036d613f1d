"""Versions of a deployment's code: what they show, what is refused, who uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.deployments.versions import RESULT_VARIABLES
from abeja_emulator.services.variables import RESERVED
from tests.services.deployments.samples import DEPLOYMENTS, HANDLER, IMAGE, full_deployment, shown
from tests.services.training.samples import state
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.deployments import APIClient

    from abeja_emulator.platform import Platform

VERSION_ID = re.compile(r"ver-[0-9a-f]{16}")

#: The three ways to a version: the end of the path, and what the body has besides the fields of every version.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "upload": ("/versions", {}),
    "git": ("/git/versions", {"git_url": "https://git.example.org/a/b.git"}),
    "template": ("/code_templates", {"template_id": 1}),
}

OPERATIONS = {
    "upload": "create_deployment_version",
    "git": "create_deployment_version_from_git",
    "template": "create_deployment_from_template",
}


def post(wire: Wire, way: str, deployment: str, **fields: Any) -> Any:
    """Create a version by one of the ways; fields that are None are left out."""
    end, own = WAYS[way]
    body = {"version": "0.0.1", "image": IMAGE, **own, **fields}
    sent = {name: value for name, value in body.items() if value is not None}
    return wire("POST", f"{DEPLOYMENTS}/{deployment}{end}", json=sent)


class TestCreate:
    """POST …/versions, …/git/versions and …/code_templates."""

    @pytest.mark.parametrize("way", WAYS)
    def test_answer(self, wire: Wire, deployment: str, platform: Platform, way: str) -> None:
        """What was sent is shown, with an id, its creator and times; only code that is to be uploaded has a place."""
        parameters = {"SIZE": 28, "EMPTY": None}
        made = post(wire, way, deployment, handler="predict:run", user_parameters=parameters).json()
        check_answer(OPERATIONS[way], made)
        assert ("upload_url" in made) == (way == "upload")
        made.pop("upload_url", None)
        assert VERSION_ID.fullmatch(made["version_id"])
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert shown(wire, f"/{deployment}/versions/{made['version_id']}") == made
        assert made == {
            "deployment_id": deployment,
            "version": "0.0.1",
            "version_id": made["version_id"],
            "handler": "predict:run",
            "image": IMAGE,
            "user_parameters": {"SIZE": "28", "EMPTY": ""},
            "description": None,
            "training_job_id": None,
            "job_definition_id": None,
            "job_definition_version": None,
            "model_id": None,
            "creator": platform.user.view(),
            "created_at": made["created_at"],
            "modified_at": made["created_at"],
        }

    @pytest.mark.parametrize("way", WAYS)
    def test_default_handler(self, wire: Wire, deployment: str, way: str) -> None:
        """The command line need not name a handler; then it is the runner's own default."""
        assert post(wire, way, deployment).json()["handler"] == "main:handler"

    @pytest.mark.parametrize("way", WAYS)
    def test_unknown_deployment(self, wire: Wire, platform: Platform, way: str) -> None:
        """A version of a deployment that does not exist is 400, not 404, as the SDK documents."""
        before = state(platform)
        check_refusal(post(wire, way, "1999999999999"), 400, "1999999999999", "newest deployments: none")
        assert state(platform) == before

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"version": None}, "version"),
            ({"version": ""}, "needs a name"),
            ({"version": 1}, "version"),
            ({"version": "taken"}, "'taken' already"),
            ({"image": None}, "image"),
            ({"image": "all-cpu"}, "host/"),
            ({"image": ""}, "host/"),
            ({"handler": 1}, "handler"),
            ({"user_parameters": "A=1"}, "user_parameters"),
            ({"user_parameters": {"1A": "x"}}, "1A"),
            ({"user_parameters": {"PLATFORM_AUTH_TOKEN": "x"}}, "PLATFORM_AUTH_TOKEN"),
        ],
    )
    def test_refused(
        self, wire: Wire, deployment: str, platform: Platform, way: str, fields: dict[str, Any], words: str
    ) -> None:
        """What is not well-formed, or there already, is 400 and changes nothing, whichever way it comes."""
        post(wire, "upload", deployment, version="taken").raise_for_status()
        before = state(platform)
        check_refusal(post(wire, way, deployment, **fields), 400, words)
        assert state(platform) == before

    @pytest.mark.parametrize(
        ("way", "fields", "words"),
        [
            ("git", {"git_url": None}, "git_url"),
            ("git", {"git_url": "http://github.com/a/b"}, "https://"),
            ("git", {"git_url": "git@github.com:a/b.git"}, "https://"),
            ("git", {"git_url": "https:///a/b"}, "<host>"),
            ("git", {"git_branch": "a..b"}, "git check-ref-format"),
            ("git", {"git_branch": 1}, "git_branch"),
            ("template", {"template_id": None}, "template_id"),
            ("template", {"template_id": "one"}, "template_id"),
            ("template", {"template_id": 0}, "template_id"),
            ("template", {"template_id": 2**63}, "template_id"),
        ],
    )
    def test_refused_origin(
        self, wire: Wire, deployment: str, platform: Platform, way: str, fields: dict[str, Any], words: str
    ) -> None:
        """A repository has to be one by its URL, and a template a number."""
        before = state(platform)
        check_refusal(post(wire, way, deployment, **fields), 400, words)
        assert state(platform) == before

    def test_variables_of_a_result(self, wire: Wire, deployment: str) -> None:
        """A user says with variables which job's result a service gets; no other variable of the platform is theirs."""
        given = {name: f"of {name}" for name in RESULT_VARIABLES}
        made = post(wire, "upload", deployment, user_parameters={**given, "TRAINING_JOB_ID": 1230000000000})
        assert made.json()["user_parameters"] == {**given, "TRAINING_JOB_ID": "1230000000000"}
        check_refusal(
            post(wire, "git", deployment, version="2", user_parameters={RESULT_VARIABLES[0]: "\0"}), 400, "NUL"
        )
        for name in set(RESERVED) - set(RESULT_VARIABLES):
            refused = post(wire, "upload", deployment, version="2", user_parameters={**given, name: "x"})
            check_refusal(refused, 400, name)


class TestEffects:
    """What each operation changes in the answers of the others."""

    def test_create(self, api: APIClient, organization: str, deployment: str, wire: Wire) -> None:
        """New versions are shown and listed in order of creation, and their deployment names them."""
        made = [post(wire, way, deployment, version=way).json() for way in ("template", "upload", "git")]
        del made[1]["upload_url"]
        listed = api.get_deployment_versions(organization, deployment)
        check_answer("get_deployment_versions", listed)
        assert listed == {"entries": made}
        for each in made:
            found = api.get_deployment_version(organization, deployment, each["version_id"])
            check_answer("get_deployment_version", found)
            assert found == each
        assert api.get_deployment(organization, deployment)["codes"] == [
            {"version_id": each["version_id"], "version": each["version"]} for each in made
        ]

    def test_versions_of_another_deployment(self, api: APIClient, organization: str, version: dict[str, Any]) -> None:
        """Each deployment has versions of its own: their numbers may be the same, their ids are not known elsewhere."""
        other = api.create_deployment(organization, "other")["deployment_id"]
        assert api.get_deployment_versions(organization, other) == {"entries": []}
        same = api.create_deployment_version(organization, other, version["version"], HANDLER, IMAGE)
        assert same["version_id"] != version["version_id"]
        calls = (api.get_deployment_version, api.delete_deployment_version, api.download_deployment_version)
        for call in calls:
            with pytest.raises(abeja.exceptions.NotFound, match=rf"{same['version_id']} \(0.0.1\)"):
                call(organization, other, version["version_id"])

    def test_delete(self, api: APIClient, organization: str, deployment: str, platform: Platform) -> None:
        """A deleted version leaves nothing, is named no more, and its number is free for another one."""
        before = state(platform)
        made = api.create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
        answer = api.delete_deployment_version(organization, deployment, made["version_id"])
        assert answer == {"message": f"{made['version_id']} deleted"}
        assert state(platform) == before
        with pytest.raises(abeja.exceptions.NotFound, match="newest versions: none"):
            api.get_deployment_version(organization, deployment, made["version_id"])
        again = api.create_deployment_version(organization, deployment, "0.0.1", HANDLER, IMAGE)
        assert again["version_id"] != made["version_id"]

    def test_delete_one_that_is_needed(self, wire: Wire, organization: str, platform: Platform) -> None:
        """A version that services or triggers need stays, with its code, until they are gone; a run is over with it."""
        made = full_deployment(organization)
        root = f"{DEPLOYMENTS}/{made['deployment_id']}"
        version, service = f"{root}/versions/{made['version_id']}", f"{root}/services/{made['service_id']}"
        before = state(platform)
        check_refusal(wire("DELETE", version), 409, made["service_id"], made["trigger_id"])
        assert state(platform) == before
        assert wire("DELETE", f"{root}/endpoints/default").status_code == 200
        assert wire("DELETE", service).status_code == 200
        check_refusal(wire("DELETE", version), 409, made["trigger_id"])
        assert wire("DELETE", f"{root}/triggers/{made['trigger_id']}").status_code == 200
        assert wire("DELETE", version).status_code == 200
        assert shown(wire, f"/{made['deployment_id']}/runs/{made['run_id']}")["model_version_id"] == made["version_id"]

    def test_another_version_of_that_deployment_can_be_deleted(self, api: APIClient, organization: str) -> None:
        """Only the version that is run is kept."""
        made = full_deployment(organization)
        spare = api.create_deployment_version(organization, made["deployment_id"], "2", HANDLER, IMAGE)["version_id"]
        api.delete_deployment_version(organization, made["deployment_id"], spare)
        entries = api.get_deployment_versions(organization, made["deployment_id"])["entries"]
        assert [each["version_id"] for each in entries] == [made["version_id"]]
