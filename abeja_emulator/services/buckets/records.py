"""What is kept of buckets and their files."""

from typing import Optional

import msgspec


class Bucket(msgspec.Struct, kw_only=True):
    """A bucket of the datalake."""

    bucket_id: str
    name: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    security_method: str = "organization"
    archived: bool = False
    created_at: str
    updated_at: str


class BucketFile(msgspec.Struct, kw_only=True):
    """A file of a bucket.

    Attributes:
        file_id: its path in the bucket, without a slash in front.
        metadata: the user's own, `x-abeja-meta-…` names and values as sent, percent-encoded.
        uploaded_at: UTC, `clock.iso` form.
        etag: MD5 of the content, as object stores have it.
    """

    bucket_id: str
    file_id: str
    content_type: str
    metadata: dict[str, str]
    lifetime: Optional[str] = None
    uploaded_at: str
    etag: str
    digest: str
    size: int
