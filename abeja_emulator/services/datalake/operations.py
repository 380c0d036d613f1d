"""Operations on channels, files and data sources (`abeja/datalake/api/client.py`)."""

import datetime
from typing import Any, Literal, Optional

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files, shown_metadata
from abeja_emulator.services.datalake.listing import Listing
from abeja_emulator.services.datalake.records import Channel
from abeja_emulator.services.messages import Message
from abeja_emulator.services.organizations.rules import Accounts, check_organization
from abeja_emulator.services.paging import Limit, Offset
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in
from abeja_emulator.wire.signing import expiry_text

CHANNELS = "/organizations/{organization_id}/channels"
CHANNEL = CHANNELS + "/{channel_id}"
DATASOURCES = CHANNEL + "/datasources"
DATASOURCE = DATASOURCES + "/{datasource_id}"
FILES = "/channels/{channel_id}"
FILE = FILES + "/{file_id}"
SIGNED = "/_signed/files/{channel_id}/{file_id}"
SOURCE = "abeja/datalake/api/client.py"


class NewChannel(msgspec.Struct):
    """A channel to create; the CLI sends no storage type."""

    name: Optional[str] = None
    description: Optional[str] = None
    storage_type: Literal["datalake", "file"] = "datalake"


class ChannelChange(msgspec.Struct):
    """What to change of a channel."""

    name: Optional[str] = None
    description: Optional[str] = None


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


@operation(
    "POST",
    CHANNELS,
    body=NewChannel,
    answer=ChannelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_channel",
)
def create_channel(call: Call[None, NewChannel]) -> dict[str, Any]:
    """Create a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    body = call.body
    channel = channels.create(organization, body.name, body.description, body.storage_type)
    return Accounts(call.world).envelope(organization, channel=channel)


@operation(
    "GET",
    CHANNELS,
    query=ChannelList,
    answer=ChannelListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_channels; the CLI filters by storage_type",
)
def list_channels(call: Call[ChannelList, None]) -> dict[str, Any]:
    """List channels in order of creation."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    query = call.query
    archived = query.filter_archived == "include_archived"
    found, more = channels.select(organization, query.offset, query.limit, archived=archived)
    return Accounts(call.world).envelope(
        organization, channels=found, limit=query.limit, offset=query.offset, has_next=more
    )


@operation(
    "GET",
    CHANNEL,
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_channel",
)
def get_channel(call: Call[None, None]) -> dict[str, Any]:
    """Return a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    return Accounts(call.world).envelope(organization, channel=channels.get(organization, call.path["channel_id"]))


@operation(
    "PATCH",
    CHANNEL,
    body=ChannelChange,
    answer=ChannelView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_channel",
)
def patch_channel(call: Call[None, ChannelChange]) -> dict[str, Any]:
    """Change a channel's name or description."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    body = call.body
    channel = channels.update(organization, call.path["channel_id"], body.name, body.description)
    return Accounts(call.world).envelope(organization, channel=channel)


@operation(
    "POST",
    CHANNEL + "/archive",
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_channel",
)
def archive_channel(call: Call[None, None]) -> dict[str, Any]:
    """Archive a channel."""
    return _archive(call, archived=True)


@operation(
    "POST",
    CHANNEL + "/unarchive",
    answer=ChannelView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_channel",
)
def unarchive_channel(call: Call[None, None]) -> dict[str, Any]:
    """Take an archived channel back."""
    return _archive(call, archived=False)


@operation(
    "GET",
    DATASOURCES,
    query=DatasourceList,
    answer=DatasourceListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} list_channel_datasources",
)
def list_channel_datasources(call: Call[DatasourceList, None]) -> dict[str, Any]:
    """List the data sources linked to a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    query = call.query
    found, more = channels.datasources(organization, call.path["channel_id"], query.offset, query.limit)
    shown = [_datasource(each) for each in found]
    return Accounts(call.world).envelope(
        organization, datasources=shown, limit=query.limit, offset=query.offset, has_next=more
    )


@operation(
    "PUT",
    DATASOURCE,
    answer=DatasourceEnvelope,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} put_channel_datasource",
)
def put_channel_datasource(call: Call[None, None]) -> dict[str, Any]:
    """Link a data source to a channel; linking it twice is a conflict."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    linked = channels.link(organization, call.path["channel_id"], call.path["datasource_id"])
    return Accounts(call.world).envelope(organization, datasource=_datasource(linked))


