"""Reads repositories of this machine with git: their branches, and the files of a commit."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from abeja_emulator.archives import PIECE
from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.runtime.git_urls import hidden

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Where branches are: those that were made here, and those that a clone has of its origin.
_HERE, _ORIGIN = _PLACES = ("refs/heads/", "refs/remotes/origin/")

#: Which branch a clone's origin has as its own: another name of it, and no branch.
_ORIGIN_HEAD = "refs/remotes/origin/HEAD"

#: Kinds of entries of a tree (git-fast-import, M).
_EXECUTABLE, _LINK, _SUBMODULE = b"100755", b"120000", b"160000"

#: Where git runs: the current folder may be gone, and a repository's own may be closed to us.
_ROOT = os.sep

#: Nothing is fetched (a partial clone would fetch what it lacks), asked, or read of a person's own configuration; no
#: object stands for another (git-replace), which no clone has; and it does not matter where a repository has its files.
_QUIET = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_WORK_TREE": _ROOT,
    "LC_ALL": "C",
}


class Branch(NamedTuple):
    """Where a branch is, and whether only a clone's origin has it."""

    commit: str
    of_origin: bool


class _Entry(NamedTuple):
    """A file, link or submodule of a commit."""

    mode: bytes
    digest: bytes
    path: str


class _Pipes(NamedTuple):
    """Where a process is asked, and where it answers."""

    questions: IO[bytes]
    answers: IO[bytes]


class Repository:
    """Reads one repository with commands that look at neither index, hooks, attributes nor filters.

    Args:
        folder: with its files, bare, or a working tree of another (git-worktree).
        url: what it stands for, as it can be shown.

    Attributes:
        folder: as text that every log can hold.

    Raises:
        GitError: when there is no such folder, or it cannot be looked into.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = os.fsencode(folder).decode(errors="backslashreplace")
        self._url = url
        inner = folder / ".git"
        try:
            there, within = folder.is_dir(), inner.exists()
        except OSError as error:  # a folder that is closed to us, or a name that is too long
            message = f"{self.folder} stands for {url}, and cannot be looked into ({error.strerror}); name one that can"
            raise GitError(message) from error
        if not there:
            message = f"{self.folder} stands for {url}, and there is no such folder; name one that has a clone of it"
            raise GitError(message)
        # Named outright, git looks for none in the folders above, and does not ask whose it is (safe.directory).
        self._command = ["git", f"--git-dir={inner if within else folder}"]

    def branches(self) -> dict[str, Branch]:
        """Return name → branch; what was made here wins over what a clone has of its origin."""
        found: dict[str, Branch] = {}
        for line in self._ask("for-each-ref", "--format=%(objectname) %(refname)", *_PLACES).splitlines():
            # Names are UTF-8 whatever the language of this machine is; others can be shown, and not asked for.
            commit, _, reference = line.decode(errors="backslashreplace").partition(" ")
            if reference.startswith(_HERE):
                found[reference.removeprefix(_HERE)] = Branch(commit, of_origin=False)
            elif reference != _ORIGIN_HEAD:
                found.setdefault(reference.removeprefix(_ORIGIN), Branch(commit, of_origin=True))
        return found

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
                cwd=_ROOT,
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
                cwd=_ROOT,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                check=False,
            )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
            message = (
                f"{self.folder} stands for {self._url}, and git cannot read it ({hidden(said[-1])}); name a whole "
                "clone, bare or with its files"
            )
            raise GitError(message)
        return done.stdout


@contextmanager
def _starting(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"git is needed to read {folder} and cannot be started ({error.strerror or error}); install it"
        raise GitError(message) from error


def _environment() -> dict[str, str]:
    """Return the environment of git, without what a hook of another repository may have set."""
    kept = {name: value for name, value in os.environ.items() if name == "GIT_EXEC_PATH" or name[:4] != "GIT_"}
    return {**kept, **_QUIET}
