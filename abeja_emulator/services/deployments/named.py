"""The deployment that the path of a call names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.services.deployments.rules import Deployments

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment
    from abeja_emulator.wire.call import Call


def deployment_of(call: Call[Any, Any]) -> Deployment:
    """Return the deployment that a path names.

    Raises:
        NotFound: when the organization has none with that id.
    """
    return Deployments(call.world).get(call.path["organization_id"], call.path["deployment_id"])