@operation(
    "DELETE",
    DATASOURCE,
    answer=DatasourceEnvelope,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_channel_datasource",
)
def delete_channel_datasource(call: Call[None, None]) -> dict[str, Any]:
    """End the link of a data source to a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    unlinked = channels.unlink(organization, call.path["channel_id"], call.path["datasource_id"])
    return Accounts(call.world).envelope(organization, datasource=_datasource(unlinked))


@operation(
    "POST",
    FILES,
    body=Upload,
    answer=ReservedView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_channel_file_upload",
)
def get_channel_file_upload(call: Call[None, Upload]) -> dict[str, Any]:
    """Return a signed URL for an upload; type and metadata of the file are the headers of this call."""
    organization = _organization(call)
    file = Files(call.world).reserve(call.path["channel_id"], call.body)
    target, expires = call.world.signer.sign("PUT", "files", file.channel_id, file.file_id)
    return {
        "file_id": file.file_id,
        "content_type": file.content_type,
        "metadata": shown_metadata(file, organization),
        "upload_url": call.origin + target,
        "uploaded_at": None,
        "url_expires_on": expiry_text(datetime.datetime.fromtimestamp(expires, datetime.timezone.utc)),
    }


@operation(
    "POST",
    FILES + "/upload",
    query=UploadQuery,
    body=Upload,
    answer=UploadedView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} post_channel_file_upload; abejacli datalake upload; runner batch output",
)
def post_channel_file_upload(call: Call[UploadQuery, Upload]) -> dict[str, Any]:
    """Upload a file, raw body and metadata headers."""
    organization = _organization(call)
    query = call.query
    file = Files(call.world).upload(call.path["channel_id"], call.body, query.lifetime, query.conflict_target)
    return {
        "file_id": file.file_id,
        "content_type": file.content_type,
        "metadata": shown_metadata(file, organization),
        "lifetime": file.lifetime,
        "uploaded_at": None,
    }


@operation(
    "GET",
    FILES,
    query=FileList,
    answer=FileListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_channel_files; abeja/datalake/file.py FileIterator ends on a null token",
)
def list_channel_files(call: Call[FileList, None]) -> dict[str, Any]:
    """Return a page of a channel's files, oldest first unless `sort` says otherwise.

    A token comes alone: it carries the rest (SDK docstring of list_channel_files).
    """
    organization = _organization(call)
    question = {key: value for key, value in msgspec.structs.asdict(call.query).items() if value is not None}
    token = question.pop("next_page_token", None)
    if token and question:
        message = f"next_page_token carries the whole question; send it without {', '.join(question)}"
        raise BadRequest(message)
    files, token = Listing(call.world).page(call.path["channel_id"], question, token)
    view = Files(call.world).view
    return {"files": [view(file, organization, call.origin) for file in files], "next_page_token": token}


@operation(
    "GET",
    FILE,
    answer=FileView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_channel_file_download; runner reads download_url",
)
def get_channel_file_download(call: Call[None, None]) -> dict[str, Any]:
    """Return a file with a signed URL to its content."""
    organization = _organization(call)
    files = Files(call.world)
    return files.view(files.get(call.path["channel_id"], call.path["file_id"]), organization, call.origin)


@operation(
    "DELETE",
    FILE,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_channel_file",
)
def delete_channel_file(call: Call[None, None]) -> Message:
    """Delete a file."""
    _organization(call)
    Files(call.world).delete(call.path["channel_id"], call.path["file_id"])
    return Message(f"deleted file ({call.path['file_id']})")


@operation(
    "PUT",
    FILE + "/metadata",
    body=dict[str, str],
    answer=FileView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} put_channel_file_metadata",
)
def put_channel_file_metadata(call: Call[None, dict[str, str]]) -> dict[str, Any]:
    """Replace a file's metadata; keys and values are percent-encoded text."""
    organization = _organization(call)
    files = Files(call.world)
    file = files.replace_metadata(call.path["channel_id"], call.path["file_id"], call.body)
    return files.view(file, organization, call.origin)


@operation(
    "PUT",
    FILE + "/lifetime",
    body=Lifetime,
    answer=LifetimeView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} put_channel_file_lifetime",
)
def put_channel_file_lifetime(call: Call[None, Lifetime]) -> dict[str, Any]:
    """Set how long a file lives."""
    _organization(call)
    file = Files(call.world).set_lifetime(call.path["channel_id"], call.path["file_id"], call.body.lifetime)
    return {"channel_id": file.channel_id, "file_id": file.file_id, "lifetime": file.lifetime}


@operation(
    "GET",
    SIGNED,
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="abeja/datalake/file.py streams download_uri without credentials",
)
def download_file(call: Call[None, None]) -> Download:
    """Return the content of a file."""
    return Files(call.world).download(call.path["channel_id"], call.path["file_id"])


@operation(
    "PUT",
    SIGNED,
    body=Upload,
    answer=Empty,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.INFERRED,
    source=f"{SOURCE} get_channel_file_upload returns an upload_url; no client sends the PUT itself",
)
def upload_file(call: Call[None, Upload]) -> Empty:
    """Take the content of a file that was announced."""
    Files(call.world).receive(call.path["channel_id"], call.path["file_id"], call.body)
    return Empty()


def _archive(call: Call[None, None], *, archived: bool) -> dict[str, Any]:
    channels, organization = Channels(call.world), call.path["organization_id"]
    channel = channels.archive(organization, call.path["channel_id"], archived=archived)
    return Accounts(call.world).envelope(organization, channel=channel)


def _organization(call: Call[Any, Any]) -> str:
    """Return the id of the organization whose channel this is, after checking the caller's right to it."""
    asking = call.caller.organization_id if call.caller else None
    organization = Channels(call.world).organization_of(call.path["channel_id"], asking)
    check_organization(call.caller, organization)
    return organization


def _datasource(record: Any) -> dict[str, Any]:
    shown = msgspec.structs.asdict(record)
    del shown["channels"]
    return shown


OPERATIONS = operations_in(globals())
