"""State and rules of triggers; `services/submission.py` is what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.deployments.versions import environment_of
from abeja_emulator.services.runs.settings import retry_count_of
from abeja_emulator.services.services.settings import check_models, models_of
from abeja_emulator.services.times import zulu
from abeja_emulator.services.triggers.records import Trigger

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.wire.call import World

#: The one service that files come from and go to (SDK docstring of create_trigger).
SERVICE = "datalake"


class Triggers:
    """The triggers of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._triggers = world.store.table("trigger", Trigger)

    def create(  # noqa: PLR0913 - the fields of a trigger
        self,
        deployment: Deployment,
        version: DeploymentVersion,
        creator_id: str,
        *,
        input_service_name: str,
        input_service_id: str,
        output_service_name: str | None = None,
        output_service_id: str | None = None,
        models: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
        retry_count: int | None = None,
        distribution: int | None = None,
    ) -> Trigger:
        """Create a trigger; files that are in its channel already do not count.

        Raises:
            BadRequest: when a field is not well-formed, or a model to be mounted is not there. Evidence: inferred, as
                for services.
            NotFound: when the organization has no such channel.
        """
        organization_id = deployment.organization_id
        self._check_service(organization_id, "input", input_service_name, input_service_id)
        output_service_name, output_service_id = output_service_name or None, output_service_id or None
        if output_service_name is not None or output_service_id is not None:
            self._check_service(organization_id, "output", output_service_name, output_service_id)
        mounted = models_of(models)
        check_models(self._world, organization_id, mounted)
        now = iso(self._world.clock.now())
        trigger = Trigger(
            trigger_id=f"tri-{self._world.ids.hexadecimal(16)}",
            organization_id=organization_id,
            deployment_id=deployment.deployment_id,
            models=mounted,
            model_version=version.version,
            model_version_id=version.version_id,
            input_service_name=input_service_name,
            input_service_id=input_service_id,
            output_service_name=output_service_name,
            output_service_id=output_service_id,
            retry_count=retry_count_of(retry_count),
            distribution=distribution,
            user_env_vars=environment_of(environment),
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
        )
        self._triggers.insert(trigger.deployment_id, trigger.trigger_id, trigger)
        return trigger

    def get(self, deployment_id: str, trigger_id: str) -> Trigger:
        """Return a trigger of a deployment.

        Raises:
            NotFound: when the deployment has none with that id.
        """
        trigger = self._triggers.get(deployment_id, trigger_id)
        if trigger is None:
            known = self._triggers.slice(deployment_id, limit=10, newest_first=True)
            ids = ", ".join(each.trigger_id for each in known) or "none"
            message = f"deployment {deployment_id} has no trigger {trigger_id!r}; newest triggers: {ids}"
            raise NotFound(message)
        return trigger

    def all(self, deployment_id: str) -> list[Trigger]:
        """Return the triggers of a deployment, in order of creation."""
        return self._triggers.slice(deployment_id)

    def delete(self, deployment_id: str, trigger_id: str) -> Trigger:
        """Delete a trigger, which makes no more runs, and return it as it was; the runs it made stay."""
        trigger = self.get(deployment_id, trigger_id)
        self._triggers.delete(deployment_id, trigger_id)
        return trigger

    def view(self, trigger: Trigger) -> dict[str, Any]:
        """Return a trigger as the API shows it."""
        shown = msgspec.structs.asdict(trigger)
        del shown["creator_id"]
        shown["created_at"], shown["modified_at"] = zulu(trigger.created_at), zulu(trigger.modified_at)
        return shown

    def _check_service(self, organization_id: str, which: str, name: str | None, identifier: str | None) -> None:
        if name != SERVICE:
            message = f"{which}_service_name is {SERVICE}, the only one there is, not {name!r}"
            raise BadRequest(message)
        if not identifier:
            message = (
                f"{which}_service_id is missing; with the {which}_service_name {SERVICE} it is the id of a channel"
            )
            raise BadRequest(message)
        Channels(self._world).get(organization_id, identifier)
