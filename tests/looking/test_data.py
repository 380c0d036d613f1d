"""A look at buckets; that at datasets and channels is in `tests/test_looking.py`, for every SDK."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from abeja.datalake.api.client import APIClient as DatalakeAPI

from abeja_emulator.errors import NotFound

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


def test_buckets(abeja: Platform) -> None:
    """Files in whatever directory, with their bytes; a path may have a slash in front."""
    api, organization = DatalakeAPI(), abeja.organization.id
    bucket = api.create_bucket(organization, "photos", "of cats")["bucket"]["bucket_id"]
    for path in ("cat.jpg", "kittens/first.jpg"):
        api.upload_bucket_file(organization, bucket, io.BytesIO(path.encode()), path, "image/jpeg")
    assert [(each.bucket_id, each.name) for each in abeja.look.buckets()] == [(bucket, "photos")]
    assert [each.file_id for each in abeja.look.bucket_files(bucket)] == ["cat.jpg", "kittens/first.jpg"]
    for path in ("kittens/first.jpg", "/kittens/first.jpg"):
        assert abeja.look.bucket_content(bucket, path) == b"kittens/first.jpg"
    with pytest.raises(NotFound, match=r"there is no bucket file 'dog.jpg'; newest .*: kittens/first.jpg, cat.jpg"):
        abeja.look.bucket_content(bucket, "dog.jpg")
