"""Asking a model: what a service answers is its handler's business (`abeja/services/api/client.py`)."""

from typing import Any

from abeja_emulator.errors import NotEmulated, NotFound
from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.services.records import Service
from abeja_emulator.services.services.rules import Services
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Later
from abeja_emulator.wire.messages import Request, Response
from abeja_emulator.wire.operations import Base, Evidence, Role, operation, operations_in

#: Alias of the endpoint that answers where no service is named (abejacli/run.py, check-endpoint-json). That it is this
#: one is inferred: it is the alias of the CLI's examples.
DEFAULT_ALIAS = "default"

DEPLOYMENT = "/deployments/{deployment_id}"
SOURCE = "abeja/services/api/client.py request_service; abejacli/run.py check-endpoint-json"

#: Methods that come to the runner; it refuses what a model does not take (runner convert/).
METHODS = ("GET", "PUT", "PATCH", "DELETE")
ERRORS = (400, 401, 403, 404, 501)


@operation(
    "POST",
    DEPLOYMENT + "/services/{service_id}",
    body=Request,
    answer=Response,
    errors=ERRORS,
    base=Base.ORGANIZATION,
    role=Role.REGULAR,
    also=METHODS,
    evidence=Evidence.CLIENT,
    source=SOURCE,
)
def request_service(call: Call[None, Request]) -> Later:
    """Ask a service; status, headers and body of the answer are its model handler's.

    A model takes GET, POST and PUT; other methods answer 501.
    """
    return _asked(call, _service(call, call.path["service_id"]))


@operation(
    "POST",
    DEPLOYMENT,
    body=Request,
    answer=Response,
    errors=ERRORS,
    base=Base.ORGANIZATION,
    role=Role.REGULAR,
    also=METHODS,
    evidence=Evidence.CLIENT,
    source=SOURCE,
)
def request_deployment(call: Call[None, Request]) -> Later:
    """Ask the service that the endpoint `default` of a deployment leads to."""
    deployment = deployment_of(call)
    endpoint = call.world.store.table("endpoint", Endpoint).named(deployment.deployment_id, DEFAULT_ALIAS)
    if endpoint is None:
        message = (
            f"deployment {deployment.name!r} has no endpoint {DEFAULT_ALIAS!r}, which answers where no service is "
            "named; create one, or name a service in the path"
        )
        raise NotFound(message)
    return _asked(call, _service(call, endpoint.service_id))


def _asked(call: Call[None, Request], service: Service) -> Later:
    serving = call.world.attendants.serving
    if serving is None:
        message = (
            f"service {service.service_id} runs nowhere: nobody runs model code for this Platform; under "
            "`pytest --abeja-emulate` and `abeja-emulator serve` somebody does"
        )
        raise NotEmulated(message)
    return Later(lambda: serving(service.service_id, call.body))


def _service(call: Call[Any, Any], service_id: str) -> Service:
    return Services(call.world).get(deployment_of(call), service_id)


OPERATIONS = operations_in(globals())
