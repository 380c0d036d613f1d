"""State and rules of deployments."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.deployments.children import Children
from abeja_emulator.services.deployments.records import Deployment
from abeja_emulator.services.deployments.versions import Versions, environment_of
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import zulu

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import DeploymentVersion
    from abeja_emulator.wire.call import World


class Deployments:
    """The deployments of one Platform.

    Other rules are made when they are needed: to most requests a deployment is only what lies above something else.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = world.store.table("deployment", Deployment)

    def create(  # noqa: PLR0913 - the fields of a deployment
        self,
        organization_id: str,
        name: str,
        creator_id: str,
        *,
        description: str | None = None,
        default_environment: dict[str, Any] | None = None,
        model_id: str | None = None,
    ) -> Deployment:
        """Create a deployment.

        Raises:
            BadRequest: when a field is not well-formed, or the organization has one of that name (400, not
                409: SDK docstring of create_deployment).
        """
        variables = environment_of(default_environment)
        self._check_name(organization_id, name)
        now = iso(self._world.clock.now())
        deployment = Deployment(
            organization_id=organization_id,
            deployment_id=self._world.ids.platform_id(),
            name=name,
            description=description,
            default_environment=variables,
            model_id=model_id,
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
        )
        self._deployments.insert(organization_id, deployment.deployment_id, deployment, name=name)
        return deployment

    def get(self, organization_id: str, deployment_id: str) -> Deployment:
        """Return a deployment.

        Raises:
            NotFound: when the organization has none with that id.
        """
        deployment = self._deployments.get(organization_id, deployment_id)
        if deployment is None:
            known = self._deployments.slice(organization_id, limit=10, newest_first=True)
            ids = ", ".join(f"{each.deployment_id} ({each.name})" for each in known) or "none"
            message = (
                f"deployment {deployment_id!r} does not exist in organization {organization_id}; "
                f"newest deployments: {ids}"
            )
            raise NotFound(message)
        return deployment

    def all(self, organization_id: str) -> list[Deployment]:
        """Return the deployments of an organization, in order of creation."""
        return self._deployments.slice(organization_id)

    def change(
        self, deployment: Deployment, name: str, default_environment: dict[str, Any] | None = None
    ) -> Deployment:
        """Rename a deployment; other default variables come in the place of its own, None leaves those.

        Raises:
            BadRequest: when a field is not well-formed, or another deployment has that name.
        """
        variables = deployment.default_environment
        if default_environment is not None:
            variables = environment_of(default_environment)
        if name != deployment.name:
            self._check_name(deployment.organization_id, name)
        changed = msgspec.structs.replace(
            deployment, name=name, default_environment=variables, modified_at=iso(self._world.clock.now())
        )
        self._deployments.update(changed.organization_id, changed.deployment_id, changed)
        self._deployments.rename(changed.organization_id, changed.deployment_id, name)
        return changed

    def delete(self, organization_id: str, deployment_id: str) -> Deployment:
        """Delete a deployment with all that is below it, and return it as it was."""
        deployment = self.get(organization_id, deployment_id)
        self._children.delete_all(deployment_id)
        self._versions.delete_all(deployment)
        self._deployments.delete(organization_id, deployment_id)
        return deployment

    def view(self, deployment: Deployment) -> dict[str, Any]:
        """Return a deployment as the API shows it; what is below it is named there by its ids.

        That it is named, and by which of its fields, is inferred: the documentation shows empty arrays only.
        """
        creator = self._accounts.user(deployment.creator_id)
        versions = self._versions.all(deployment)
        return {
            "deployment_id": deployment.deployment_id,
            "name": deployment.name,
            "description": deployment.description,
            "default_environment": deployment.default_environment,
            "codes": [{"version_id": each.version_id, "version": each.version} for each in versions],
            **self._children.named(deployment.deployment_id),
            "daemons": [],
            "model_id": deployment.model_id,
            "creator": None if creator is None else creator.view(),
            "created_at": zulu(deployment.created_at),
            "modified_at": zulu(deployment.modified_at),
        }

    def version(self, deployment: Deployment, version_id: str) -> DeploymentVersion:
        """Return a version of a deployment's code.

        Raises:
            NotFound: when the deployment has none with that id.
        """
        return self._versions.get(deployment, version_id)

    @cached_property
    def _versions(self) -> Versions:
        return Versions(self._world)

    @cached_property
    def _children(self) -> Children:
        return Children(self._world)

    @cached_property
    def _accounts(self) -> Accounts:
        return Accounts(self._world)

    def _check_name(self, organization_id: str, name: str) -> None:
        if not name or "/" in name or "\0" in name:
            message = (
                "a deployment needs a name that a file name can start with, as the command line has it, without a "
                f"slash; not {name!r}"
            )
            raise BadRequest(message)
        if self._deployments.named(organization_id, name) is not None:
            message = f"deployment {name!r} exists already; choose another name or delete it first"
            raise BadRequest(message)
