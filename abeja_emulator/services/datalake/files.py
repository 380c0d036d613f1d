"""State and rules of the files in a channel."""

from __future__ import annotations

import datetime
import string
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.services.datalake.records import File
from abeja_emulator.services.submission import fire
from abeja_emulator.services.times import zoned
from abeja_emulator.wire.content import Download
from abeja_emulator.wire.signing import expiry_text
from abeja_emulator.wire.validation import METADATA_PREFIX

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: How long a file lives. The platform names the terms, not their days; a month of 30 days and half
#: a year of 182 are ours. Evidence: inferred.
LIFETIMES = {
    "1day": datetime.timedelta(days=1),
    "1week": datetime.timedelta(weeks=1),
    "1month": datetime.timedelta(days=30),
    "6months": datetime.timedelta(days=182),
    "1year": datetime.timedelta(days=365),
}

#: Media type of a file whose upload named none: the SDK sends none for a name it cannot guess.
UNKNOWN_TYPE = "application/octet-stream"

#: Names of the platform's own metadata, which nobody can change.
SYSTEM_PREFIX = "x-abeja-sys-meta-"
SYSTEM_METADATA = SYSTEM_PREFIX + "organizationid"


class Files:
    """The files of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._files = world.store.table("file", File)
        self._reserved = world.store.table("reserved_file", File)

    def upload(
        self, channel_id: str, upload: Upload, lifetime: str | None = None, conflict_target: str | None = None
    ) -> File:
        """Put a file into a channel.

        Raises:
            BadRequest: when the lifetime is not one of the platform's terms.
            Conflict: when `conflict_target` names a metadata key and a file with the same value is
                in the channel.
        """
        self.purge()
        file = self._described(channel_id, upload, lifetime)
        if conflict_target:
            self._check_conflict(file, conflict_target)
        return self._store(file, upload)

    def reserve(self, channel_id: str, upload: Upload) -> File:
        """Describe a file that will be uploaded through a signed URL; it is listed once it is there."""
        file = self._described(channel_id, upload, None)
        self._reserved.insert(channel_id, file.file_id, file)
        return file

    def receive(self, channel_id: str, file_id: str, upload: Upload) -> File:
        """Take the content of a reserved file.

        Raises:
            NotFound: when it was never reserved, or its content has come already.
        """
        file = self._reserved.get(channel_id, file_id)
        if file is None:
            message = f"channel {channel_id} expects no upload of file {file_id}: it has come already, or never will"
            raise NotFound(message)
        self._reserved.delete(channel_id, file_id)
        now = iso(self._world.clock.now())
        return self._store(msgspec.structs.replace(file, uploaded_at=now), upload)

    def get(self, channel_id: str, file_id: str) -> File:
        """Return a file.

        Raises:
            NotFound: when the channel has none with that id, or its lifetime has ended.
        """
        self.purge()
        file = self._files.get(channel_id, file_id)
        if file is None:
            message = f"channel {channel_id} has no file {file_id!r}"
            raise NotFound(message)
        return file

    def download(self, channel_id: str, file_id: str) -> Download:
        """Return a file's content."""
        file = self.get(channel_id, file_id)
        blobs = self._world.store.blobs
        content = blobs.content(file.digest)
        return Download(content, file.size, file.content_type)

    def replace_metadata(self, channel_id: str, file_id: str, metadata: dict[str, str]) -> File:
        """Put other metadata in the place of the user's own.

        Raises:
            BadRequest: when a key has not the prefix `x-abeja-meta-`, whatever its case.
        """
        file = self.get(channel_id, file_id)
        kept = {}
        for key, value in metadata.items():
            name, prefix = key[len(METADATA_PREFIX) :], key[: len(METADATA_PREFIX)].lower()
            if key.lower().startswith(SYSTEM_PREFIX):
                continue
            if prefix != METADATA_PREFIX:
                message = f"metadata keys start with {METADATA_PREFIX}; {key!r} does not"
                raise BadRequest(message)
            kept[prefix + name] = value
        return self._put(msgspec.structs.replace(file, metadata=kept))

    def set_lifetime(self, channel_id: str, file_id: str, lifetime: str) -> File:
        """Let a file live for that long, counted from its upload."""
        file = self.get(channel_id, file_id)
        check_lifetime(lifetime)
        return self._put(msgspec.structs.replace(file, lifetime=lifetime))

    def delete(self, channel_id: str, file_id: str) -> File:
        """Delete a file and return it as it was."""
        file = self.get(channel_id, file_id)
        self._remove(file)
        return file

    def purge(self) -> None:
        """Delete the files whose lifetime has ended."""
        expired = self._files.expired(iso(self._world.clock.now()))
        if expired:
            # A listing or a download notices it too, and only a transaction frees content.
            with self._world.store.transaction():
                for row in expired:
                    self._remove(row.record)

    def view(self, file: File, organization_id: str, origin: str) -> dict[str, Any]:
        """Return a file as the API shows it, with a fresh signed URL under both of its names.

        The SDK and the CLI read `download_uri`, the runner reads `download_url` (clients.md, 7).
        """
        target, expires = self._world.signer.sign("GET", "files", file.channel_id, file.file_id)
        url = origin + target
        return {
            "channel_id": file.channel_id,
            "file_id": file.file_id,
            "content_type": file.content_type,
            "metadata": shown_metadata(file, organization_id),
            "lifetime": file.lifetime,
            "uploaded_at": zoned(file.uploaded_at),
            "url_expires_on": expiry_text(datetime.datetime.fromtimestamp(expires, datetime.timezone.utc)),
            "download_uri": url,
            "download_url": url,
        }

    def _described(self, channel_id: str, upload: Upload, lifetime: str | None) -> File:
        check_lifetime(lifetime)
        now = self._world.clock.now()
        return File(
            channel_id=channel_id,
            file_id=self._world.ids.file_id(now),
            content_type=upload.content_type or UNKNOWN_TYPE,
            metadata={encoded(name): encoded(value) for name, value in upload.metadata.items()},
            lifetime=lifetime,
            uploaded_at=iso(now),
        )

    def _store(self, file: File, upload: Upload) -> File:
        digest, size = self._world.store.blobs.put(upload.content)
        file = msgspec.structs.replace(file, digest=digest, size=size)
        self._files.insert(file.channel_id, file.file_id, file, expires=_end(file))
        fire(self._world, file.channel_id, file.file_id)
        return file

    def _put(self, file: File) -> File:
        self._files.update(file.channel_id, file.file_id, file, expires=_end(file))
        return file

    def _remove(self, file: File) -> None:
        self._files.delete(file.channel_id, file.file_id)
        self._world.store.blobs.release(file.digest)

    def _check_conflict(self, file: File, conflict_target: str) -> None:
        value = _metadata_value(file, conflict_target)
        if value is None:
            return
        for row in self._files.scan(file.channel_id):
            if _metadata_value(row.record, conflict_target) == value:
                message = (
                    f"file {row.record.file_id} in channel {file.channel_id} has {conflict_target} "
                    f"{value!r} already, and conflict_target={conflict_target} was asked for"
                )
                raise Conflict(message)


