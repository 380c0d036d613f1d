"""Operations on services (`abeja/services/api/client.py`)."""

from typing import Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.logs.pages import SERVICE_LOG, Logs, window_of
from abeja_emulator.services.logs.shapes import LogQuery, LogView, RecentLogQuery, RecentLogView
from abeja_emulator.services.messages import Message
from abeja_emulator.services.services.records import Service
from abeja_emulator.services.services.rules import Services
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/deployments/{deployment_id}/services"
SERVICE = COLLECTION + "/{service_id}"
SOURCE = "abeja/services/api/client.py"
CLI = "abejacli/run.py"

#: A boolean, or the text that the SDK's example has for one (docstring of update_service).
Switch = Union[bool, Literal["true", "false"]]


class NewService(msgspec.Struct):
    """A service to create; the SDK always says instances and their type, the CLI only what it was given."""

    version_id: str
    instance_type: Optional[str] = None
    instance_number: Optional[int] = None
    min_instance_number: Optional[int] = None
    max_instance_number: Optional[int] = None
    enable_autoscale: Optional[Switch] = None
    environment: Optional[dict[str, Any]] = None
    models: Optional[dict[str, Any]] = None
    record_channel_id: Optional[str] = None


class ServiceChanges(msgspec.Struct):
    """What is to be changed of a service; what is not given stays."""

    version_id: Union[str, msgspec.UnsetType] = msgspec.UNSET
    instance_type: Union[str, msgspec.UnsetType] = msgspec.UNSET
    instance_number: Union[int, msgspec.UnsetType] = msgspec.UNSET
    min_instance_number: Union[int, msgspec.UnsetType, None] = msgspec.UNSET
    max_instance_number: Union[int, msgspec.UnsetType, None] = msgspec.UNSET
    enable_autoscale: Union[bool, Literal["true", "false"], msgspec.UnsetType] = msgspec.UNSET
    environment: Union[dict[str, Any], msgspec.UnsetType, None] = msgspec.UNSET
    models: Union[dict[str, Any], msgspec.UnsetType, None] = msgspec.UNSET
    record_channel_id: Union[str, msgspec.UnsetType, None] = msgspec.UNSET


class ServiceView(msgspec.Struct):
    """A service, as the API shows it."""

    service_id: str
    deployment_id: str
    models: dict[str, str]
    model_version: str
    model_version_id: str
    status: Literal["IN_PROGRESS", "READY", "STOPPED", "FAILED"]
    instance_number: int
    min_instance_number: int
    max_instance_number: int
    enable_autoscale: bool
    instance_type: str
    metrics_url: Optional[str]
    user_env_vars: dict[str, str]
    merged_env_vars: dict[str, str]
    record_channel_id: Optional[str]
    service_process_type: str
    disruptable: bool
    creator: Optional[dict[str, Any]]
    created_at: str
    modified_at: str


class ServiceListView(msgspec.Struct):
    """All services of a deployment."""

    entries: list[ServiceView]


@operation(
    "POST",
    COLLECTION,
    body=NewService,
    answer=ServiceView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_service; {CLI} create-service and its tests; defaults are those of their help texts",
)
def create_service(call: Call[None, NewService]) -> dict[str, Any]:
    """Create a service of a version; it starts at once."""
    services, deployment, body = Services(call.world), deployment_of(call), call.body
    service = services.create(
        deployment,
        body.version_id,
        call.user_id,
        instance_type=body.instance_type,
        instance_number=body.instance_number,
        min_instance_number=body.min_instance_number,
        max_instance_number=body.max_instance_number,
        enable_autoscale=None if body.enable_autoscale is None else _switched(body.enable_autoscale),
        environment=body.environment,
        models=body.models,
        record_channel_id=body.record_channel_id,
    )
    return services.view(deployment, service)


@operation(
    "GET",
    COLLECTION,
    answer=ServiceListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_services",
)
def get_services(call: Call[None, None]) -> dict[str, Any]:
    """List the services of a deployment, in order of creation, without pages."""
    services, deployment = Services(call.world), deployment_of(call)
    return {"entries": [services.view(deployment, each) for each in services.all(deployment)]}


@operation(
    "GET",
    SERVICE,
    answer=ServiceView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_service; that it is ready when it is next looked at is inferred",
)
def get_service(call: Call[None, None]) -> dict[str, Any]:
    """Return a service; one that was starting is ready by now."""
    services, deployment = Services(call.world), deployment_of(call)
    return services.view(deployment, services.get(deployment, call.path["service_id"]))


@operation(
    "PATCH",
    SERVICE,
    body=ServiceChanges,
    answer=ServiceView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_service; that fields beside the instances can be changed, and the version cannot, is "
    "inferred",
)
def update_service(call: Call[None, ServiceChanges]) -> dict[str, Any]:
    """Change instances, autoscaling, variables, models or recording of a service; one that runs starts anew."""
    services, deployment, body = Services(call.world), deployment_of(call), call.body
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    changes = {name: value for name, value in given.items() if value is not msgspec.UNSET}
    if "enable_autoscale" in changes:
        changes["enable_autoscale"] = _switched(changes["enable_autoscale"])
    service = services.change(services.get(deployment, call.path["service_id"]), changes)
    return services.view(deployment, service)


@operation(
    "DELETE",
    SERVICE,
    answer=Message,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_service; that one behind an endpoint is refused is inferred",
)
def delete_service(call: Call[None, None]) -> Message:
    """Delete a service with its log; one that an endpoint leads to is refused with 409."""
    service = _service(call)
    Services(call.world).delete(service)
    return Message(f"{service.service_id} deleted")


@operation(
    "POST",
    SERVICE + "/stop",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} stop_service",
)
def stop_service(call: Call[None, None]) -> Message:
    """Stop a service; one that does not run is refused with 400."""
    service = Services(call.world).stop(_service(call))
    return Message(f"{service.service_id} stopped")


@operation(
    "POST",
    SERVICE + "/start",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} start_service",
)
def start_service(call: Call[None, None]) -> Message:
    """Start a service that was stopped; one that runs is refused with 400."""
    service = Services(call.world).start(_service(call))
    return Message(f"{service.service_id} started")


@operation(
    "GET",
    SERVICE + "/recentlogs",
    query=RecentLogQuery,
    answer=RecentLogView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_service_recent_logs; that forward is towards later lines is inferred",
)
def get_service_recent_logs(call: Call[RecentLogQuery, None]) -> dict[str, Any]:
    """Return a page of a service's log, newest line first; at both ends a page is empty and has tokens."""
    query = call.query
    return Logs(call.world, SERVICE_LOG).recent(
        _service(call).service_id,
        query.next_forward_token,
        query.next_backward_token,
        window=window_of(query.start_time, query.end_time),
    )


@operation(
    "GET",
    SERVICE + "/logs",
    query=LogQuery,
    answer=LogView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.INFERRED,
    source=f"{CLI} describe-service-logs prints what comes; shape and order are those of the logs of runs",
)
def get_service_logs(call: Call[LogQuery, None]) -> dict[str, Any]:
    """Return a page of a service's log, oldest line first; the last page has no token."""
    query = call.query
    window = window_of(query.start_time, query.end_time)
    return Logs(call.world, SERVICE_LOG).page(_service(call).service_id, query.next_token, window=window)


def _service(call: Call[Any, Any]) -> Service:
    return Services(call.world).get(deployment_of(call), call.path["service_id"])


def _switched(value: Switch) -> bool:
    return value is True or value == "true"


OPERATIONS = operations_in(globals())
