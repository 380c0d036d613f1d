"""Operations on models as SDK 1.0.4 and before know them (`abeja/models/api/client.py` of SDK 1.0.2)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.models.legacy import Models, version_view
from abeja_emulator.services.models.records import Model
from abeja_emulator.services.models.shapes import (
    CreatedModelVersion,
    ModelListView,
    ModelVersionListView,
    ModelVersionUri,
    ModelVersionView,
    ModelView,
    NewModel,
    NewModelVersion,
)
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

MODELS = "/organizations/{organization_id}/models"
MODEL = MODELS + "/{model_id}"
VERSIONS = MODEL + "/versions"
VERSION = VERSIONS + "/{version_id}"
SOURCE = "abeja/models/api/client.py of SDK 1.0.2"


@operation(
    "POST",
    MODELS,
    body=NewModel,
    answer=ModelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_model",
)
def create_model(call: Call[None, NewModel]) -> dict[str, Any]:
    """Create a model."""
    models = Models(call.world)
    return models.view(models.create(call.path["organization_id"], call.body.name, call.body.description))


@operation(
    "GET",
    MODELS,
    answer=ModelListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_models; that the oldest is first is inferred",
)
def get_models(call: Call[None, None]) -> dict[str, Any]:
    """List the models, oldest first."""
    models = Models(call.world)
    return {"entries": [models.view(model) for model in models.all(call.path["organization_id"])]}


@operation(
    "GET",
    MODEL,
    answer=ModelView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_model",
)
def get_model(call: Call[None, None]) -> dict[str, Any]:
    """Return a model with its versions."""
    return Models(call.world).view(_model(call))


@operation(
    "DELETE",
    MODEL,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_model",
)
def delete_model(call: Call[None, None]) -> Message:
    """Delete a model with its versions."""
    Models(call.world).delete(call.path["organization_id"], call.path["model_id"])
    return Message(f"{call.path['model_id']} deleted")


@operation(
    "POST",
    VERSIONS,
    body=NewModelVersion,
    answer=CreatedModelVersion,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_model_version; that an unknown job is a 404 is inferred",
)
def create_model_version(call: Call[None, NewModelVersion]) -> dict[str, Any]:
    """Create a version of a model, and return a signed URL to put its code to."""
    models, body = Models(call.world), call.body
    version = models.create_version(
        call.path["organization_id"],
        call.path["model_id"],
        version=body.version,
        handler=body.handler,
        image=body.image,
        content_type=body.content_type,
        job_definition_name=body.job_definition_name,
        training_job_id=body.training_job_id,
    )
    return {**version_view(version), "upload_url": models.upload_url(version, call.origin)}


@operation(
    "GET",
    VERSIONS,
    answer=ModelVersionListView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_model_versions",
)
def get_model_versions(call: Call[None, None]) -> dict[str, Any]:
    """List the versions of a model, oldest first."""
    return {"entries": [version_view(version) for version in Models(call.world).versions(_model(call))]}


@operation(
    "GET",
    VERSION,
    answer=ModelVersionView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_model_version",
)
def get_model_version(call: Call[None, None]) -> dict[str, Any]:
    """Return a version of a model."""
    return version_view(Models(call.world).version(_model(call), call.path["version_id"]))


@operation(
    "DELETE",
    VERSION,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_model_version",
)
def delete_model_version(call: Call[None, None]) -> Message:
    """Delete a version of a model."""
    Models(call.world).delete_version(_model(call), call.path["version_id"])
    return Message(f"{call.path['version_id']} deleted")


@operation(
    "GET",
    VERSION + "/source",
    answer=ModelVersionUri,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source="runner preprocess/preprocessor.go",
)
def get_model_version_source(call: Call[None, None]) -> ModelVersionUri:
    """Return a signed URL to the code of a version of a model."""
    models = Models(call.world)
    return ModelVersionUri(models.source_url(models.version(_model(call), call.path["version_id"]), call.origin))


@operation(
    "PUT",
    "/_signed/model_sources/{version_id}",
    body=Upload,
    answer=Empty,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_model_version; that any bytes are taken is inferred from what an object store does",
)
def upload_model_version_source(call: Call[None, Upload]) -> Empty:
    """Take the code of a version of a model, any bytes."""
    Models(call.world).keep_source(call.path["version_id"], call.body)
    return Empty()


@operation(
    "GET",
    "/_signed/model_sources/{version_id}",
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="runner preprocess/preprocessor.go",
)
def download_model_version_source(call: Call[None, None]) -> Download:
    """Return the code of a version of a model."""
    return Models(call.world).source(call.path["version_id"])


def _model(call: Call[Any, Any]) -> Model:
    return Models(call.world).get(call.path["organization_id"], call.path["model_id"])


OPERATIONS = operations_in(globals())
