"""Triggers: created, shown, listed and deleted, and what each of these changes in the answers of the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.deployments import APIClient as DeploymentsAPI

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.organizations.rules import Accounts
from tests.services.training.samples import state
from tests.services.wire import ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.triggers import APIClient

    from abeja_emulator.platform import Platform

TRIGGER_ID = re.compile(r"tri-[0-9a-f]{16}")


class TestCreate:
    """POST …/deployments/{deployment_id}/triggers."""

    def test_answer(
        self, api: APIClient, organization: str, deployment: str, version: str, channel: str, output: str, model: str
    ) -> None:
        """A trigger shows what was sent, an id, and its version by id and name."""
        made = api.create_trigger(
            organization,
            deployment,
            version,
            "datalake",
            channel,
            "datalake",
            output,
            distribution=3,
            retry_count=7,
            environment={"DEBUG": "x"},
            model_id=model,
        )
        check_answer("create_trigger", made)
        assert TRIGGER_ID.fullmatch(made.pop("trigger_id"))
        assert ZULU_MICROSECONDS.fullmatch(made["created_at"])
        assert made.pop("created_at") == made.pop("modified_at")
        assert made == {
            "organization_id": organization,
            "deployment_id": deployment,
            "models": {"alias": model},
            "model_version": "0.0.1",
            "model_version_id": version,
            "input_service_name": "datalake",
            "input_service_id": channel,
            "output_service_name": "datalake",
            "output_service_id": output,
            "retry_count": 7,
            "distribution": 3,
            "user_env_vars": {"DEBUG": "x"},
        }

    def test_defaults(self, trigger: dict[str, Any]) -> None:
        """Five retries, no variables (the SDK says null), no models and no output."""
        check_answer("create_trigger", trigger)
        assert (trigger["retry_count"], trigger["user_env_vars"], trigger["models"]) == (5, {}, {})
        names = ("output_service_name", "output_service_id", "distribution")
        assert [trigger[name] for name in names] == [None, None, None]

    def test_as_the_command_line_sends_it(self, wire: Wire, path: str, version: str, channel: str) -> None:
        """Variables always, the rest only when it is there; fields that nobody knows are ignored."""
        body = {"version_id": version, "input_service_name": "datalake", "input_service_id": channel}
        made = wire("POST", path, json={**body, "retry_count": 5, "environment": {"A": "1"}, "later": 1}).json()
        check_answer("create_trigger", made)
        assert made["user_env_vars"] == {"A": "1"}

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"version_id": None}, "version_id"),
            ({"input_service_name": None}, "input_service_name"),
            ({"input_service_name": "datamart-rdb"}, "datalake"),
            ({"input_service_id": None}, "input_service_id"),
            ({"input_service_id": ""}, "input_service_id is missing"),
            ({"output_service_name": "datalake"}, "output_service_id is missing"),
            ({"output_service_id": "1230000000001"}, "output_service_name"),
            ({"output_service_name": "other", "output_service_id": "1230000000001"}, "output_service_name"),
            ({"retry_count": -1}, "between 0 and 9"),
            ({"retry_count": 10}, "between 0 and 9"),
            ({"distribution": "a"}, "distribution"),
            ({"models": {"": "1230000000001"}}, "alias"),
            ({"models": {"alias": "1999999999999"}}, "no training model"),
            ({"environment": {"a-b": "1"}}, "a-b"),
        ],
    )
    def test_not_well_formed(
        self,
        wire: Wire,
        platform: Platform,
        path: str,
        version: str,
        channel: str,
        fields: dict[str, Any],
        words: str,
    ) -> None:
        """What is wrong is 400, says so, and changes nothing."""
        body = {"version_id": version, "input_service_name": "datalake", "input_service_id": channel, **fields}
        before = state(platform)
        check_refusal(wire("POST", path, json=body), 400, words)
        assert state(platform) == before

    def test_of_nothing(
        self, api: APIClient, organization: str, deployment: str, version: str, channel: str, platform: Platform
    ) -> None:
        """An unknown deployment, version or channel is 404; those of others are unknown."""
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        with platform.world.store.transaction():
            stranger = Accounts(platform.world).add_organization("other-org").id
            strange = Channels(platform.world).create(stranger, "strange").channel_id
        before = state(platform)
        for where in (
            ("1999999999999", version, "datalake", channel),
            (deployment, "ver-0000000000000000", "datalake", channel),
            (other, version, "datalake", channel),
            (deployment, version, "datalake", "1999999999999"),
            (deployment, version, "datalake", strange),
            (deployment, version, "datalake", channel, "datalake", "1999999999999"),
        ):
            with pytest.raises(abeja.exceptions.NotFound):
                api.create_trigger(organization, *where)
        assert state(platform) == before


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_created(self, api: APIClient, organization: str, deployment: str, trigger: dict[str, Any]) -> None:
        """It is shown and listed as it was answered, and its deployment names it; another deployment has none."""
        shown = api.get_trigger(organization, deployment, trigger["trigger_id"])
        check_answer("get_trigger", shown)
        assert shown == trigger
        second = api.create_trigger(
            organization, deployment, trigger["model_version_id"], "datalake", trigger["input_service_id"]
        )
        listed = api.get_triggers(organization, deployment)
        check_answer("get_triggers", listed)
        assert listed == {"entries": [trigger, second]}
        named = DeploymentsAPI().get_deployment(organization, deployment)["triggers"]
        assert named == [{"trigger_id": each["trigger_id"]} for each in (trigger, second)]
        other = DeploymentsAPI().create_deployment(organization, "other")["deployment_id"]
        assert api.get_triggers(organization, other) == {"entries": []}
        with pytest.raises(abeja.exceptions.NotFound, match="newest triggers: none"):
            api.get_trigger(organization, other, trigger["trigger_id"])

    def test_deleted(self, api: APIClient, organization: str, deployment: str, trigger: dict[str, Any]) -> None:
        """The answer names it, and it is gone everywhere."""
        gone = api.delete_trigger(organization, deployment, trigger["trigger_id"])
        check_answer("delete_trigger", gone)
        assert gone == {"message": f"{trigger['trigger_id']} deleted"}
        assert api.get_triggers(organization, deployment) == {"entries": []}
        assert DeploymentsAPI().get_deployment(organization, deployment)["triggers"] == []
        for call in (api.get_trigger, api.delete_trigger, api.get_trigger_runs):
            with pytest.raises(abeja.exceptions.NotFound, match=trigger["trigger_id"]):
                call(organization, deployment, trigger["trigger_id"])

    def test_deployment_deleted(
        self, api: APIClient, organization: str, deployment: str, trigger: dict[str, Any]
    ) -> None:
        """Its triggers are gone with it."""
        DeploymentsAPI().delete_deployment(organization, deployment)
        for call, where in ((api.get_triggers, ()), (api.get_trigger, (trigger["trigger_id"],))):
            with pytest.raises(abeja.exceptions.NotFound, match=deployment):
                call(organization, deployment, *where)
