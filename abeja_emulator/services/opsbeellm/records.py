"""What is kept of OpsBeeLLM: datasets, deployments, threads, histories, tags; times are `clock.iso` text."""

from typing import Any

import msgspec


class OpsBeeDataset(msgspec.Struct, kw_only=True):
    """A dataset of questions and answers."""

    id: str
    organization_id: str
    name: str
    description: str
    type: str
    created_at: str
    updated_at: str


class OpsBeeItem(msgspec.Struct, kw_only=True):
    """An item of a dataset: lists of objects of any keys; its tags are text, and not those of histories."""

    id: str
    organization_id: str
    dataset_id: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    tags: list[str]
    metadata: list[dict[str, Any]]
    created_at: str
    updated_at: str


class OpsBeeDeployment(msgspec.Struct, kw_only=True):
    """A deployment: where a language model is asked, either single questions (`qa`) or in threads (`chat`)."""

    id: str
    organization_id: str
    name: str
    description: str
    type: str
    created_at: str
    updated_at: str


class Thread(msgspec.Struct, kw_only=True):
    """A thread of a deployment."""

    id: str
    organization_id: str
    deployment_id: str
    name: str
    description: str
    created_at: str
    updated_at: str


class Tag(msgspec.Struct, kw_only=True):
    """A tag that histories of the organization may have."""

    id: str
    organization_id: str
    name: str
    description: str
    color: str
    created_at: str
    updated_at: str


class Metadata(msgspec.Struct, kw_only=True):
    """One key and value of a history."""

    id: str
    key: str
    value: str
    created_at: str
    updated_at: str


class History(msgspec.Struct, kw_only=True):
    """What was asked and answered once, in a thread of a deployment; its metadata lives and dies with it."""

    id: str
    organization_id: str
    deployment_id: str
    thread_id: str
    input_text: str
    output_text: str
    input_token_count: int
    output_token_count: int
    tag_ids: list[str]
    metadata: list[Metadata]
    created_at: str
    updated_at: str
