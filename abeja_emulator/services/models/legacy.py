"""State and rules of models as SDK 1.0.4 and before know them; a model has versions of serving code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.images import check_image
from abeja_emulator.services.models.records import Model, ModelVersion
from abeja_emulator.services.times import zulu
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload


class Models:
    """The models, in the older sense, of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._models = world.store.table("model", Model)
        self._versions = world.store.table("model_version", ModelVersion)

    def create(self, organization_id: str, name: str, description: str | None) -> Model:
        """Create a model.

        Raises:
            BadRequest: when the name is empty or taken (400, not 409: SDK docstring of create_model).
        """
        if not name:
            message = "a model needs a name"
            raise BadRequest(message)
        if self._models.named(organization_id, name) is not None:
            message = f"model {name!r} exists already; choose another name or delete it first"
            raise BadRequest(message)
        now = iso(self._world.clock.now())
        model = Model(
            organization_id=organization_id,
            model_id=self._world.ids.platform_id(),
            name=name,
            description=description,
            created_at=now,
            modified_at=now,
        )
        self._models.insert(organization_id, model.model_id, model, name=name)
        return model

    def get(self, organization_id: str, model_id: str) -> Model:
        """Return a model.

        Raises:
            NotFound: when the organization has none with that id.
        """
        model = self._models.get(organization_id, model_id)
        if model is None:
            raise NotFound(self._unknown(organization_id, model_id))
        return model

    def all(self, organization_id: str) -> list[Model]:
        """Return the models, in order of creation."""
        return self._models.slice(organization_id)

    def delete(self, organization_id: str, model_id: str) -> None:
        """Delete a model with its versions and their code."""
        self.get(organization_id, model_id)
        for version in self._versions.slice(model_id):
            self._release(version)
        self._versions.delete_under(model_id)
        self._models.delete(organization_id, model_id)

    def view(self, model: Model) -> dict[str, Any]:
        """Return a model with its versions, as the API shows it."""
        return {
            "model_id": model.model_id,
            "name": model.name,
            "description": model.description,
            "created_at": zulu(model.created_at),
            "modified_at": zulu(model.modified_at),
            "versions": [version_view(version) for version in self.versions(model)],
        }

    def create_version(  # noqa: PLR0913 - the fields of a version
        self,
        organization_id: str,
        model_id: str,
        *,
        version: str,
        handler: str,
        image: str,
        content_type: str | None = None,
        job_definition_name: str | None = None,
        training_job_id: str | None = None,
    ) -> ModelVersion:
        """Create a version of a model; its code is uploaded later.

        A job whose result the handler works with is named with its definition, as the SDK sends the two.

        Raises:
            BadRequest: when the model does not exist or has that version already (400, not 404 or 409: SDK
                docstring of create_model_version), or a field is not well-formed.
            NotFound: when the job or its definition does not exist.
        """
        if self._models.get(organization_id, model_id) is None:
            raise BadRequest(self._unknown(organization_id, model_id))
        if not version or not handler:
            message = "a version of a model needs a version, such as '0.0.1', and a handler, such as 'main:handler'"
            raise BadRequest(message)
        if self._versions.named(model_id, version) is not None:
            message = f"model {model_id} has a version {version!r} already; choose another or delete it first"
            raise BadRequest(message)
        check_image(image)
        job = self._job(organization_id, job_definition_name, training_job_id)
        now = iso(self._world.clock.now())
        made = ModelVersion(
            model_id=model_id,
            version_id=f"ver-{self._world.ids.hexadecimal(16)}",
            version=version,
            handler=handler,
            image=image,
            content_type=content_type,
            job_definition_id=job.job_definition_id if job else None,
            job_definition_version=job.job_definition_version if job else None,
            training_job_id=job.training_job_id if job else None,
            created_at=now,
            modified_at=now,
        )
        self._versions.insert(model_id, made.version_id, made, name=version)
        return made

    def version(self, model: Model, version_id: str) -> ModelVersion:
        """Return a version of a model.

        Raises:
            NotFound: when the model has none with that id.
        """
        version = self._versions.get(model.model_id, version_id)
        if version is None:
            known = ", ".join(each.version_id for each in self.versions(model)) or "none"
            message = f"model {model.model_id} has no version {version_id!r}; it has {known}"
            raise NotFound(message)
        return version

    def versions(self, model: Model) -> list[ModelVersion]:
        """Return the versions of a model, oldest first."""
        return self._versions.slice(model.model_id)

    def delete_version(self, model: Model, version_id: str) -> None:
        """Delete a version of a model and its code."""
        self._release(self.version(model, version_id))
        self._versions.delete(model.model_id, version_id)

    def upload_url(self, version: ModelVersion, origin: str) -> str:
        """Return a signed URL to put the code of a version to."""
        target, _ = self._world.signer.sign("PUT", "model_sources", version.version_id)
        return origin + target

    def source_url(self, version: ModelVersion, origin: str) -> str:
        """Return a signed URL to the code of a version.

        Raises:
            NotFound: when none was uploaded.
        """
        _check_source(version)
        target, _ = self._world.signer.sign("GET", "model_sources", version.version_id)
        return origin + target

    def keep_source(self, version_id: str, upload: Upload) -> None:
        """Make `upload` the code of a version, in the place of what it may have.

        Any bytes are taken, as many times as they come: behind the URL is an object store, which looks at
        nothing, as with the code of a deployment. Whoever unpacks them hears what is wrong. Evidence: inferred.

        Raises:
            NotFound: when the version is gone.
        """
        version = self._find_version(version_id)
        digest, size = self._world.store.blobs.put(upload.content)
        self._release(version)
        now = iso(self._world.clock.now())
        self._versions.update(
            version.model_id,
            version_id,
            msgspec.structs.replace(version, source=digest, source_size=size, modified_at=now),
        )

    def source(self, version_id: str) -> Download:
        """Return the code of a version as it was uploaded, under the type that its `content_type` says.

        Raises:
            NotFound: when the version is gone or has no code.
        """
        version = self._find_version(version_id)
        content = self._world.store.blobs.content(_check_source(version))
        return Download(content, version.source_size, version.content_type or "application/octet-stream")

    def _find_version(self, version_id: str) -> ModelVersion:
        row = self._versions.find(version_id)
        if row is None:
            message = f"version {version_id} does not exist any more"
            raise NotFound(message)
        return row.record

    def _job(self, organization_id: str, definition_name: str | None, job_id: str | None) -> TrainingJob | None:
        if not definition_name and not job_id:
            return None
        if not definition_name or not job_id:
            message = "job_definition_name and training_job_id say one job together; send both or neither"
            raise BadRequest(message)
        return Jobs(self._world).get(Definitions(self._world).get(organization_id, definition_name), job_id)

    def _release(self, version: ModelVersion) -> None:
        if version.source is not None:
            self._world.store.blobs.release(version.source)

    def _unknown(self, organization_id: str, model_id: str) -> str:
        newest = self._models.slice(organization_id, limit=10, newest_first=True)
        known = ", ".join(model.model_id for model in newest) or "none"
        return f"model {model_id!r} does not exist; newest models: {known}"


def version_view(version: ModelVersion) -> dict[str, Any]:
    """Return a version as the API shows it."""
    return {
        "model_id": version.model_id,
        "version_id": version.version_id,
        "version": version.version,
        "handler": version.handler,
        "image": version.image,
        "job_definition_id": version.job_definition_id,
        "job_definition_version": version.job_definition_version,
        "training_job_id": version.training_job_id,
        "created_at": zulu(version.created_at),
        "modified_at": zulu(version.modified_at),
    }


def _check_source(version: ModelVersion) -> str:
    """Return the digest of the code of a version.

    Raises:
        NotFound: when none was uploaded.
    """
    if version.source is None:
        message = (
            f"version {version.version_id} of model {version.model_id} has no code yet; PUT an archive to the "
            "upload_url that came with its creation"
        )
        raise NotFound(message)
    return version.source
