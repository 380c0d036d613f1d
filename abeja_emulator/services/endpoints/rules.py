"""State and rules of endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.endpoints.records import Endpoint
from abeja_emulator.services.services.rules import Services

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment
    from abeja_emulator.wire.call import World


class Endpoints:
    """The endpoints of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints = world.store.table("endpoint", Endpoint)

    def create(self, deployment: Deployment, service_id: str, custom_alias: str) -> Endpoint:
        """Create an endpoint that leads to a service, whether that runs or not.

        Raises:
            BadRequest: when there is no such service, the deployment has an endpoint of that alias (400, not 409:
                SDK docstring of create_endpoint), or the alias cannot stand in a path.
        """
        if custom_alias in {"", ".", ".."} or "/" in custom_alias:
            message = f"an endpoint needs an alias that can stand in a path, without a slash, not {custom_alias!r}"
            raise BadRequest(message)
        if self._find(deployment, custom_alias) is not None:
            message = f"endpoint {custom_alias!r} exists already; lead it to another service or delete it first"
            raise BadRequest(message)
        endpoint = Endpoint(
            endpoint_id=f"pnt-{self._world.ids.hexadecimal(16)}",
            deployment_id=deployment.deployment_id,
            custom_alias=custom_alias,
            service_id=self._known_service(deployment, service_id),
        )
        self._endpoints.insert(deployment.deployment_id, endpoint.endpoint_id, endpoint, name=custom_alias)
        return endpoint

    def get(self, deployment: Deployment, id_or_alias: str) -> Endpoint:
        """Return an endpoint by its id or its alias.

        Raises:
            NotFound: when the deployment has none.
        """
        endpoint = self._find(deployment, id_or_alias)
        if endpoint is None:
            known = self._endpoints.slice(deployment.deployment_id, limit=10, newest_first=True)
            ids = ", ".join(f"{each.endpoint_id} ({each.custom_alias})" for each in known) or "none"
            message = f"deployment {deployment.name!r} has no endpoint {id_or_alias!r}; newest endpoints: {ids}"
            raise NotFound(message)
        return endpoint

    def all(self, deployment: Deployment) -> list[Endpoint]:
        """Return the endpoints of a deployment, in order of creation."""
        return self._endpoints.slice(deployment.deployment_id)

    def lead(self, deployment: Deployment, endpoint: Endpoint, service_id: str) -> Endpoint:
        """Lead an endpoint to another service.

        Raises:
            BadRequest: when there is no such service. Evidence: inferred, as on creation.
        """
        changed = msgspec.structs.replace(endpoint, service_id=self._known_service(deployment, service_id))
        self._endpoints.update(deployment.deployment_id, endpoint.endpoint_id, changed)
        return changed

    def delete(self, endpoint: Endpoint) -> None:
        """Delete an endpoint; the service it leads to stays."""
        self._endpoints.delete(endpoint.deployment_id, endpoint.endpoint_id)

    def _find(self, deployment: Deployment, id_or_alias: str) -> Endpoint | None:
        parent = deployment.deployment_id
        return self._endpoints.get(parent, id_or_alias) or self._endpoints.named(parent, id_or_alias)

    def _known_service(self, deployment: Deployment, service_id: str) -> str:
        try:
            return Services(self._world).get(deployment, service_id).service_id
        except NotFound as error:
            raise BadRequest(error.description) from error