def shown_metadata(file: File, organization_id: str) -> dict[str, str]:
    """Return a file's metadata as answers show it, the platform's own among it."""
    return {**file.metadata, SYSTEM_METADATA: organization_id}


def check_lifetime(lifetime: str | None) -> None:
    """Check how long a file is to be kept.

    Raises:
        BadRequest: when it is none of `LIFETIMES`.
    """
    if lifetime is not None and lifetime not in LIFETIMES:
        message = f"lifetime {lifetime!r} is none of {', '.join(LIFETIMES)}"
        raise BadRequest(message)


def encoded(text: str) -> str:
    """Return header text with bytes beyond ASCII percent-encoded: curl sends a name as it is, the SDK reads it decoded.

    Evidence: inferred.
    """
    return text if text.isascii() else quote(text.encode("latin-1"), safe=string.printable)


def _metadata_value(file: File, key: str) -> str | None:
    """Return the value under a key without prefix, both decoded; names of headers have no case."""
    wanted = (METADATA_PREFIX + key).lower()
    return next((unquote(value) for name, value in file.metadata.items() if unquote(name).lower() == wanted), None)


def _end(file: File) -> str | None:
    if file.lifetime is None:
        return None
    uploaded = datetime.datetime.fromisoformat(file.uploaded_at).replace(tzinfo=datetime.timezone.utc)
    return iso(uploaded + LIFETIMES[file.lifetime])
