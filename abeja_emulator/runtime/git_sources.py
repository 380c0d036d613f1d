"""Sources of versions that come from git: read from repositories of this machine in the place of URLs."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from abeja_emulator.archives import PIECE
from abeja_emulator.services.training.sources import no_source, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from abeja_emulator.services.training.records import JobDefinitionVersion

#: Where a branch is looked for: what was made here wins over what a clone has of its origin.
_PLACES = ("refs/heads/", "refs/remotes/origin/")

#: Branches that a message names.
_NAMED = 10

#: Kinds of entries of a tree (git-fast-import, M).
_EXECUTABLE, _LINK, _SUBMODULE = b"100755", b"120000", b"160000"

#: Nothing is fetched (a partial clone would fetch what it lacks), asked, or read of a person's own configuration.
_QUIET = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "LC_ALL": "C",
}


class GitError(ValueError):
    """The source of a version from git cannot be had, or what says where repositories are cannot be read."""


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
        self._repositories = {_plain(url): folder.absolute() for url, folder in (repositories or {}).items()}

    @classmethod
    def parse(cls, lines: Iterable[str], folders: Sequence[Path] = ()) -> GitSources:
        """Read lines such as `https://github.com/owner/name = ../name`.

        Args:
            lines: URL or pattern, and path of a repository.
            folders: where relative paths start: the first one below which there is something, else the first; the
                current folder by default.

        Raises:
            GitError: when a line is not of that form, or nothing could have such a URL.
        """
        repositories: dict[str, Path] = {}
        for line in filter(str.strip, lines):
            url, _, text = (part.strip() for part in line.partition("="))
            if not text or not (url.startswith("https://") or "*" in url):
                message = (
                    f"{without_credentials(line.strip())!r} is not URL = PATH, such as "
                    "'https://github.com/owner/name = ../name' or 'https://github.com/owner/name* = ../name'"
                )
                raise GitError(message)
            repositories[url] = _located(text, folders or [Path.cwd()])
        return cls(repositories)

    def check_out(self, version: JobDefinitionVersion, folder: Path) -> str:
        """Write the files that a version's branch has now into a folder, and return which commit they are of.

        They are what is committed, byte for byte, links too; of a submodule there is an empty folder.

        Raises:
            GitError: when no repository stands for the URL, it cannot be read, or has no such branch.
        """
        url, branch = without_credentials(version.git_url or ""), version.git_branch or ""
        repository = _Repository(self._folder_of(version), url)
        branches = repository.branches()
        reference = next((place + branch for place in _PLACES if place + branch in branches), None)
        if reference is None:
            message = (
                f"{url} has no branch {branch!r} in {repository.folder}, {_listed(branches)}; make or fetch the branch "
                "there, or create a version with the git_branch of another"
            )
            raise GitError(message)
        commit = branches[reference]
        repository.write(commit, folder)
        where = "" if reference.startswith(_PLACES[0]) else "origin/"
        return f"the source is commit {commit} of {where}{branch} of {url}, read from {repository.folder}"

    def _folder_of(self, version: JobDefinitionVersion) -> Path:
        url = _plain(version.git_url or "")
        if url in self._repositories:
            return self._repositories[url]
        fitting = [pattern for pattern in self._repositories if fnmatchcase(url, pattern)]
        if fitting:
            return self._repositories[max(fitting, key=len)]
        known = ", ".join(self._repositories)
        message = (
            f"{no_source(version)}, or say which repository of this machine stands for the URL, with abeja_git in the "
            f"configuration of pytest or --git of abeja-emulator serve{known and f' (said so far: {known})'}"
        )
        raise GitError(message)


class _Entry(NamedTuple):
    """A file, link or submodule of a commit."""

    mode: bytes
    digest: bytes
    path: str


class _Pipes(NamedTuple):
    """Where a process is asked, and where it answers."""

    questions: IO[bytes]
    answers: IO[bytes]


class _Repository:
    """Reads one repository with commands that look at neither index, hooks, attributes nor filters."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._url = url
        if not folder.is_dir():
            message = f"{folder} stands for {url}, and there is no such folder; name one that has a clone of it"
            raise GitError(message)
        # Named outright, git looks for none in the folders above.
        inner = folder / ".git"
        self._command = ["git", f"--git-dir={inner if inner.exists() else folder}"]

    def branches(self) -> dict[str, str]:
        """Return reference → commit."""
        said = self._ask("for-each-ref", "--format=%(objectname) %(refname)", *_PLACES)
        lines = (line.partition(" ") for line in os.fsdecode(said).splitlines())
        return {reference: commit for commit, _, reference in lines}

    def write(self, commit: str, folder: Path) -> None:
        """Write the files of a commit into a folder."""
        entries = list(self._entries(commit))
        links: list[tuple[Path, bytes]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._contents() as pipes:
                for entry in entries:
                    path = folder / entry.path
                    if entry.mode == _SUBMODULE:
                        path.mkdir(parents=True, exist_ok=True)
                        continue
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pieces = self._content(pipes, entry)
                    if entry.mode == _LINK:
                        links.append((path, b"".join(pieces)))
                        continue
                    with path.open("wb") as file:
                        file.writelines(pieces)
                    path.chmod(0o755 if entry.mode == _EXECUTABLE else 0o644)
            # Last, so that nothing is written through one.
            for path, target in links:
                path.symlink_to(os.fsdecode(target))
        except OSError as error:
            message = f"commit {commit} of {self._url} cannot be written to {folder}: {error}"
            raise GitError(message) from error

    def _entries(self, commit: str) -> Iterator[_Entry]:
        for line in filter(None, self._ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")):
            fields, _, name = line.partition(b"\t")
            mode, _, digest = fields.split()
            path = os.fsdecode(name)
            # Git itself makes no such name, but a repository can have one.
            if any(part.lower() in {"", ".", "..", ".git"} for part in path.split("/")):
                message = f"commit {commit} of {self._url} has a file {path!r}, which no folder can have; take it away"
                raise GitError(message)
            yield _Entry(mode, digest, path)

    @contextmanager
    def _contents(self) -> Iterator[_Pipes]:
        """Start what answers with the content of one file after the other."""
        with _starting(self.folder):
            process = subprocess.Popen(  # noqa: S603 - no shell, and no argument that came from outside
                [*self._command, "cat-file", "--batch"],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        assert process.stdout is not None  # noqa: S101 - the same
        try:
            yield _Pipes(process.stdin, process.stdout)
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
            process.wait()

    def _content(self, pipes: _Pipes, entry: _Entry) -> Iterator[bytes]:
        """Yield the content of a file in pieces; all of them have to be taken."""
        head: list[bytes] = []
        with suppress(BrokenPipeError):
            pipes.questions.write(entry.digest + b"\n")
            pipes.questions.flush()
            head = pipes.answers.readline().split()
        # Digest, kind and size; of content that is not there, digest and `missing`, or nothing at all.
        left = int(head[2]) if len(head) == 3 else -1  # noqa: PLR2004 - see above
        while left > 0:
            piece = pipes.answers.read(min(left, PIECE))
            left = left - len(piece) if piece else -1
            yield piece
        if left < 0:
            message = (
                f"{self.folder} lacks the content of {entry.path!r} of {self._url}: it was cloned in part (git clone "
                "--filter), and nothing is fetched here, or is damaged; clone it whole"
            )
            raise GitError(message)
        pipes.answers.read(1)

    def _ask(self, *arguments: str) -> bytes:
        """Return what a command of git prints."""
        with _starting(self.folder):
            done = subprocess.run(  # noqa: S603 - no shell, and no argument that came from outside
                [*self._command, *arguments],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                check=False,
            )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            message = (
                f"{self.folder} stands for {self._url}, and git cannot read it ({said[-1]}); name a clone, bare or "
                "with its files"
            )
            raise GitError(message)
        return done.stdout


@contextmanager
def _starting(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"git is needed to read {folder} and cannot be started ({error.strerror or error}); install it"
        raise GitError(message) from error


def _environment() -> dict[str, str]:
    """Return the environment of git, without what a hook of another repository may have set."""
    kept = {name: value for name, value in os.environ.items() if name == "GIT_EXEC_PATH" or name[:4] != "GIT_"}
    return {**kept, **_QUIET}


def _plain(url: str) -> str:
    """Return a URL or a pattern in the form in which it is compared."""
    shown = without_credentials(url)
    scheme, slashes, rest = shown.partition("//") if "//" in shown else ("", "", shown)
    host, slash, path = rest.rstrip("/").removesuffix(".git").partition("/")
    return f"{scheme}{slashes}{host.lower()}{slash}{path}"


def _located(text: str, folders: Sequence[Path]) -> Path:
    try:
        path = Path(text).expanduser()
        return next((folder / path for folder in folders if (folder / path).exists()), folders[0] / path)
    except (OSError, RuntimeError) as error:  # a name that is too long; a user that is not there
        message = f"{text!r} cannot be a path: {error}"
        raise GitError(message) from error


def _listed(branches: Iterable[str]) -> str:
    names = {name.removeprefix(_PLACES[0]).removeprefix("refs/remotes/") for name in branches}
    names.discard("origin/HEAD")
    if not names:
        return "which has none at all"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"which has {', '.join(sorted(names)[:_NAMED])}{more}"
