"""State and rules of the versions of a deployment's code."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.deployments.children import Children
from abeja_emulator.services.deployments.records import DeploymentVersion
from abeja_emulator.services.from_git import DEFAULT_BRANCH, check_git, not_fetched
from abeja_emulator.services.images import check_image
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import zulu
from abeja_emulator.services.variables import texts_of, variables_of
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    from abeja_emulator.services.deployments.records import Deployment
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Handler of a version that names none (runner config/config.go).
DEFAULT_HANDLER = "main:handler"

#: Variables that only a training job has from the platform. On a service they are its user's: they say which job's
#: result the runner unpacks for it (runner preprocess/preprocessor.go).
RESULT_VARIABLES = ("TRAINING_JOB_DEFINITION_NAME", "TRAINING_JOB_DEFINITION_VERSION", "TRAINING_JOB_ID")

#: Name of the uploaded archive in signed URLs (SDK docstring of create_deployment_version); the command line takes
#: the extension of what it downloads from there.
SOURCE_NAME = "source.tgz"


class Versions:
    """The versions of the deployments of one Platform.

    Other rules are made when they are needed, as those of deployments are.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._versions = world.store.table("deployment_version", DeploymentVersion)

    def create(  # noqa: PLR0913 - the fields of a version
        self,
        deployment: Deployment,
        version: str,
        creator_id: str,
        *,
        image: str,
        handler: str | None = None,
        user_parameters: dict[str, Any] | None = None,
        git_url: str | None = None,
        git_branch: str | None = None,
        template_id: int | None = None,
    ) -> DeploymentVersion:
        """Create a version without code, which is uploaded later, unless it is in a repository or a template.

        Raises:
            BadRequest: when a field is not well-formed, or the deployment has that version (400, not 409: SDK
                docstring of create_deployment_version).
        """
        if not version:
            message = "a version needs a name, such as 0.0.1"
            raise BadRequest(message)
        check_image(image)
        if git_url is not None:
            git_branch = git_branch or DEFAULT_BRANCH
            check_git(git_url, git_branch)
        variables = environment_of(user_parameters)
        parent = deployment.deployment_id
        if self._versions.named(parent, version) is not None:
            message = f"deployment {deployment.name!r} has version {version!r} already; choose another or delete it"
            raise BadRequest(message)
        now = iso(self._world.clock.now())
        created = DeploymentVersion(
            deployment_id=parent,
            version_id=f"ver-{self._world.ids.hexadecimal(16)}",
            version=version,
            handler=handler or DEFAULT_HANDLER,
            image=image,
            user_parameters=variables,
            git_url=git_url,
            git_branch=git_branch,
            template_id=template_id,
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
        )
        self._versions.insert(parent, created.version_id, created, name=version)
        return created

    def get(self, deployment: Deployment, version_id: str) -> DeploymentVersion:
        """Return a version by its id.

        Raises:
            NotFound: when the deployment has none with that id.
        """
        version = self._versions.get(deployment.deployment_id, version_id)
        if version is None:
            known = self._versions.slice(deployment.deployment_id, limit=10, newest_first=True)
            ids = ", ".join(f"{each.version_id} ({each.version})" for each in known) or "none"
            message = f"deployment {deployment.name!r} has no version {version_id!r}; newest versions: {ids}"
            raise NotFound(message)
        return version

    def all(self, deployment: Deployment) -> list[DeploymentVersion]:
        """Return the versions of a deployment, in order of creation."""
        return self._versions.slice(deployment.deployment_id)

    def delete(self, deployment: Deployment, version_id: str) -> DeploymentVersion:
        """Delete a version with its code, and return it as it was.

        Raises:
            Conflict: when a service runs it, or a trigger will. Evidence: inferred; their code would be gone.
        """
        version = self.get(deployment, version_id)
        users = self._children.users_of(deployment.deployment_id, version_id)
        if users:
            message = f"version {version.version!r} ({version_id}) is in use by {', '.join(users)}; delete that first"
            raise Conflict(message)
        self._release(version)
        self._versions.delete(deployment.deployment_id, version_id)
        return version

    def delete_all(self, deployment: Deployment) -> None:
        """Delete the versions of a deployment with their code."""
        for version in self.all(deployment):
            self._release(version)
        self._versions.delete_under(deployment.deployment_id)

    def upload_url(self, version: DeploymentVersion, origin: str) -> str:
        """Return a signed URL that takes the code of a version."""
        return origin + self._signed("PUT", version)

    def download_url(self, version: DeploymentVersion, origin: str) -> str:
        """Return a signed URL to the code of a version.

        Raises:
            NotFound: when there is none here.
        """
        _check_source(version)
        return origin + self._signed("GET", version)

    def receive(self, deployment_id: str, version_id: str, upload: Upload) -> None:
        """Take the code of a version, in the place of what it may have.

        Any bytes are taken, as many times as they come: behind the URL is an object store, which looks at
        nothing. Evidence: inferred.
        """
        version = self._signed_for(deployment_id, version_id)
        digest, size = self._world.store.blobs.put(upload.content)
        self._release(version)
        now = iso(self._world.clock.now())
        version = msgspec.structs.replace(version, source=digest, source_size=size, modified_at=now)
        self._versions.update(deployment_id, version_id, version)

    def source(self, deployment_id: str, version_id: str) -> Download:
        """Return the code of a version, as it was uploaded.

        Raises:
            NotFound: when the version is gone.
        """
        version = self._signed_for(deployment_id, version_id)
        _check_source(version)
        return Download(self._world.store.blobs.content(version.source), version.source_size, "application/gzip")

    def view(self, version: DeploymentVersion) -> dict[str, Any]:
        """Return a version as the API shows it; it comes of no training job and no model, as no client says one."""
        creator = self._accounts.user(version.creator_id)
        return {
            "deployment_id": version.deployment_id,
            "version": version.version,
            "version_id": version.version_id,
            "handler": version.handler,
            "image": version.image,
            "user_parameters": version.user_parameters,
            "description": None,
            "training_job_id": None,
            "job_definition_id": None,
            "job_definition_version": None,
            "model_id": None,
            "creator": None if creator is None else creator.view(),
            "created_at": zulu(version.created_at),
            "modified_at": zulu(version.modified_at),
        }

    @cached_property
    def _children(self) -> Children:
        return Children(self._world)

    @cached_property
    def _accounts(self) -> Accounts:
        return Accounts(self._world)

    def _signed(self, method: str, version: DeploymentVersion) -> str:
        target, _ = self._world.signer.sign(
            method, "deployments", version.deployment_id, version.version_id, SOURCE_NAME
        )
        return target

    def _signed_for(self, deployment_id: str, version_id: str) -> DeploymentVersion:
        version = self._versions.get(deployment_id, version_id)
        if version is None:
            message = f"version {version_id} of deployment {deployment_id} does not exist any more"
            raise NotFound(message)
        return version

    def _release(self, version: DeploymentVersion) -> None:
        if version.source:
            self._world.store.blobs.release(version.source)


def environment_of(values: dict[str, Any] | None) -> dict[str, str]:
    """Return the variables of a deployment, a version or a service, as `variables_of` does.

    Raises:
        BadRequest: when a name cannot be one of a variable, or is one of the platform's own.
    """
    given = values or {}
    variables_of({name: value for name, value in given.items() if name not in RESULT_VARIABLES})
    # Under names that nobody has taken: of these, only a value can be wrong.
    variables_of({f"_{name}": given[name] for name in RESULT_VARIABLES if name in given})
    return texts_of(given)


def _check_source(version: DeploymentVersion) -> None:
    if version.source:
        return
    if version.git_url is not None:
        raise NotFound(not_fetched(version))
    if version.template_id is not None:
        why = f"it is that of template {version.template_id}, which the emulator does not have"
    else:
        why = "nothing was put to its upload_url"
    message = f"the code of version {version.version!r} ({version.version_id}) is not here: {why}"
    raise NotFound(message)
