"""What is kept of datasets and their items."""

from typing import Any, Optional

import msgspec


class Dataset(msgspec.Struct, kw_only=True):
    """A dataset; `props` is free JSON, kept as it was sent."""

    dataset_id: str
    organization_id: str
    name: str
    type: str
    props: Any = None
    created_at: str
    updated_at: str


class DatasetItem(msgspec.Struct, kw_only=True):
    """An item of a dataset; `attributes` is free JSON, kept as it was sent.

    There is no `organization_id` here: the SDK passes every key on as an argument and would raise a
    TypeError for a second one (`abeja/datasets/dataset_item.py`).
    """

    dataset_id: str
    dataset_item_id: int
    source_data: list[dict[str, Any]]
    attributes: Optional[Any] = None
    created_at: str
    updated_at: str
