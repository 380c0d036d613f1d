"""State and life cycle of services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.deployments.versions import Versions, environment_of
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.logs.pages import SERVICE_LOG, Logs
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.services.records import DELETED, FAILED, READY, STARTING, STOPPED, Service
from abeja_emulator.services.services.settings import (
    DEFAULT_INSTANCE_TYPE,
    bounds,
    check_models,
    check_settings,
    models_of,
)
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment
    from abeja_emulator.wire.call import World


class Services:
    """The services of one Platform.

    Where nobody runs model code (`Attendants.serving`), one that is starting is ready when it is next looked at.
    Other rules are made when they are needed: each question to a model comes by here, and needs none.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._services = world.store.table("service", Service)

    def create(  # noqa: PLR0913 - the fields of a service
        self,
        deployment: Deployment,
        version_id: str,
        creator_id: str,
        *,
        instance_type: str | None = None,
        instance_number: int | None = None,
        min_instance_number: int | None = None,
        max_instance_number: int | None = None,
        enable_autoscale: bool | None = None,
        environment: dict[str, Any] | None = None,
        models: dict[str, Any] | None = None,
        record_channel_id: str | None = None,
    ) -> Service:
        """Create a service of a version, which starts at once.

        Raises:
            BadRequest: when a field is not well-formed, or what it names does not exist (400: SDK docstring of
                create_service, "parameters is insufficient or invalid").
        """
        version = self._named_version(deployment, version_id)
        now = iso(self._world.clock.now())
        service = Service(
            service_id=f"ser-{self._world.ids.hexadecimal(16)}",
            organization_id=deployment.organization_id,
            deployment_id=deployment.deployment_id,
            version_id=version.version_id,
            status=STARTING,
            instance_type=instance_type or DEFAULT_INSTANCE_TYPE,
            instance_number=1 if instance_number is None else instance_number,
            min_instance_number=min_instance_number,
            max_instance_number=max_instance_number,
            enable_autoscale=True if enable_autoscale is None else enable_autoscale,
            environment=environment_of(environment),
            models=models_of(models),
            record_channel_id=record_channel_id,
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
        )
        self._check(service)
        self._services.insert(service.deployment_id, service.service_id, service)
        self._world.tell(service)
        self._logs.write(service.service_id, f"starting version {version.version} ({version_id})")
        return service

    def get(self, deployment: Deployment, service_id: str) -> Service:
        """Return a service, ready if it was starting.

        Raises:
            NotFound: when the deployment has none with that id.
        """
        service = self._services.get(deployment.deployment_id, service_id)
        if service is None:
            known = self._services.slice(deployment.deployment_id, limit=10, newest_first=True)
            ids = ", ".join(each.service_id for each in known) or "none"
            message = f"deployment {deployment.name!r} has no service {service_id!r}; newest services: {ids}"
            raise NotFound(message)
        return self._looked_at(service)

    def all(self, deployment: Deployment) -> list[Service]:
        """Return the services of a deployment, in order of creation."""
        return [self._looked_at(each) for each in self._services.slice(deployment.deployment_id)]

    def change(self, service: Service, changes: dict[str, Any]) -> Service:
        """Change fields of a service; one that runs starts anew with them (SDK docstring of update_service).

        Raises:
            BadRequest: when a field is not well-formed, what it names does not exist, or it is the version: a
                service keeps its own, and an endpoint goes from one service to the next.
        """
        if changes.get("version_id", service.version_id) != service.version_id:
            message = (
                f"service {service.service_id} keeps its version {service.version_id}; create a service of "
                f"{changes['version_id']} and lead an endpoint to it"
            )
            raise BadRequest(message)
        cleaned = {name: _CLEANED.get(name, _same)(value) for name, value in changes.items()}
        changed = msgspec.structs.replace(service, **cleaned)
        if changed == service:
            return service
        self._check(changed)
        if service.status in {STOPPED, FAILED}:
            return self._put(changed, service.status)
        others = [name for name in cleaned if getattr(changed, name) != getattr(service, name)]
        return self._put(changed, STARTING, f"starting anew with another {', '.join(others)}")

    def stop(self, service: Service) -> Service:
        """Stop a service.

        Raises:
            BadRequest: when it does not run (SDK docstring of stop_service).
        """
        if service.status in {STOPPED, FAILED}:
            message = (
                f"service {service.service_id} is not running ({service.status}); start it before it can be stopped"
            )
            raise BadRequest(message)
        return self._put(service, STOPPED, "stopped")

    def start(self, service: Service) -> Service:
        """Start a service that was stopped, or could not be started before.

        Raises:
            BadRequest: when it runs already (SDK docstring of start_service).
        """
        if service.status not in {STOPPED, FAILED}:
            message = f"service {service.service_id} is running already ({service.status}); stop it first"
            raise BadRequest(message)
        return self._put(service, STARTING, "starting")

    def delete(self, service: Service) -> None:
        """Delete a service with its log.

        Raises:
            Conflict: when an endpoint leads to it. Evidence: inferred; the endpoint would lead nowhere.
        """
        endpoints = [
            f"{each.endpoint_id} ({each.custom_alias})"
            for each in self._world.store.table("endpoint", Endpoint).slice(service.deployment_id)
            if each.service_id == service.service_id
        ]
        if endpoints:
            message = (
                f"service {service.service_id} is behind endpoint {', '.join(endpoints)}; lead that to another "
                "service or delete it first"
            )
            raise Conflict(message)
        self._logs.delete(service.service_id)
        self._services.delete(service.deployment_id, service.service_id)
        self._world.tell(msgspec.structs.replace(service, status=DELETED))

    def view(self, deployment: Deployment, service: Service) -> dict[str, Any]:
        """Return a service as the API shows it.

        Its variables lie over the deployment's (SDK docstring of update_service). Nothing here meters a service.
        """
        creator = self._accounts.user(service.creator_id)
        least, most = bounds(service)
        return {
            "service_id": service.service_id,
            "deployment_id": service.deployment_id,
            "models": service.models,
            "model_version": self._versions.get(deployment, service.version_id).version,
            "model_version_id": service.version_id,
            "status": service.status,
            "instance_number": service.instance_number,
            "min_instance_number": least,
            "max_instance_number": most,
            "enable_autoscale": service.enable_autoscale,
            "instance_type": service.instance_type,
            "metrics_url": None,
            "user_env_vars": service.environment,
            "merged_env_vars": {**deployment.default_environment, **service.environment},
            "record_channel_id": service.record_channel_id,
            "service_process_type": "multi",
            "disruptable": True,
            "creator": None if creator is None else creator.view(),
            "created_at": zulu(service.created_at),
            "modified_at": zulu(service.modified_at),
        }

    # -- for whoever runs them ------------------------------------------------------------------

    def find(self, service_id: str) -> Service:
        """Return a service, whatever deployment it belongs to, as it is.

        Raises:
            NotFound: when there is none.
        """
        row = self._services.find(service_id)
        if row is None:
            message = f"service {service_id!r} does not exist (any more)"
            raise NotFound(message)
        return row.record

    def everywhere(self) -> list[Service]:
        """Return the services of all deployments."""
        return [row.record for row in self._services.all()]

    def move(self, service: Service, status: str, message: str | None = None) -> Service:
        """Let a service be ready, fail, or start anew after its process has ended.

        Raises:
            Conflict: when somebody has stopped it meanwhile, so that it can do none of that.
        """
        if status not in {STARTING, READY, FAILED}:
            error = f"status {status!r} is none of {STARTING}, {READY} and {FAILED}, to which a service comes by itself"
            raise BadRequest(error)
        if service.status in {STOPPED, FAILED}:
            error = f"service {service.service_id} is {service.status} and cannot become {status}; start it first"
            raise Conflict(error)
        return self._put(service, status, message)

    @cached_property
    def _versions(self) -> Versions:
        return Versions(self._world)

    @cached_property
    def _accounts(self) -> Accounts:
        return Accounts(self._world)

    @cached_property
    def _logs(self) -> Logs:
        return Logs(self._world, SERVICE_LOG)

    def _looked_at(self, service: Service) -> Service:
        if service.status != STARTING or self._world.attendants.serving is not None:
            return service
        # A listing looks too, and only a transaction writes.
        with self._world.store.transaction():
            return self._put(service, READY, "ready")

    def _put(self, service: Service, status: str, message: str | None = None) -> Service:
        service = msgspec.structs.replace(service, status=status, modified_at=iso(self._world.clock.now()))
        self._services.update(service.deployment_id, service.service_id, service)
        if message is not None:
            self._logs.write(service.service_id, message)
        self._world.tell(service)
        return service

    def _named_version(self, deployment: Deployment, version_id: str) -> Any:
        try:
            return self._versions.get(deployment, version_id)
        except NotFound as error:
            raise BadRequest(error.description) from error

    def _check(self, service: Service) -> None:
        check_settings(service)
        check_models(self._world, service.organization_id, service.models)
        if service.record_channel_id is not None:
            try:
                Channels(self._world).get(service.organization_id, service.record_channel_id)
            except NotFound as error:
                raise BadRequest(error.description) from error


def _same(value: Any) -> Any:
    return value


#: How fields that change are read.
_CLEANED: dict[str, Callable[[Any], Any]] = {"environment": environment_of, "models": models_of}
