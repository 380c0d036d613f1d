"""State and rules of the models of job definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import zulu
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.sources import keep_archive
from abeja_emulator.services.variables import texts_of
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import JobDefinition, TrainingJob
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Where a model comes from that no job has made (`abeja/common/exec_env.py`, NONE: for pre-trained models).
PRE_TRAINED = "none"


class TrainingModels:
    """The models of the job definitions of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._models = world.store.table("training_model", TrainingModel)
        self._jobs = Jobs(world)
        self._accounts = Accounts(world)

    def create(  # noqa: PLR0913 - the fields of a model
        self,
        definition: JobDefinition,
        creator_id: str,
        upload: Upload | None = None,
        *,
        job_id: str | None = None,
        environment: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        description: str | None = None,
    ) -> TrainingModel:
        """Create a model of what was uploaded or, without an upload, of the result of a job.

        A model that says nothing of its environment has that of its job. A definition that is archived takes
        models all the same: a job of it may still be running.

        Raises:
            BadRequest: when the upload is no archive, a field is not well-formed, or there is neither an
                upload nor a job.
            NotFound: when the definition has no such job.
            Conflict: when the content is to be the result of a job that has none.
        """
        job = None if job_id is None else self._jobs.get(definition, job_id)
        if environment is None and job is not None:
            environment = dict(job.environment)
        digest, size = self._content(upload, job)
        now = iso(self._world.clock.now())
        model = TrainingModel(
            training_model_id=self._world.ids.platform_id(),
            job_definition_id=definition.job_definition_id,
            training_job_id=job_id,
            environment=texts_of(environment),
            metrics=metrics or {},
            description=description,
            exec_env=PRE_TRAINED if job is None else job.exec_env,
            creator_id=creator_id,
            content=digest,
            content_size=size,
            created_at=now,
            modified_at=now,
        )
        self._models.insert(definition.job_definition_id, model.training_model_id, model)
        return model

    def get(self, definition: JobDefinition, model_id: str) -> TrainingModel:
        """Return a model of a definition.

        Raises:
            NotFound: when the definition has none with that id.
        """
        model = self._models.get(definition.job_definition_id, model_id)
        if model is None:
            known = self._models.slice(definition.job_definition_id, limit=10, newest_first=True)
            ids = ", ".join(each.training_model_id for each in known) or "none"
            message = f"job definition {definition.name!r} has no model {model_id!r}; newest models: {ids}"
            raise NotFound(message)
        return model

    def select(
        self, definition: JobDefinition, offset: int, limit: int | None, *, archived: bool
    ) -> tuple[list[TrainingModel], int]:
        """Return models of a definition, oldest first, and how many there are in all; no limit means all of them."""
        identifier = definition.job_definition_id
        total = self._models.count(identifier) if archived else self._models.count_kept(identifier)
        found = self._models.slice(identifier, offset=offset, limit=-1 if limit is None else limit, archived=archived)
        return found, total

    def describe(self, model: TrainingModel, description: str | None) -> TrainingModel:
        """Change the description of a model; nothing else of it can be changed."""
        return self._put(msgspec.structs.replace(model, description=description))

    def archive(self, model: TrainingModel, *, archived: bool) -> TrainingModel:
        """Archive a model or take it back."""
        return self._put(msgspec.structs.replace(model, archived=archived))

    def content_url(self, model: TrainingModel, origin: str) -> str:
        """Return a signed URL to the content of a model."""
        target, _ = self._world.signer.sign("GET", "models", model.training_model_id)
        return origin + target

    def content(self, model_id: str) -> Download:
        """Return the content of a model, the bytes that were uploaded.

        Raises:
            NotFound: when the model is gone.
        """
        row = self._models.find(model_id)
        if row is None:
            message = f"model {model_id} does not exist any more"
            raise NotFound(message)
        model = row.record
        return Download(self._world.store.blobs.content(model.content), model.content_size, "application/zip")

    def view(self, model: TrainingModel) -> dict[str, Any]:
        """Return a model as the API shows it; the id and the environment under both of their names."""
        creator = self._accounts.user(model.creator_id)
        return {
            "id": model.training_model_id,
            "training_model_id": model.training_model_id,
            "job_definition_id": model.job_definition_id,
            "training_job_id": model.training_job_id,
            "user_parameters": model.environment,
            "environment": model.environment,
            "metrics": model.metrics,
            "description": model.description,
            "archived": model.archived,
            "exec_env": model.exec_env,
            "user": None if creator is None else creator.view(),
            "created_at": zulu(model.created_at),
            "modified_at": zulu(model.modified_at),
        }

    def _content(self, upload: Upload | None, job: TrainingJob | None) -> tuple[str, int]:
        """Keep the content of a new model; return its digest and size."""
        if upload is not None:
            return keep_archive(self._world, upload)
        if job is None:
            message = (
                "a model needs content: upload it as model_data, or name the training_job_id of a job with a result"
            )
            raise BadRequest(message)
        if job.artifact is None:
            message = (
                f"job {job.training_job_id} is {job.status} and has no result to make a model of; upload model_data, "
                "or name a job that has saved something in its result directory"
            )
            raise Conflict(message)
        artifact = self._world.store.blobs.content(job.artifact)
        if isinstance(artifact, bytes):
            return self._world.store.blobs.put(artifact)
        with artifact:
            return self._world.store.blobs.put(artifact)

    def _put(self, model: TrainingModel) -> TrainingModel:
        model = msgspec.structs.replace(model, modified_at=iso(self._world.clock.now()))
        self._models.update(model.job_definition_id, model.training_model_id, model, archived=model.archived)
        return model
