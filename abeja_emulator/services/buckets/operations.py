"""Operations on buckets and their files (`abeja/datalake/api/client.py`)."""

from typing import Any

from abeja_emulator.errors import NotEmulated
from abeja_emulator.services.buckets.files import BucketFiles
from abeja_emulator.services.buckets.records import Bucket
from abeja_emulator.services.buckets.rules import Buckets
from abeja_emulator.services.buckets.shapes import (
    BucketChange,
    BucketFileList,
    BucketFileListView,
    BucketFileView,
    BucketList,
    BucketListView,
    BucketUpload,
    BucketView,
    NewBucket,
    UploadedBucketFile,
)
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Form, Multipart
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

BUCKETS = "/organizations/{organization_id}/buckets"
BUCKET = BUCKETS + "/{bucket_id}"
FILES = BUCKET + "/files"
FILE = FILES + "/{file_id}"
SIGNED = "/_signed/buckets/{bucket_id}/{file_id}"
SOURCE = "abeja/datalake/api/client.py"


@operation(
    "POST",
    BUCKETS,
    body=NewBucket,
    answer=BucketView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_bucket; abejacli bucket create-and-upload reads bucket.bucket_id",
)
def create_bucket(call: Call[None, NewBucket]) -> dict[str, Any]:
    """Create a bucket."""
    bucket = Buckets(call.world).create(call.path["organization_id"], call.body.name, call.body.description)
    return _enveloped(call, bucket=bucket)


@operation(
    "GET",
    BUCKETS,
    query=BucketList,
    answer=BucketListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_buckets; abejacli bucket describe-buckets",
)
def list_buckets(call: Call[BucketList, None]) -> dict[str, Any]:
    """List buckets in order of creation."""
    query = call.query
    archived = query.filter_archived == "include_archived"
    found, more = Buckets(call.world).select(call.path["organization_id"], query.offset, query.limit, archived=archived)
    return _enveloped(call, buckets=found, limit=query.limit, offset=query.offset, has_next=more)


@operation(
    "GET",
    BUCKET,
    answer=BucketView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_bucket",
)
def get_bucket(call: Call[None, None]) -> dict[str, Any]:
    """Return a bucket."""
    return _enveloped(call, bucket=_bucket(call))


@operation(
    "PATCH",
    BUCKET,
    body=BucketChange,
    answer=BucketView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_bucket",
)
def patch_bucket(call: Call[None, BucketChange]) -> dict[str, Any]:
    """Change a bucket's name or description."""
    buckets, body = Buckets(call.world), call.body
    changed = buckets.update(call.path["organization_id"], call.path["bucket_id"], body.name, body.description)
    return _enveloped(call, bucket=changed)


@operation(
    "POST",
    BUCKET + "/archive",
    answer=BucketView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_bucket",
)
def archive_bucket(call: Call[None, None]) -> dict[str, Any]:
    """Archive a bucket."""
    return _archive(call, archived=True)


@operation(
    "POST",
    BUCKET + "/unarchive",
    answer=BucketView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_bucket",
)
def unarchive_bucket(call: Call[None, None]) -> dict[str, Any]:
    """Take an archived bucket back."""
    return _archive(call, archived=False)


@operation(
    "POST",
    FILES,
    body=Multipart("file", BucketUpload),
    answer=UploadedBucketFile,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} upload_bucket_file; abejacli bucket upload",
)
def upload_bucket_file(call: Call[None, Form]) -> dict[str, Any]:
    """Upload a file; the name of its part is its path in the bucket, and a file of that path is replaced."""
    bucket = _bucket(call)
    file = BucketFiles(call.world).upload(bucket.bucket_id, call.body.file, call.body.parameters.lifetime)
    return {
        "file_id": file.file_id,
        "content_type": file.content_type,
        "metadata": file.metadata,
        "lifetime": file.lifetime,
        "uploaded_at": None,
    }


@operation(
    "GET",
    FILES,
    query=BucketFileList,
    answer=BucketFileListView,
    errors=(400, 401, 403, 404, 501),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} list_bucket_files; abejacli bucket download goes on until a page is empty",
)
def list_bucket_files(call: Call[BucketFileList, None]) -> dict[str, Any]:
    """Return a page of what is directly inside a directory, in the order of paths.

    Directories are entries of their own. A page that is not empty always says where the next one begins, and the
    one behind the last entry is empty: the CLI would start over, and never end, at anything else.
    """
    bucket, query = _bucket(call), call.query
    if query.q is not None:
        message = (
            "list_bucket_files with q is not emulated: it is JMESPath, and to what the platform applies it is not "
            "known; leave q out and filter what comes back"
        )
        raise NotEmulated(message)
    files = BucketFiles(call.world)
    after = max(query.last_file_id.lstrip("/"), query.start_after.lstrip("/"))
    found = files.page(bucket.bucket_id, query.target_dir, query.items_per_page, after)
    last = found[-1][0] if found else None
    shown = [
        {"file_id": entry, "is_file": False} if file is None else files.view(file, call.origin) for entry, file in found
    ]
    return {"files": shown, "last_file_id": last, "next_start_after": last}


@operation(
    "GET",
    FILE,
    answer=BucketFileView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_bucket_file; abejacli bucket download refreshes download_uri with it",
    deep=True,
)
def get_bucket_file(call: Call[None, None]) -> dict[str, Any]:
    """Return a file with a signed URL to its content."""
    bucket, files = _bucket(call), BucketFiles(call.world)
    return files.view(files.get(bucket.bucket_id, call.path["file_id"]), call.origin)


@operation(
    "GET",
    SIGNED,
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="abejacli bucket download reads download_uri without credentials",
)
def download_bucket_file(call: Call[None, None]) -> Download:
    """Return the content of a file."""
    return BucketFiles(call.world).download(call.path["bucket_id"], call.path["file_id"])


def _bucket(call: Call[Any, Any]) -> Bucket:
    return Buckets(call.world).get(call.path["organization_id"], call.path["bucket_id"])


def _archive(call: Call[None, None], *, archived: bool) -> dict[str, Any]:
    bucket = Buckets(call.world).archive(call.path["organization_id"], call.path["bucket_id"], archived=archived)
    return _enveloped(call, bucket=bucket)


def _enveloped(call: Call[Any, Any], **content: Any) -> dict[str, Any]:
    return Accounts(call.world).envelope(call.path["organization_id"], **content)


OPERATIONS = operations_in(globals())
