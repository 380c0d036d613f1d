"""What comes from a git repository: its URL and its branch, and how they are shown.

Beside the folders, because job definitions and deployments have versions from git alike.
"""

from __future__ import annotations

import re
from typing import Protocol

import msgspec

from abeja_emulator.errors import BadRequest

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


class Sourced(Protocol):
    """A version whose source may be a branch of a repository.

    Attributes:
        git_url: where the repository is.
        git_branch: which branch.
        title: what to call it in a sentence.
    """

    @property
    def git_url(self) -> str | None:
        """Where the repository is."""

    @property
    def git_branch(self) -> str | None:
        """Which branch."""

    @property
    def title(self) -> str:
        """What to call it in a sentence."""


class FromGit(msgspec.Struct):
    """What may have a `git_url`: as text, which a traceback or an assertion shows, it is without credentials."""

    def __repr__(self) -> str:
        url = getattr(self, "git_url", None)
        shown = self if url is None else msgspec.structs.replace(self, git_url=without_credentials(url))
        return super(FromGit, shown).__repr__()


def not_fetched(version: Sourced) -> str:
    """Return why there is no source archive of a version from git."""
    where = f"branch {version.git_branch} of {without_credentials(version.git_url or '')}"
    return (
        f"{version.title} comes from {where}, which the emulator does not fetch: nothing leaves this machine; create a "
        "version from an archive of the repository instead"
    )


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
