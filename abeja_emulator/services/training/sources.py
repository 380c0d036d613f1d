"""Where the code of a version comes from: an archive, a git repository, or a folder of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.archives import ArchiveError, check_archive
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.from_git import not_fetched

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import JobDefinitionVersion
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload


def keep_archive(world: World, archive: Upload) -> tuple[str, int]:
    """Keep an archive, zip or tar or tar.gz, and return its digest and size.

    Raises:
        BadRequest: when it is none, is damaged, or could not be unpacked into a folder.
    """
    try:
        check_archive(archive.content)
    except ArchiveError as error:
        raise BadRequest(str(error)) from error
    return world.store.blobs.put(archive.content)


def check_source(version: JobDefinitionVersion) -> None:
    """Check that a version has a source archive.

    Raises:
        NotFound: when it comes from git, or runs from a folder of this machine.
    """
    if not version.source:
        raise NotFound(no_source(version))


def no_source(version: JobDefinitionVersion) -> str:
    """Return why a version has no source archive; the log of a job that cannot run for that reason says it."""
    if version.git_url is not None:
        return not_fetched(version)
    return f"{version.title} was made from a folder of this machine and has no source archive"
