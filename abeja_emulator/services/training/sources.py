"""Where the code of a version comes from: an archive, a git repository, or a folder of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.archives import ArchiveError, check_archive
from abeja_emulator.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from abeja_emulator.services.training.records import JobDefinitionVersion
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Branch of a version from git that names none (help text of the CLI, create-version-from-git).
DEFAULT_BRANCH = "master"

#: URLs that the command line's help text asks for; that the platform refuses others is inferred.
_GIT_URL = re.compile(r"https://[^\s/]+/\S+")

#: What git takes as a branch, the greater part of it (git-check-ref-format), and no option of a command.
_GIT_BRANCH = re.compile(r"(?![-/.])(?!.*(\.\.|@\{|//|/$|\.lock$))[^\s~^:?*\[\\\x00-\x1f\x7f]+", re.DOTALL)

#: What stands before the host of a URL, or of something that was meant to be one: a user, or user:password.
_CREDENTIALS = re.compile(
    r"(^(?:[a-z][a-z0-9+.-]*)?/+|^|:/+)(?:[^/@:]*:(?!\d*(?:/|$)).*|[^/]*)@", re.DOTALL | re.IGNORECASE
)


class FromGit(msgspec.Struct):
    """What may have a `git_url`: as text, which a traceback or an assertion shows, it is without credentials."""

    def __repr__(self) -> str:
        url = getattr(self, "git_url", None)
        shown = self if url is None else msgspec.structs.replace(self, git_url=without_credentials(url))
        return super(FromGit, shown).__repr__()


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
    name = f"version {version.job_definition_version} of job definition {version.job_definition_id}"
    if version.git_url is not None:
        where = f"branch {version.git_branch} of {without_credentials(version.git_url)}"
        return (
            f"{name} comes from {where}, which the emulator does not fetch: nothing leaves this machine; create a "
            "version from an archive of the repository instead"
        )
    return f"{name} was made from a folder of this machine and has no source archive"


def without_credentials(url: str) -> str:
    """Return a URL as it can be shown: without the user and password before its host, and what its query says."""
    shown, mark, _ = _CREDENTIALS.sub(r"\1", url, count=1).partition("?")
    return f"{shown}{mark and '?…'}"


def check_git(url: str, branch: str) -> None:
    """Check the form of a repository's URL and of a branch.

    Raises:
        BadRequest: when no repository or branch can have it.
    """
    if not _GIT_URL.fullmatch(url):
        message = (
            f"git_url {without_credentials(url)!r} is not of the form https://<host>/<path>, such as "
            "https://github.com/owner/name"
        )
        raise BadRequest(message)
    if not _GIT_BRANCH.fullmatch(branch):
        message = f"git_branch {branch!r} is no name a branch can have (git check-ref-format --branch)"
        raise BadRequest(message)
