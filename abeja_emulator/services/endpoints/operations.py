"""Operations on endpoints (`abeja/endpoints/api/client.py`)."""

from typing import Any

import msgspec

from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.endpoints.rules import Endpoints
from abeja_emulator.services.messages import Message
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/deployments/{deployment_id}/endpoints"
ENDPOINT = COLLECTION + "/{endpoint}"
SOURCE = "abeja/endpoints/api/client.py"


class NewEndpoint(msgspec.Struct):
    """An endpoint to create."""

    service_id: str
    custom_alias: str


class EndpointTarget(msgspec.Struct):
    """Where an endpoint is to lead."""

    service_id: str


class EndpointView(msgspec.Struct):
    """An endpoint, as the API shows it."""

    endpoint_id: str
    custom_alias: str
    service_id: str


class EndpointListView(msgspec.Struct):
    """All endpoints of a deployment."""

    entries: list[EndpointView]


@operation(
    "POST",
    COLLECTION,
    body=NewEndpoint,
    answer=EndpointView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_endpoint",
)
def create_endpoint(call: Call[None, NewEndpoint]) -> EndpointView:
    """Create an endpoint that leads to a service; an alias that exists is refused with 400."""
    return _view(Endpoints(call.world).create(deployment_of(call), call.body.service_id, call.body.custom_alias))


@operation(
    "GET",
    COLLECTION,
    answer=EndpointListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_endpoints",
)
def get_endpoints(call: Call[None, None]) -> EndpointListView:
    """List the endpoints of a deployment, in order of creation, without pages."""
    return EndpointListView([_view(each) for each in Endpoints(call.world).all(deployment_of(call))])


@operation(
    "GET",
    ENDPOINT,
    answer=EndpointView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_endpoint",
)
def get_endpoint(call: Call[None, None]) -> EndpointView:
    """Return an endpoint, known by its id or its alias."""
    return _view(_endpoint(call))


@operation(
    "PATCH",
    ENDPOINT,
    body=EndpointTarget,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} update_endpoint; the CLI's own tests look for the id in the message",
)
def update_endpoint(call: Call[None, EndpointTarget]) -> Message:
    """Lead an endpoint to another service of its deployment."""
    endpoint = Endpoints(call.world).lead(deployment_of(call), _endpoint(call), call.body.service_id)
    return Message(f"{endpoint.endpoint_id} updated")


@operation(
    "DELETE",
    ENDPOINT,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_endpoint",
)
def delete_endpoint(call: Call[None, None]) -> Message:
    """Delete an endpoint; the service it leads to stays."""
    endpoint = _endpoint(call)
    Endpoints(call.world).delete(endpoint)
    return Message(f"{endpoint.endpoint_id} deleted")


def _endpoint(call: Call[Any, Any]) -> Endpoint:
    return Endpoints(call.world).get(deployment_of(call), call.path["endpoint"])


def _view(endpoint: Endpoint) -> EndpointView:
    return EndpointView(endpoint.endpoint_id, endpoint.custom_alias, endpoint.service_id)


OPERATIONS = operations_in(globals())
