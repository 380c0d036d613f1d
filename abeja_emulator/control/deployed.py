"""Looking at what runs of deployments: services, runs and their logs."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, cast

from abeja_emulator.control.deployed_shapes import (
    EndpointShown,
    RunShown,
    RunShownList,
    ServiceShown,
    ServiceShownList,
    TextLineShown,
    TextLogShown,
)
from abeja_emulator.control.secrecy import Secrecy
from abeja_emulator.errors import NotFound
from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.logs.pages import RUN_LOG, SERVICE_LOG
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import LIFE_CYCLE
from abeja_emulator.services.services.records import FAILED, STOPPED, Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.control.deployed_shapes import RunQuery, RunStatus, ServiceQuery, ServiceStatus
    from abeja_emulator.control.desk import Desk
    from abeja_emulator.control.shapes import LogQuery
    from abeja_emulator.store.table import Table

#: Ids that a refusal names.
_NAMED = 10


class DeployedWatch:
    """Shows a platform's services and runs, of whatever organization, without the secrets in them."""

    def __init__(self, desk: Desk) -> None:
        self._platform = desk.platform
        self._services_host = desk.services
        self._runs_host = desk.runs
        store = self._store = desk.platform.world.store
        self._services = store.table("service", Service)
        self._runs = store.table("run", Run)
        self._deployments = store.table("deployment", Deployment)
        self._versions = store.table("deployment_version", DeploymentVersion)
        self._endpoints = store.table("endpoint", Endpoint)

    # -- services -------------------------------------------------------------------------------

    def services(self, query: ServiceQuery) -> ServiceShownList:
        """Return the services that a query means, newest first."""
        with self._store.reading():
            names = self._names()
            every = [row.record for row in self._services.all()]
            found = [each for each in reversed(every) if _is_meant(each, query, names)]
            return ServiceShownList(self._shown_services(found[: query.limit], names), len(found))

    def service(self, service_id: str) -> ServiceShown:
        """Return a service.

        Raises:
            NotFound: when there is no such service; it names the newest.
        """
        with self._store.reading():
            return self._shown_services([self._service(service_id)], self._names())[0]

    def service_log(self, service_id: str, query: LogQuery) -> TextLogShown:
        """Return a page of a service's log.

        Raises:
            NotFound: when there is no such service.
        """
        # Looked at before the page is read: what ends in between wrote its last line before it ended.
        starting = self._starting()
        with self._store.reading():
            over = self._service(service_id).status in {STOPPED, FAILED} and service_id not in starting
            return self._log(SERVICE_LOG, service_id, query, over=over)

    def _shown_services(self, services: list[Service], names: Mapping[str, str]) -> list[ServiceShown]:
        hide, starting = Secrecy(self._platform), self._starting()
        instances = None if self._services_host is None else self._services_host.instances()
        leading: dict[str, list[EndpointShown]] = {}
        for row in self._endpoints.all():
            shown = EndpointShown(row.record.endpoint_id, hide(row.record.custom_alias))
            leading.setdefault(row.record.service_id, []).append(shown)
        return [
            ServiceShown(
                service_id=service.service_id,
                organization_id=service.organization_id,
                deployment_id=service.deployment_id,
                deployment=hide(names[service.deployment_id]),
                version=hide(self._version_of(service)),
                version_id=service.version_id,
                status=cast("ServiceStatus", service.status),
                starting=service.service_id in starting,
                instances=None if instances is None else instances.get(service.service_id, 0),
                instance_number=service.instance_number,
                endpoints=leading.get(service.service_id, []),
                created_at=service.created_at + "Z",
                modified_at=service.modified_at + "Z",
            )
            for service in services
        ]

    def _version_of(self, service: Service) -> str:
        version = self._versions.get(service.deployment_id, service.version_id)
        return service.version_id if version is None else version.version

    def _service(self, service_id: str) -> Service:
        found: Service = _found(self._services, service_id, "service")
        return found

    def _starting(self) -> set[str]:
        return set() if self._services_host is None else set(self._services_host.starting())

    # -- runs -----------------------------------------------------------------------------------

    def runs(self, query: RunQuery) -> RunShownList:
        """Return the runs that a query means, newest first."""
        with self._store.reading():
            names = self._names()
            every = [row.record for row in self._runs.all()]
        found = [each for each in reversed(every) if _is_meant(each, query, names)]
        return RunShownList(self._shown_runs(found[: query.limit], names), len(found))

    def run(self, run_id: str) -> RunShown:
        """Return a run.

        Raises:
            NotFound: when there is no such run; it names the newest.
        """
        with self._store.reading():
            run, names = _found(self._runs, run_id, "run"), self._names()
        return self._shown_runs([run], names)[0]

    def run_log(self, run_id: str, query: LogQuery) -> TextLogShown:
        """Return a page of a run's log.

        Raises:
            NotFound: when there is no such run.
        """
        # Looked at before the page is read, as for services.
        running = self._runs_host is not None and run_id in self._runs_host.running()
        with self._store.reading():
            over = not LIFE_CYCLE[_found(self._runs, run_id, "run").status] and not running
            return self._log(RUN_LOG, run_id, query, over=over)

    def _shown_runs(self, runs: list[Run], names: Mapping[str, str]) -> list[RunShown]:
        host, hide = self._runs_host, Secrecy(self._platform)
        queued, running = (set(), set()) if host is None else (set(host.queued()), set(host.running()))
        return [
            RunShown(
                run_id=run.run_id,
                organization_id=run.organization_id,
                deployment_id=run.deployment_id,
                deployment=hide(names[run.deployment_id]),
                version=hide(run.model_version),
                version_id=run.model_version_id,
                status=cast("RunStatus", run.status),
                queued=run.run_id in queued,
                running=run.run_id in running,
                retries=run.retries,
                retry_count=run.retry_count,
                trigger_id=run.trigger_id,
                output=hide.deep(run.output),
                created_at=run.created_at + "Z",
                modified_at=run.modified_at + "Z",
            )
            for run in runs
        ]

    # -- both -----------------------------------------------------------------------------------

    def _names(self) -> dict[str, str]:
        """Return the names of the deployments by their ids."""
        return {row.record.deployment_id: row.record.name for row in self._deployments.all()}

    def _log(self, kind: str, owner: str, query: LogQuery, *, over: bool) -> TextLogShown:
        # One more, to know whether there is more.
        rows = self._store.table(kind, Line).page(owner, after=query.after, limit=query.limit + 1)
        shown = rows[: query.limit]
        hide = Secrecy(self._platform) if shown else str
        lines = [TextLineShown(_milliseconds(row.record.at), hide(row.record.message)) for row in shown]
        return TextLogShown(lines, shown[-1].seq if shown else query.after, over and len(rows) == len(shown))


def _found(table: Table[Any], identifier: str, noun: str) -> Any:
    row = table.find(identifier)
    if row is None:
        newest = [getattr(each.record, f"{noun}_id") for each in table.all()][-_NAMED:]
        message = f"there is no {noun} {identifier!r}; newest {noun}s: {', '.join(reversed(newest)) or 'none'}"
        raise NotFound(message)
    return row.record


def _is_meant(record: Service | Run, query: ServiceQuery | RunQuery, names: Mapping[str, str]) -> bool:
    return query.status in {None, record.status} and query.deployment in {
        None,
        record.deployment_id,
        names[record.deployment_id],
    }


def _milliseconds(at: str) -> int:
    moment = datetime.datetime.fromisoformat(at).replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)
