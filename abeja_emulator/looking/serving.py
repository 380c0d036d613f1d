"""A look at deployments, and at what is below them: versions, services, endpoints, runs, triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.looking.base import BaseLook, only
from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.results.records import Result
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.services.records import Service
from abeja_emulator.services.triggers.records import Trigger

if TYPE_CHECKING:
    from typing import TypeVar

    import msgspec

    RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class ServingLook(BaseLook):
    """Deployments, versions, services, endpoints, runs and triggers.

    A `deployment` is named by its name or its id; without one, what is below all of them is shown.
    """

    def deployments(self) -> list[Deployment]:
        """Return the deployments, oldest first."""
        with self._store.reading():
            return self._store.table("deployment", Deployment).slice(self._organization_id)

    def deployment(self, id_or_name: str) -> Deployment:
        """Return the deployment with that id or name.

        Raises:
            NotFound: when there is none.
        """
        return only(self.deployments(), id_or_name, "deployment", "deployment_id", "name")

    def deployment_versions(self, deployment: str | None = None) -> list[DeploymentVersion]:
        """Return the versions of the code of deployments, oldest first."""
        return self._below("deployment_version", DeploymentVersion, deployment)

    def services(self, deployment: str | None = None) -> list[Service]:
        """Return the services of deployments, oldest first."""
        return self._below("service", Service, deployment)

    def service(self, service_id: str) -> Service:
        """Return a service.

        Raises:
            NotFound: when there is none with that id.
        """
        return only(self.services(), service_id, "service", "service_id")

    def service_log(self, service_id: str) -> list[Line]:
        """Return the log of a service, oldest line first."""
        self.service(service_id)
        with self._store.reading():
            return self._store.table(SERVICE_LOG, Line).slice(service_id)

    def endpoints(self, deployment: str | None = None) -> list[Endpoint]:
        """Return the endpoints of deployments, oldest first."""
        return self._below("endpoint", Endpoint, deployment)

    def endpoint(self, deployment: str, id_or_alias: str) -> Endpoint:
        """Return an endpoint of a deployment.

        Raises:
            NotFound: when there is no such deployment, or it has none with that id or alias.
        """
        return only(self.endpoints(deployment), id_or_alias, "endpoint", "endpoint_id", "custom_alias")

    def runs(self, deployment: str | None = None) -> list[Run]:
        """Return the runs of deployments, those that triggers made too, oldest first."""
        return self._below("run", Run, deployment)

    def run(self, run_id: str) -> Run:
        """Return a run.

        Raises:
            NotFound: when there is none with that id.
        """
        return only(self.runs(), run_id, "run", "run_id")

    def run_log(self, run_id: str) -> list[Line]:
        """Return the log of a run, oldest line first."""
        self.run(run_id)
        with self._store.reading():
            return self._store.table(RUN_LOG, Line).slice(run_id)

    def triggers(self, deployment: str | None = None) -> list[Trigger]:
        """Return the triggers of deployments, oldest first."""
        return self._below("trigger", Trigger, deployment)

    def trigger(self, trigger_id: str) -> Trigger:
        """Return a trigger.

        Raises:
            NotFound: when there is none with that id.
        """
        return only(self.triggers(), trigger_id, "trigger", "trigger_id")

    def async_results(self, deployment: str | None = None) -> list[Result]:
        """Return what models answered to asynchronous requests, in the order the first answers came in."""
        return self._below("result", Result, deployment)

    def async_content(self, deployment: str, request_id: str) -> bytes:
        """Return the body of what a model answered to an asynchronous request.

        Raises:
            NotFound: when there is no such deployment, or no answer to that request has come.
        """
        result = only(self.async_results(deployment), request_id, "asynchronous result", "request_id")
        with self._store.reading():
            return self._store.blobs.read(result.body)

    def _below(self, kind: str, record: type[RecordT], deployment: str | None) -> list[RecordT]:
        with self._store.reading():
            table = self._store.table(kind, record)
            if deployment is not None:
                return table.slice(self.deployment(deployment).deployment_id)
            parents = {each.deployment_id for each in self.deployments()}
            return [row.record for row in table.all() if row.parent in parents]
