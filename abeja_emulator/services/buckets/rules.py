"""State and rules of buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.errors import NotFound
from abeja_emulator.services.buckets.records import Bucket
from abeja_emulator.services.times import second

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World


class Buckets:
    """The buckets of one Platform; what is not known of them is taken from channels, their neighbours."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buckets = world.store.table("bucket", Bucket)

    def create(self, organization_id: str, name: str | None, description: str | None = None) -> Bucket:
        """Create a bucket; names need not be unique, like those of channels (evidence: inferred)."""
        now = second(self._world.clock.now())
        bucket = Bucket(
            bucket_id=self._world.ids.platform_id(),
            name=name,
            display_name=name,
            description=description,
            created_at=now,
            updated_at=now,
        )
        self._buckets.insert(organization_id, bucket.bucket_id, bucket)
        return bucket

    def get(self, organization_id: str, bucket_id: str) -> Bucket:
        """Return a bucket.

        Raises:
            NotFound: when the organization has none with that id.
        """
        bucket = self._buckets.get(organization_id, bucket_id)
        if bucket is None:
            known = self._buckets.slice(organization_id, limit=10, newest_first=True)
            names = ", ".join(f"{each.bucket_id} ({each.name})" for each in known) or "none"
            message = f"bucket {bucket_id!r} does not exist in organization {organization_id}; newest buckets: {names}"
            raise NotFound(message)
        return bucket

    def select(self, organization_id: str, offset: int, limit: int, *, archived: bool) -> tuple[list[Bucket], bool]:
        """Return buckets in order of creation, and whether there are more."""
        found = self._buckets.slice(organization_id, offset=offset, limit=limit + 1, archived=archived)
        return found[:limit], len(found) > limit

    def update(self, organization_id: str, bucket_id: str, name: str | None, description: str | None) -> Bucket:
        """Change name and description; what is not given stays."""
        bucket = self.get(organization_id, bucket_id)
        changed = msgspec.structs.replace(
            bucket,
            name=name or bucket.name,
            display_name=name or bucket.display_name,
            description=description or bucket.description,
        )
        return self._put(organization_id, changed)

    def archive(self, organization_id: str, bucket_id: str, *, archived: bool) -> Bucket:
        """Archive a bucket or take it back; its files stay, and can be read and added to (evidence: inferred)."""
        bucket = self.get(organization_id, bucket_id)
        return self._put(organization_id, msgspec.structs.replace(bucket, archived=archived))

    def _put(self, organization_id: str, bucket: Bucket) -> Bucket:
        changed = msgspec.structs.replace(bucket, updated_at=second(self._world.clock.now()))
        self._buckets.update(organization_id, bucket.bucket_id, changed, archived=bucket.archived)
        return changed
