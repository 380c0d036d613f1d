"""Operations on the files in a channel (`abeja/datalake/api/client.py`)."""

import datetime
from typing import Any

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files, shown_metadata
from abeja_emulator.services.datalake.listing import Listing
from abeja_emulator.services.datalake.paths import FILE, FILES, SIGNED
from abeja_emulator.services.datalake.shapes import (
    FileList,
    FileListView,
    FileView,
    Lifetime,
    LifetimeView,
    ReservedView,
    UploadedView,
    UploadQuery,
)
from abeja_emulator.services.messages import Message
from abeja_emulator.services.organizations.rules import check_organization
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in
from abeja_emulator.wire.signing import expiry_text

SOURCE = "abeja/datalake/api/client.py"


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


def _organization(call: Call[Any, Any]) -> str:
    """Return the id of the organization whose channel this is, after checking the caller's right to it."""
    asking = call.caller.organization_id if call.caller else None
    organization = Channels(call.world).organization_of(call.path["channel_id"], asking)
    check_organization(call.caller, organization)
    return organization


OPERATIONS = operations_in(globals())
