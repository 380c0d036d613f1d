"""What clients send of buckets and their files, and what they are shown."""

from typing import Literal, Optional

import msgspec

from abeja_emulator.services.buckets.records import Bucket
from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.paging import Limit, Offset


class NewBucket(msgspec.Struct):
    """A bucket to create."""

    name: Optional[str] = None
    description: Optional[Description] = None


class BucketChange(msgspec.Struct):
    """What to change of a bucket."""

    name: Optional[str] = None
    description: Optional[Description] = None


class BucketList(msgspec.Struct):
    """Which buckets to list; no client asks for archived ones, and that they are left out is inferred from channels."""

    limit: Limit = 50
    offset: Offset = 0
    filter_archived: Literal["exclude_archived", "include_archived"] = "exclude_archived"


class BucketEnvelope(msgspec.Struct):
    """The organization around every answer about buckets."""

    organization_id: str
    organization_name: str
    created_at: str
    updated_at: str


class BucketView(BucketEnvelope):
    """A bucket in its envelope."""

    bucket: Bucket


class BucketListView(BucketEnvelope):
    """Buckets in their envelope."""

    buckets: list[Bucket]
    limit: int
    offset: int
    has_next: bool


class BucketUpload(msgspec.Struct):
    """How to upload."""

    lifetime: Optional[str] = None


class UploadedBucketFile(msgspec.Struct):
    """The answer to an upload: its id has no slash in front, and `uploaded_at` is null, as documented."""

    file_id: str
    content_type: str
    metadata: dict[str, str]
    lifetime: Optional[str]
    uploaded_at: None


class BucketFileList(msgspec.Struct):
    """Which files to list: the SDK pages with `last_file_id`, the CLI with `start_after`.

    How many there are on a page when the client does not say is what the CLI asks for; evidence: inferred.
    """

    target_dir: str = "/"
    items_per_page: Limit = 100
    last_file_id: str = ""
    start_after: str = ""
    q: Optional[str] = None


class BucketFileView(msgspec.Struct):
    """A file with a signed URL to its content."""

    file_id: str
    is_file: bool
    size: int
    etag: str
    metadata: dict[str, str]
    last_modified: str
    uploaded_at: str
    url_expires_on: str
    download_uri: str


class BucketEntry(msgspec.Struct, omit_defaults=True):
    """A file, or a directory, which has an id and nothing else."""

    file_id: str
    is_file: bool
    size: Optional[int] = None
    etag: Optional[str] = None
    metadata: Optional[dict[str, str]] = None
    last_modified: Optional[str] = None
    uploaded_at: Optional[str] = None
    url_expires_on: Optional[str] = None
    download_uri: Optional[str] = None


class BucketFileListView(msgspec.Struct):
    """A page of a directory, and where the next one begins, under the names that SDK and CLI have for it."""

    files: list[BucketEntry]
    last_file_id: Optional[str]
    next_start_after: Optional[str]
