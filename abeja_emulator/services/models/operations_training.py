"""Operations on the models of a job definition (`abeja/training/api/client.py`)."""

from typing import Any

import msgspec

from abeja_emulator.services.messages import Message
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.models.shapes import (
    NewTrainingModel,
    TrainingModelChange,
    TrainingModelList,
    TrainingModelListView,
    TrainingModelUri,
    TrainingModelView,
)
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.records import JobDefinition
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Form, Multipart
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

MODELS = "/organizations/{organization_id}/training/definitions/{job_definition_name}/models"
MODEL = MODELS + "/{model_id}"
SOURCE = "abeja/training/api/client.py"


@operation(
    "GET",
    MODELS,
    query=TrainingModelList,
    answer=TrainingModelListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_models; abeja/training/model.py asks again for the same list until it has `total` "
    "entries, so one answer has them all; that the oldest is first is inferred",
)
def get_training_models(call: Call[TrainingModelList, None]) -> dict[str, Any]:
    """List the models of a job definition, oldest first."""
    models, query = TrainingModels(call.world), call.query
    archived = query.filter_archived == "include_archived"
    found, total = models.select(_definition(call), query.offset, query.limit, archived=archived)
    return {
        "entries": [models.view(model) for model in found],
        "total": total,
        "offset": query.offset,
        "limit": total if query.limit is None else query.limit,
    }


@operation(
    "POST",
    MODELS,
    body=Multipart("model_data", NewTrainingModel),
    answer=TrainingModelView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_training_model; abeja/tracking; abejacli training create-training-model; that an empty "
    "upload stands for the result of the job, and the job's environment for one that is not said, is inferred",
)
def create_training_model(call: Call[None, Form]) -> dict[str, Any]:
    """Create a model from an archive or, where the archive is empty, from the result of the job that is named."""
    models, parameters = TrainingModels(call.world), call.body.parameters
    model = models.create(
        _definition(call),
        call.user_id,
        call.body.file if call.body.file.size else None,
        job_id=parameters.training_job_id,
        environment=parameters.user_parameters if parameters.environment is None else parameters.environment,
        metrics=parameters.metrics,
        description=parameters.description,
    )
    return models.view(model)


@operation(
    "GET",
    MODEL,
    answer=TrainingModelView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_model; abeja/training/model.py reads `id` and `user`",
)
def get_training_model(call: Call[None, None]) -> dict[str, Any]:
    """Return a model."""
    return TrainingModels(call.world).view(_model(call))


@operation(
    "PATCH",
    MODEL,
    body=TrainingModelChange,
    answer=TrainingModelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_training_model",
)
def patch_training_model(call: Call[None, TrainingModelChange]) -> dict[str, Any]:
    """Change the description of a model."""
    models, model = TrainingModels(call.world), _model(call)
    if call.body.description is not msgspec.UNSET:
        model = models.describe(model, call.body.description)
    return models.view(model)


@operation(
    "GET",
    MODEL + "/download",
    answer=TrainingModelUri,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} download_training_model; runner preprocess/preprocessor.go",
)
def download_training_model(call: Call[None, None]) -> TrainingModelUri:
    """Return a signed URL to the content of a model."""
    return TrainingModelUri(TrainingModels(call.world).content_url(_model(call), call.origin))


@operation(
    "POST",
    MODEL + "/archive",
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_model",
)
def archive_training_model(call: Call[None, None]) -> Message:
    """Archive a model."""
    model = TrainingModels(call.world).archive(_model(call), archived=True)
    return Message(f"{_definition(call).name}:{model.training_model_id} archived")


@operation(
    "POST",
    MODEL + "/unarchive",
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_model",
)
def unarchive_training_model(call: Call[None, None]) -> Message:
    """Take an archived model back."""
    model = TrainingModels(call.world).archive(_model(call), archived=False)
    return Message(f"{_definition(call).name}:{model.training_model_id} unarchived")


@operation(
    "GET",
    "/_signed/models/{model_id}",
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="runner preprocess/preprocessor.go unpacks it into the result directory",
)
def download_training_model_content(call: Call[None, None]) -> Download:
    """Return the content of a model."""
    return TrainingModels(call.world).content(call.path["model_id"])


def _definition(call: Call[Any, Any]) -> JobDefinition:
    return Definitions(call.world).get(call.path["organization_id"], call.path["job_definition_name"])


def _model(call: Call[Any, Any]) -> TrainingModel:
    return TrainingModels(call.world).get(_definition(call), call.path["model_id"])


OPERATIONS = operations_in(globals())
