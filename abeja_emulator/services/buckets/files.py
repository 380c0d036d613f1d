"""State and rules of the files in a bucket: objects that are known by their path."""

from __future__ import annotations

import datetime
import hashlib
import heapq
from typing import TYPE_CHECKING, Any

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.buckets.records import BucketFile
from abeja_emulator.services.datalake.files import LIFETIMES, UNKNOWN_TYPE, check_lifetime, encoded
from abeja_emulator.services.times import zoned
from abeja_emulator.wire.content import Download
from abeja_emulator.wire.signing import expiry_text

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload
    from abeja_emulator.wire.messages import Body

#: Bytes of a large file read at once.
_PIECE = 1024 * 1024


class BucketFiles:
    """The files of one Platform's buckets.

    There are no directories: one is there as long as a file has it in its path.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._files = world.store.table("bucket_file", BucketFile)

    def upload(self, bucket_id: str, upload: Upload, lifetime: str | None = None) -> BucketFile:
        """Put a file into a bucket, in the place of the one that has its path.

        That a second upload replaces the first is how object stores do it; evidence: inferred.

        Raises:
            BadRequest: when its path or its lifetime is none.
        """
        self.purge()
        path = _checked_path(upload.file_name)
        check_lifetime(lifetime)
        now = self._world.clock.now()
        etag = _etag(upload.content)
        digest, size = self._world.store.blobs.put(upload.content)
        file = BucketFile(
            bucket_id=bucket_id,
            file_id=path,
            content_type=upload.content_type or UNKNOWN_TYPE,
            metadata={encoded(name): encoded(value) for name, value in upload.metadata.items()},
            lifetime=lifetime,
            uploaded_at=iso(now),
            etag=etag,
            digest=digest,
            size=size,
        )
        expires = None if lifetime is None else iso(now + LIFETIMES[lifetime])
        replaced = self._files.get(bucket_id, path)
        if replaced is None:
            self._files.insert(bucket_id, path, file, expires=expires)
        else:
            self._files.update(bucket_id, path, file, expires=expires)
            self._world.store.blobs.release(replaced.digest)
        return file

    def get(self, bucket_id: str, file_id: str) -> BucketFile:
        """Return a file; clients write its path with a slash in front and without.

        Raises:
            NotFound: when the bucket has none of that path, or its lifetime has ended.
        """
        self.purge()
        file = self._files.get(bucket_id, file_id.lstrip("/"))
        if file is None:
            message = f"bucket {bucket_id} has no file {file_id!r}; list its directory to see those that are there"
            raise NotFound(message)
        return file

    def download(self, bucket_id: str, file_id: str) -> Download:
        """Return a file's content."""
        file = self.get(bucket_id, file_id)
        return Download(self._world.store.blobs.content(file.digest), file.size, file.content_type)

    def page(self, bucket_id: str, target_dir: str, limit: int, after: str) -> list[tuple[str, BucketFile | None]]:
        """Return what is directly inside a directory, in the order of paths: a file, or a directory and None.

        Args:
            bucket_id: the bucket.
            target_dir: the directory, with slashes around it or without; one that is not there is empty.
            limit: how many at most.
            after: the id that everything on the page stands behind; it need not be there (any more).
        """
        self.purge()
        inside = f"{target_dir.strip('/')}/".lstrip("/")
        after = "/" + after.lstrip("/")
        found: dict[str, BucketFile | None] = {}
        for row in self._files.scan(bucket_id):
            path = row.record.file_id
            if path.startswith(inside):
                name, slash, _ = path[len(inside) :].partition("/")
                entry = f"/{inside}{name}{slash}"
                if entry > after:
                    found[entry] = None if slash else row.record
        return [(entry, found[entry]) for entry in heapq.nsmallest(limit, found)]

    def purge(self) -> None:
        """Delete the files whose lifetime has ended."""
        expired = self._files.expired(iso(self._world.clock.now()))
        if expired:
            # A listing or a download notices it too, and only a transaction frees content.
            with self._world.store.transaction():
                for row in expired:
                    self._files.delete(row.parent, row.record.file_id)
                    self._world.store.blobs.release(row.record.digest)

    def view(self, file: BucketFile, origin: str) -> dict[str, Any]:
        """Return a file as the API shows it, with a fresh signed URL."""
        target, expires = self._world.signer.sign("GET", "buckets", file.bucket_id, file.file_id)
        return {
            "file_id": f"/{file.file_id}",
            "is_file": True,
            "size": file.size,
            "etag": file.etag,
            "metadata": file.metadata,
            "last_modified": zoned(file.uploaded_at),
            "uploaded_at": zoned(file.uploaded_at),
            "url_expires_on": expiry_text(datetime.datetime.fromtimestamp(expires, datetime.timezone.utc)),
            "download_uri": origin + target,
        }


def _checked_path(path: str | None) -> str:
    """Return the path of a file to come, which the name of the uploaded part is.

    Raises:
        BadRequest: when it is none. The SDK sends no such path (`abeja/datalake/api/client.py`,
            upload_bucket_file); that the platform refuses them too is inferred.
    """
    if not path:
        message = "the part 'file' needs a file name: it is the path of the file in the bucket"
        raise BadRequest(message)
    if any(part in {"", ".", ".."} for part in path.split("/")):
        message = (
            f"a file of a bucket has a path such as dir/cat.jpg, without a slash in front and without empty parts, "
            f"'.' and '..'; this one is {path!r}"
        )
        raise BadRequest(message)
    return path


def _etag(content: Body) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    if isinstance(content, bytes):
        digest.update(content)
        return digest.hexdigest()
    content.seek(0)
    while piece := content.read(_PIECE):
        digest.update(piece)
    content.seek(0)
    return digest.hexdigest()
