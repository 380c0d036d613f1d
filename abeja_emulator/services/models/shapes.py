"""What clients send about models, and what they are shown: of job definitions first, then the older ones."""

from typing import Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.paging import Limit, Offset


class TrainingModelList(msgspec.Struct):
    """Which models to list; all of them where no limit is named, as no client names one."""

    filter_archived: Literal["exclude_archived", "include_archived"] = "exclude_archived"
    offset: Offset = 0
    limit: Optional[Limit] = None


class NewTrainingModel(msgspec.Struct):
    """Parameters of a model; `user_parameters` is the old name of `environment`."""

    training_job_id: Optional[str] = None
    environment: Optional[dict[str, Any]] = None
    user_parameters: Optional[dict[str, Any]] = None
    metrics: Optional[dict[str, Any]] = None
    description: Optional[Description] = None


class TrainingModelChange(msgspec.Struct):
    """What can be changed of a model; what is not named stays as it is."""

    description: Union[Description, msgspec.UnsetType, None] = msgspec.UNSET


class TrainingModelView(msgspec.Struct):
    """A model, as the API shows it."""

    id: str
    training_model_id: str
    job_definition_id: str
    training_job_id: Optional[str]
    user_parameters: dict[str, str]
    environment: dict[str, str]
    metrics: dict[str, Any]
    description: Optional[str]
    archived: bool
    exec_env: Literal["cloud", "local", "edge", "none"]
    user: Optional[dict[str, Any]]
    created_at: str
    modified_at: str


class TrainingModelListView(msgspec.Struct):
    """Models and how many there are."""

    entries: list[TrainingModelView]
    total: int
    offset: int
    limit: int


class TrainingModelUri(msgspec.Struct):
    """Where the content of a model is."""

    download_uri: str


class NewModel(msgspec.Struct):
    """A model to create."""

    name: str
    description: Optional[Description] = None


class ModelVersionView(msgspec.Struct):
    """A version of a model, as the API shows it."""

    model_id: str
    version_id: str
    version: str
    handler: str
    image: str
    job_definition_id: Optional[str]
    job_definition_version: Optional[int]
    training_job_id: Optional[str]
    created_at: str
    modified_at: str


class CreatedModelVersion(ModelVersionView):
    """A version of a model that has just been created, and where its code is to be put."""

    upload_url: str


class ModelView(msgspec.Struct):
    """A model, as the API shows it."""

    model_id: str
    name: str
    description: Optional[str]
    created_at: str
    modified_at: str
    versions: list[ModelVersionView]


class ModelListView(msgspec.Struct):
    """Models, oldest first."""

    entries: list[ModelView]


class NewModelVersion(msgspec.Struct):
    """A version of a model to create; `content_type` is that of the archive its code will come in."""

    version: str
    handler: str
    image: str
    content_type: Optional[str] = None
    job_definition_name: Optional[str] = None
    training_job_id: Optional[str] = None


class ModelVersionListView(msgspec.Struct):
    """Versions of a model, oldest first."""

    entries: list[ModelVersionView]


class ModelVersionUri(msgspec.Struct):
    """Where the code of a version is."""

    download_uri: str
