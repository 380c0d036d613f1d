"""Archives to upload, and the whole state of a Platform to compare."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.platform import Platform

HANDLER = "train:handler"
IMAGE = "abeja-inc/all-cpu:19.10"
FILES = {"train.py": b"def handler(context):\n    pass\n", "data/labels.txt": "0 猫\n1 犬\n".encode()}


def zipped(files: Mapping[str, bytes] = FILES) -> bytes:
    """Return a zip of files, the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(files: Mapping[str, bytes] = FILES) -> bytes:
    """Return a tar.gz of files, the same bytes every time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def linked() -> bytes:
    """Return a tar.gz with a link that leads outside."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("password")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return buffer.getvalue()


def unzipped(archive: bytes) -> dict[str, bytes]:
    """Return the files of a zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def state(platform: Platform) -> dict[str, Any]:
    """Return every record, every blob and the bytes in memory: all that a call could change."""
    store = platform.world.store
    with store.reading():
        execute = store.database.execute
        return {
            "records": execute(
                "SELECT kind, parent, id, name, archived, data FROM records ORDER BY 1, 2, 3"
            ).fetchall(),
            "counts": execute("SELECT kind, parent, total FROM counts ORDER BY 1, 2").fetchall(),
            "blobs": execute("SELECT digest, size, uses FROM blobs ORDER BY 1").fetchall(),
            "bytes": store.blobs.size,
        }
