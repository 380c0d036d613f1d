"""Deployments: creating, listing, renaming and deleting them, and what each of these changes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.descriptions import DESCRIPTION_LIMIT
from abeja_emulator.services.logs.pages import RUN_LOG, Logs
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.variables import RESERVED
from tests.services.deployments.samples import DEPLOYMENTS, full_deployment, shown
from tests.services.training.samples import state
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.deployments import APIClient

    from abeja_emulator.platform import Platform

#: What a deployment has below it, by the names of its arrays.
CHILDREN = ("codes", "runs", "services", "triggers", "endpoints", "daemons")


class TestCreate:
    """POST /organizations/{organization_id}/deployments."""

    def test_answer(self, api: APIClient, organization: str, platform: Platform) -> None:
        """A new deployment shows what was sent, an id, its creator, times in UTC, and nothing below it."""
        made = api.create_deployment(organization, "reader", "reads digits", {"SIZE": 28, "EMPTY": None})
        check_answer("create_deployment", made)
        assert PLATFORM_ID.fullmatch(made["deployment_id"])
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert made["modified_at"] == made["created_at"]
        assert made["creator"] == platform.user.view()
        assert (made["name"], made["description"], made["model_id"]) == ("reader", "reads digits", None)
        assert made["default_environment"] == {"SIZE": "28", "EMPTY": ""}
        assert [made[name] for name in CHILDREN] == [[], [], [], [], [], []]

    def test_as_the_command_line_sends_it(self, wire: Wire) -> None:
        """A name is enough; fields that nobody knows are ignored."""
        made = wire("POST", DEPLOYMENTS, json={"name": "reader", "from_the_future": True}).json()
        check_answer("create_deployment", made)
        assert (made["description"], made["default_environment"]) == (None, {})
        assert shown(wire, f"/{made['deployment_id']}") == made

    @pytest.mark.parametrize("description", ["", "説" * DESCRIPTION_LIMIT, None])
    def test_description(self, wire: Wire, description: str | None) -> None:
        """A description of up to its limit of characters is kept; none at all is null."""
        made = wire("POST", DEPLOYMENTS, json={"name": "reader", "description": description}).json()
        assert made["description"] == description

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "name"),
            ({"name": None}, "name"),
            ({"name": 1}, "name"),
            ({"name": ""}, "needs a name"),
            ({"name": "a/b"}, "without a slash"),
            ({"name": "a\0b"}, "file name"),
            ({"name": "reader"}, "'reader' exists already"),
            ({"name": "new", "description": "x" * (DESCRIPTION_LIMIT + 1)}, str(DESCRIPTION_LIMIT)),
            ({"name": "new", "description": 1}, "description"),
            ({"name": "new", "default_environment": []}, "default_environment"),
            ({"name": "new", "default_environment": {"no-dash": "1"}}, "no-dash"),
            ({"name": "new", "default_environment": {RESERVED[0]: "1"}}, RESERVED[0]),
            ({"name": "new", "default_environment": {"A": "a\0b"}}, "NUL"),
        ],
    )
    @pytest.mark.usefixtures("deployment")
    def test_refused(self, wire: Wire, platform: Platform, body: dict[str, Any], words: str) -> None:
        """What is not well-formed, or there already, is 400 and changes nothing."""
        before = state(platform)
        check_refusal(wire("POST", DEPLOYMENTS, json=body), 400, words)
        assert state(platform) == before


class TestEffects:
    """What each operation changes in the answers of the others."""

    def test_create(self, api: APIClient, organization: str) -> None:
        """A new deployment is shown as it was answered, and is last in the list."""
        made = [api.create_deployment(organization, name) for name in ("b", "a", "c")]
        assert [api.get_deployment(organization, each["deployment_id"]) for each in made] == made
        assert api.get_deployments(organization) == {"entries": made}

    def test_list(self, api: APIClient, organization: str) -> None:
        """Without deployments the list is empty; it has the shape that is declared."""
        assert api.get_deployments(organization) == {"entries": []}
        full_deployment(organization)
        listed = api.get_deployments(organization)
        check_answer("get_deployments", listed)
        assert len(listed["entries"]) == 1

    def test_children(self, wire: Wire, organization: str) -> None:
        """A deployment names what is below it, of each kind, and nothing of another deployment."""
        made = full_deployment(organization)
        full_deployment(organization, "other")
        answer = shown(wire, f"/{made['deployment_id']}")
        check_answer("get_deployment", answer)
        assert {name: answer[name] for name in CHILDREN} == {
            "codes": [{"version_id": made["version_id"], "version": "0.0.1"}],
            "runs": [{"run_id": made["run_id"]}],
            "services": [{"service_id": made["service_id"]}],
            "triggers": [{"trigger_id": made["trigger_id"]}],
            "endpoints": [
                {
                    "endpoint_id": made["endpoint_id"],
                    "custom_alias": "default",
                    "service_id": made["service_id"],
                }
            ],
            "daemons": [],
        }

    def test_rename(self, api: APIClient, organization: str, deployment: str, platform: Platform) -> None:
        """A new name is shown and taken, the old one is free; description and variables stay, time goes on."""
        api.patch_deployment(organization, deployment, "reader", {"A": "1"})
        before = api.get_deployment(organization, deployment)
        platform.clock.advance(1)
        renamed = api.patch_deployment(organization, deployment, "writer")
        check_answer("patch_deployment", renamed)
        assert renamed["modified_at"] > before["modified_at"]
        assert renamed == {**before, "name": "writer", "modified_at": renamed["modified_at"]}
        assert api.get_deployments(organization) == {"entries": [renamed]}
        with pytest.raises(abeja.exceptions.BadRequest, match="'writer' exists already"):
            api.create_deployment(organization, "writer")
        api.create_deployment(organization, "reader")

    @pytest.mark.parametrize("variables", [{}, {"B": "2"}])
    def test_default_environment_is_replaced(
        self, api: APIClient, organization: str, deployment: str, variables: dict[str, str]
    ) -> None:
        """Variables come in the place of all that were there."""
        api.patch_deployment(organization, deployment, "reader", {"A": "1"})
        answer = api.patch_deployment(organization, deployment, "reader", variables)
        assert answer["default_environment"] == variables
        assert api.get_deployment(organization, deployment) == answer

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "name"),
            ({"name": ""}, "needs a name"),
            ({"name": "taken"}, "'taken' exists already"),
            ({"name": "new", "default_environment": {RESERVED[-1]: ""}}, RESERVED[-1]),
        ],
    )
    def test_refused_change(
        self,
        api: APIClient,
        organization: str,
        deployment: str,
        wire: Wire,
        platform: Platform,
        body: dict[str, Any],
        words: str,
    ) -> None:
        """A change that is refused changes nothing, not even the name."""
        api.create_deployment(organization, "taken")
        before = state(platform)
        check_refusal(wire("PATCH", f"{DEPLOYMENTS}/{deployment}", json=body), 400, words)
        assert state(platform) == before

    def test_delete(self, api: APIClient, organization: str, platform: Platform) -> None:
        """A deployment takes all below it away, code and logs too: nothing is left, and nothing else is touched."""
        full_deployment(organization, "other")
        before = state(platform)
        made = full_deployment(organization)
        with platform.world.store.transaction():
            Logs(platform.world, RUN_LOG).write(made["run_id"], "a line")
        answer = api.delete_deployment(organization, made["deployment_id"])
        assert answer == {"message": f"{made['deployment_id']} deleted"}
        assert state(platform) == before

    def test_delete_without_anything(self, api: APIClient, organization: str, deployment: str) -> None:
        """A deployment without anything below it goes, and its name is free."""
        api.delete_deployment(organization, deployment)
        assert api.get_deployments(organization) == {"entries": []}
        assert api.create_deployment(organization, "reader")["deployment_id"] != deployment

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/versions",
            "/versions/{version_id}",
            "/versions/{version_id}/download",
            "/services",
            "/services/{service_id}",
            "/services/{service_id}/logs",
            "/services/{service_id}/recentlogs",
            "/endpoints",
            "/endpoints/{endpoint_id}",
            "/endpoints/default",
            "/runs",
            "/runs/{run_id}",
            "/triggers",
            "/triggers/{trigger_id}",
        ],
    )
    def test_everything_below_is_gone(self, api: APIClient, organization: str, wire: Wire, path: str) -> None:
        """What could be shown until a deployment was deleted is 404 afterwards."""
        made = full_deployment(organization)
        path = f"/{made['deployment_id']}" + path.format(**made)
        shown(wire, path)
        api.delete_deployment(organization, made["deployment_id"])
        check_refusal(wire("GET", DEPLOYMENTS + path), 404, made["deployment_id"])


class TestOfAModel:
    """POST /organizations/{organization_id}/models/{model_id}/deployments, of SDK 1.0.4 and before."""

    def test_create(self, api: APIClient, organization: str, wire: Wire) -> None:
        """A deployment of a model is like any other, and shows its model."""
        model = wire("POST", "/organizations/{org}/models", json={"name": "digits"}).json()["model_id"]
        body = {"name": "reader", "description": "reads", "default_environment": {"A": "1"}}
        made = wire("POST", f"/organizations/{{org}}/models/{model}/deployments", json=body).json()
        check_answer("create_model_deployment", made)
        assert {**made, **body, "model_id": model} == made
        assert api.get_deployment(organization, made["deployment_id"]) == made

    def test_unknown_model(self, wire: Wire) -> None:
        """One of a model that does not exist is 404."""
        response = wire("POST", "/organizations/{org}/models/1999999999999/deployments", json={"name": "reader"})
        check_refusal(response, 404, "1999999999999")


class TestOrganizations:
    """Deployments belong to an organization."""

    def test_names_are_taken_within_one(self, platform: Platform, api: APIClient, organization: str) -> None:
        """Two organizations can each have a deployment of one name, and see their own only."""
        world = platform.world
        with world.store.transaction():
            other = Accounts(world).add_organization("other-org")
            theirs = Deployments(world).create(other.id, "reader", platform.user.id)
        ours = api.create_deployment(organization, "reader")
        assert [each["deployment_id"] for each in api.get_deployments(organization)["entries"]] == [
            ours["deployment_id"]
        ]
        for call in (api.get_deployment, api.delete_deployment):
            with pytest.raises(abeja.exceptions.NotFound, match=theirs.deployment_id):
                call(organization, theirs.deployment_id)

    def test_a_refusal_names_what_exists(self, api: APIClient, organization: str, deployment: str) -> None:
        """An unknown id is 404, with the ids and names of those that are there."""
        with pytest.raises(abeja.exceptions.NotFound, match=rf"{deployment} \(reader\)"):
            api.get_deployment(organization, "1999999999999")
        api.delete_deployment(organization, deployment)
        with pytest.raises(abeja.exceptions.NotFound, match="newest deployments: none"):
            api.patch_deployment(organization, deployment, "name")
