"""What clients send to the datalake, and what they are shown."""

from typing import Literal, Optional

import msgspec

from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.paging import Limit, Offset


class NewChannel(msgspec.Struct):
    """A channel to create; the CLI sends no storage type."""

    name: Optional[str] = None
    description: Optional[Description] = None
    storage_type: Literal["datalake", "file"] = "datalake"


class ChannelChange(msgspec.Struct):
    """What to change of a channel."""

    name: Optional[str] = None
    description: Optional[Description] = None


class ChannelList(msgspec.Struct):
    """Which channels to list."""

    limit: Limit = 50
    offset: Offset = 0
    filter_archived: Literal["exclude_archived", "include_archived"] = "exclude_archived"


class DatasourceList(msgspec.Struct):
    """Which data sources to list."""

    limit: Limit = 50
    offset: Offset = 0


class Envelope(msgspec.Struct):
    """The organization around every answer about channels."""

    organization_id: str
    organization_name: str
    created_at: str
    updated_at: str


class ChannelView(Envelope):
    """A channel in its envelope."""

    channel: Channel


class ChannelListView(Envelope):
    """Channels in their envelope."""

    channels: list[Channel]
    limit: int
    offset: int
    has_next: bool


class DatasourceView(msgspec.Struct):
    """A data source."""

    datasource_id: str
    display_name: Optional[str]
    secret: str
    created_at: str
    updated_at: str


class DatasourceEnvelope(Envelope):
    """A data source in its envelope."""

    datasource: DatasourceView


class DatasourceListView(Envelope):
    """Data sources in their envelope."""

    datasources: list[DatasourceView]
    limit: int
    offset: int
    has_next: bool


class UploadQuery(msgspec.Struct):
    """How to upload."""

    lifetime: Optional[str] = None
    conflict_target: Optional[str] = None


class FileList(msgspec.Struct):
    """Which files to list."""

    start: Optional[str] = None
    end: Optional[str] = None
    timezone: Optional[str] = None
    items_per_page: Optional[Limit] = None
    sort: Optional[str] = None
    q: Optional[str] = None
    next_page_token: Optional[str] = None


class FileView(msgspec.Struct):
    """A file with a signed URL to its content."""

    channel_id: str
    file_id: str
    content_type: str
    metadata: dict[str, str]
    lifetime: Optional[str]
    uploaded_at: str
    url_expires_on: str
    download_uri: str
    download_url: str


class FileListView(msgspec.Struct):
    """A page of files; the last one has no token."""

    files: list[FileView]
    next_page_token: Optional[str]


class UploadedView(msgspec.Struct):
    """The answer to an upload; `uploaded_at` is null in it, as documented."""

    file_id: str
    content_type: str
    metadata: dict[str, str]
    lifetime: Optional[str]
    uploaded_at: None


class ReservedView(msgspec.Struct):
    """A file to come, with a signed URL to PUT it to."""

    file_id: str
    content_type: str
    metadata: dict[str, str]
    upload_url: str
    uploaded_at: None
    url_expires_on: str


class Lifetime(msgspec.Struct):
    """How long a file shall live."""

    lifetime: str


class LifetimeView(msgspec.Struct):
    """How long a file lives."""

    channel_id: str
    file_id: str
    lifetime: str
