"""URLs of repositories, patterns of them, and the lines that say which repository of this machine stands for one."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.services.from_git import without_credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How the URL of every version from git begins (`services.training.sources.check_git`).
_BEGINNING = "https://"

#: The user and password of a URL that is well-formed.
_USER = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/]*@", re.IGNORECASE)

#: The same of each URL in a text.
_USERS = re.compile(r"([a-z][a-z0-9+.-]*://)\S*@", re.IGNORECASE)

#: The port that a URL means when it has none.
_PORT = ":443"


def plain(url: str) -> str:
    """Return a URL or a pattern in the form in which it is compared.

    That is without credentials, query, usual port, and `.git` and `/` at its end, and with scheme and host in small
    letters; those of a path are as they are, as not every host takes one for the other. Evidence: inferred.
    """
    shown = _USER.sub(r"\1", url)
    if shown == url:
        # A password with a slash.
        shown = without_credentials(url)
    shown = shown.partition("?")[0]
    scheme, slashes, rest = shown.partition("//") if "//" in shown else ("", "", shown)
    host, slash, path = rest.rstrip("/").removesuffix(".git").partition("/")
    # What follows a * may be of the path.
    host = host if "*" in host else host.lower().removesuffix(_PORT)
    return f"{scheme.lower()}{slashes}{host}{slash}{path}"


def fits(url: str, pattern: str) -> bool:
    """Tell whether a pattern with `*` fits a URL; both are plain.

    What follows a `*` may be of the host, where large letters stand for small ones, or of the path.
    """
    scheme, slashes, rest = pattern.partition("//") if "//" in pattern else ("", "", pattern)
    host, slash, path = rest.partition("/")
    return fnmatchcase(url, pattern) or fnmatchcase(url, f"{scheme}{slashes}{host.lower()}{slash}{path}")


def url_and_folder(line: str, folders: Sequence[Path]) -> tuple[str, Path]:
    """Read a line such as `https://github.com/owner/name = ../name`.

    Args:
        line: URL or pattern, and path of a repository.
        folders: where a relative path starts, see `GitSources.parse`.

    Raises:
        GitError: when it is not of that form, no version could have such a URL, or there can be no such path.
    """
    # Not one of the credentials, which may have a = themselves.
    before, equals, text = _USER.sub(r"\1", line.strip()).partition("=")
    url = line.strip().removesuffix(equals + text).strip()
    if not text.strip() or "?" in before or not _can_be(plain(url)):
        message = (
            f"{without_credentials(line.strip())!r} is not URL = PATH, such as "
            "'https://github.com/owner/name = ../name' or 'https://github.com/owner/name* = ../name'; the URL of a "
            f"version from git begins with {_BEGINNING}"
        )
        raise GitError(message)
    return url, _located(text.strip(), folders)


def hidden(text: str) -> str:
    """Return a text with its URLs as they can be shown, such as what git says."""
    return _USERS.sub(r"\1", text)


def _can_be(url: str) -> bool:
    """Tell whether a version could have such a URL, or one that such a pattern fits."""
    head, star, _ = url.partition("*")
    if star and _BEGINNING.startswith(head):
        return True
    return head.startswith(_BEGINNING) and (bool(star) or "/" in head.removeprefix(_BEGINNING))


def _located(text: str, folders: Sequence[Path]) -> Path:
    try:
        path = Path(text).expanduser()
        if path.is_absolute():
            return path
        places = folders or [Path.cwd()]
        return next((folder / path for folder in places if (folder / path).exists()), places[0] / path)
    except FileNotFoundError as error:
        message = f"{text!r} is a path from the current folder, which is not there any more; write the path in full"
        raise GitError(message) from error
    except (OSError, RuntimeError) as error:  # a name that is too long; a user that is not there
        message = f"{text!r} cannot be a path: {error}"
        raise GitError(message) from error
