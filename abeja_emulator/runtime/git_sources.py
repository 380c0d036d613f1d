"""Sources of versions that come from git: read from repositories of this machine in the place of URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.runtime.git_repositories import Repository
from abeja_emulator.runtime.git_urls import fits, plain, url_and_folder
from abeja_emulator.services.from_git import not_fetched, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from abeja_emulator.services.from_git import Sourced

__all__ = ["GitError", "GitSources"]

#: Branches that a message names.
_NAMED = 10


class _Place(NamedTuple):
    """What stands for a URL: the URL as it can be shown, and the folder of a repository."""

    shown: str
    folder: Path


class GitSources:
    """Reads what branches of local repositories have in the place of URLs; nothing is fetched, run or changed.

    A URL is looked for by itself, with or without `.git`, `/` or credentials, then by patterns with `*`, of which
    the longest that fits wins.

    A branch is resolved when it is asked for. What the platform does with a branch that has moved since the version
    was made is not known; the commit of that time cannot be known here either, where a URL may stand for another
    repository by then. Evidence: inferred.

    Args:
        repositories: URL or pattern → folder of a repository, bare or with its files.
    """

    def __init__(self, repositories: Mapping[str, Path] | None = None) -> None:
        self._places = {
            plain(url): _Place(without_credentials(url), folder.absolute())
            for url, folder in (repositories or {}).items()
        }

    @classmethod
    def parse(cls, lines: Iterable[str], folders: Sequence[Path] = ()) -> GitSources:
        """Read lines such as `https://github.com/owner/name = ../name`.

        Args:
            lines: URL or pattern, and path of a repository.
            folders: where relative paths start: the first one below which there is something, else the first; the
                current folder by default.

        Raises:
            GitError: when a line is not of that form, nothing could have such a URL, or a path starts in a current
                folder that is gone.
        """
        return cls(dict(url_and_folder(line, folders) for line in filter(str.strip, lines)))

    def check_out(self, version: Sourced, folder: Path) -> str:
        """Write the files that a version's branch has now into a folder, and return which commit they are of.

        They are what is committed, byte for byte, links too; of a submodule there is an empty folder.

        Raises:
            GitError: when no repository stands for the URL, it cannot be read, or has no such branch.
        """
        url, wanted = without_credentials(version.git_url or ""), version.git_branch or ""
        repository = Repository(self._folder_of(version), url)
        branches = repository.branches()
        branch = branches.get(wanted)
        if branch is None:
            message = (
                f"{url} has no branch {wanted!r} in {repository.folder}, {_listed(branches)}; make or fetch the branch "
                "there, or create a version with the git_branch of another"
            )
            raise GitError(message)
        repository.write(branch.commit, folder)
        where = "origin/" if branch.of_origin else ""
        return f"the source is commit {branch.commit} of {where}{wanted} of {url}, read from {repository.folder}"

    def _folder_of(self, version: Sourced) -> Path:
        url = plain(version.git_url or "")
        if url in self._places:
            return self._places[url].folder
        fitting = [pattern for pattern in self._places if fits(url, pattern)]
        if fitting:
            return self._places[max(fitting, key=len)].folder
        known = ", ".join(place.shown for place in self._places.values())
        message = (
            f"{not_fetched(version)}, or say which repository of this machine stands for the URL, with abeja_git in "
            f"the configuration of pytest or --git of abeja-emulator serve{known and f' (said so far: {known})'}"
        )
        raise GitError(message)


def _listed(branches: Iterable[str]) -> str:
    names = sorted(branches)
    if not names:
        return "which has none at all"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"which has {', '.join(names[:_NAMED])}{more}"
