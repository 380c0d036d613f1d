"""What clients send to OpsBeeLLM, and what they are shown."""

from typing import Annotated, Any, Literal, Optional

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.opsbeellm.records import OpsBeeItem, Tag, Thread
from abeja_emulator.services.paging import MOST, Limit, Offset

#: Colours of tags (`abeja/opsbeellm/history/api/client.py`, create_tag).
Color = Literal[
    "red",
    "orange",
    "yellow",
    "olive",
    "green",
    "teal",
    "blue",
    "violet",
    "purple",
    "pink",
    "brown",
    "grey",
    "black",
]

SortBy = Literal[
    "id",
    "thread_id",
    "input_text",
    "output_text",
    "input_token_count",
    "output_token_count",
    "created_at",
    "updated_at",
]

SortOrder = Literal["asc", "desc"]

#: How many tokens a text has. Nothing here counts them: they are what the client says. That none are less than zero is
#: inferred.
TokenCount = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class PartQuery(msgspec.Struct):
    """Which part of a listing; the SDK says each twice, in the path and beside it."""

    offset: Offset = 0
    limit: Limit = 1000


class ItemQuery(PartQuery):
    """Which items to list."""

    search_query: str = ""


class HistoryQuery(PartQuery):
    """Which histories to list, and in what order; an SDK before 2.3.4 does not say the order."""

    search_query: str = ""
    sort_by: SortBy = "updated_at"
    sort_order: SortOrder = "desc"


class PartView(msgspec.Struct):
    """A part of a listing."""

    organization_id: str
    offset: int
    limit: int
    has_next: bool


class NewOpsBeeDataset(msgspec.Struct):
    """A dataset to create."""

    name: str
    type: Literal["qa", "llm"]
    description: Optional[Description] = None


class Change(msgspec.Struct):
    """A name to give, and a description; without one it stays."""

    name: str
    description: Optional[Description] = None


class OpsBeeDatasetView(msgspec.Struct):
    """A dataset, as the API shows it."""

    id: str
    organization_id: str
    name: str
    description: str
    type: Literal["qa", "llm"]
    item_count: int
    created_at: str
    updated_at: str


class OpsBeeDatasetListView(PartView):
    """Datasets."""

    datasets: list[OpsBeeDatasetView]


class NewOpsBeeItem(msgspec.Struct):
    """An item to create."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    tags: Optional[list[str]] = None
    metadata: Optional[list[dict[str, Any]]] = None


class OpsBeeItemListView(PartView):
    """Items of a dataset."""

    dataset_id: str
    items: list[OpsBeeItem]
    total: int


class NewOpsBeeDeployment(msgspec.Struct):
    """A deployment to create."""

    name: str
    type: Literal["qa", "chat"]
    description: Optional[Description] = None


class OpsBeeDeploymentView(msgspec.Struct):
    """A deployment, as the API shows it."""

    id: str
    organization_id: str
    name: str
    description: str
    type: Literal["qa", "chat"]
    history_count: int
    created_at: str
    updated_at: str


class OpsBeeDeploymentListView(PartView):
    """Deployments."""

    deployments: list[OpsBeeDeploymentView]


class NewThread(msgspec.Struct):
    """A thread to create."""

    name: str
    description: Optional[Description] = None


class ThreadListView(PartView):
    """Threads of a deployment."""

    deployment_id: str
    threads: list[Thread]
    total: int


class NewTag(msgspec.Struct):
    """A tag to create."""

    name: str
    description: Optional[Description] = None
    color: Color = "grey"


class TagChange(Change):
    """What to give a tag; without a colour it stays."""

    color: Optional[Color] = None


class TagListView(PartView):
    """Tags of an organization."""

    tags: list[Tag]


class HistoryTagView(msgspec.Struct):
    """A tag, as a history shows it."""

    id: str
    name: str
    description: str
    color: Color


class HistoryMetadataView(msgspec.Struct):
    """Metadata, as a history shows it."""

    id: str
    key: str
    value: str


class HistoryChange(msgspec.Struct):
    """What to change of a history; what is missing or null stays."""

    input_text: Optional[str] = None
    output_text: Optional[str] = None
    input_token_count: Optional[TokenCount] = None
    output_token_count: Optional[TokenCount] = None
    tag_ids: Optional[list[str]] = None


class NewHistory(HistoryChange):
    """A history to create; one of its texts may be missing, null or empty."""

    metadata: Optional[list[dict[str, str]]] = None


class HistoryView(msgspec.Struct):
    """A history, as the API shows it."""

    id: str
    organization_id: str
    deployment_id: str
    thread_id: str
    thread_name: str
    input_text: str
    output_text: str
    input_token_count: int
    output_token_count: int
    tags: list[HistoryTagView]
    metadata: list[HistoryMetadataView]
    created_at: str
    updated_at: str


class HistoryListView(PartView):
    """Histories of a deployment; its thread is named where it has exactly one."""

    deployment_id: str
    thread_id: Optional[str]
    thread_name: Optional[str]
    histories: list[HistoryView]
    sort_by: SortBy
    sort_order: SortOrder
    total: int


class MetadataPair(msgspec.Struct):
    """A key and a value."""

    key: str
    value: str


class MetadataView(msgspec.Struct):
    """Metadata, as the API shows it."""

    id: str
    organization_id: str
    deployment_id: str
    history_id: str
    key: str
    value: str
    created_at: str
    updated_at: str


class HistoryIds(msgspec.Struct):
    """Histories to add to a dataset."""

    history_ids: list[str]
