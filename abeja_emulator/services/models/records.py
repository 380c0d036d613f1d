"""What is kept of the models of job definitions, and of the older models with their versions."""

from typing import Any, Optional

import msgspec


class TrainingModel(msgspec.Struct, kw_only=True):
    """A model of a job definition: an archive, and what it was trained with; `content` is a digest."""

    training_model_id: str
    job_definition_id: str
    training_job_id: Optional[str] = None
    environment: dict[str, str]
    metrics: dict[str, Any]
    description: Optional[str] = None
    exec_env: str
    archived: bool = False
    creator_id: str
    content: str
    content_size: int
    created_at: str
    modified_at: str


class Model(msgspec.Struct, kw_only=True):
    """A model as SDK 1.0.4 and before know it: a name with versions of serving code."""

    organization_id: str
    model_id: str
    name: str
    description: Optional[str] = None
    created_at: str
    modified_at: str


class ModelVersion(msgspec.Struct, kw_only=True):
    """A version of such a model; `source` is the digest of its code once that was uploaded."""

    model_id: str
    version_id: str
    version: str
    handler: str
    image: str
    content_type: Optional[str] = None
    job_definition_id: Optional[str] = None
    job_definition_version: Optional[int] = None
    training_job_id: Optional[str] = None
    source: Optional[str] = None
    source_size: int = 0
    created_at: str
    modified_at: str
