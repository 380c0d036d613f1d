"""What is below a deployment besides its code: services, endpoints, runs, triggers.

Their rules know deployments, so deployments cannot know their rules: only what they are kept under.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG, Logs
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.services.records import DELETED, Service
from abeja_emulator.services.triggers.records import Trigger

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World


class Children:
    """What is below the deployments of one Platform."""

    def __init__(self, world: World) -> None:
        self._world, store = world, world.store
        self._services = store.table("service", Service)
        self._service_logs = Logs(world, SERVICE_LOG)
        self._endpoints = store.table("endpoint", Endpoint)
        self._runs = store.table("run", Run)
        self._run_logs = Logs(world, RUN_LOG)
        self._triggers = store.table("trigger", Trigger)

    def named(self, deployment_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return what is below a deployment, by the names its arrays have in answers."""
        return {
            "runs": [{"run_id": each.run_id} for each in self._runs.slice(deployment_id)],
            "services": [{"service_id": each.service_id} for each in self._services.slice(deployment_id)],
            "triggers": [{"trigger_id": each.trigger_id} for each in self._triggers.slice(deployment_id)],
            "endpoints": [
                {"endpoint_id": each.endpoint_id, "custom_alias": each.custom_alias, "service_id": each.service_id}
                for each in self._endpoints.slice(deployment_id)
            ],
        }

    def users_of(self, deployment_id: str, version_id: str) -> list[str]:
        """Return the ids of the services and triggers that need a version; runs only remember which theirs was."""
        services, triggers = self._services.slice(deployment_id), self._triggers.slice(deployment_id)
        return [
            *(each.service_id for each in services if each.version_id == version_id),
            *(each.trigger_id for each in triggers if each.model_version_id == version_id),
        ]

    def delete_all(self, deployment_id: str) -> None:
        """Delete all that is below a deployment besides its code."""
        for service in self._services.slice(deployment_id):
            self._service_logs.delete(service.service_id)
            self._world.tell(msgspec.structs.replace(service, status=DELETED))
        for run in self._runs.slice(deployment_id):
            self._run_logs.delete(run.run_id)
            self._world.tell(msgspec.structs.replace(run, status=DELETED))
        for table in (self._services, self._endpoints, self._runs, self._triggers):
            table.delete_under(deployment_id)
