"""Repositories to read, made by git itself, whatever the person who runs the tests has set up."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://github.com/owner/name"

TRAIN = "import helper\n\ndef handler(context):\n    print('committed', helper.WORD)\n"


def git(folder: Path, *arguments: str, put: bytes | None = None) -> str:
    """Run git in a repository, and return what it says.

    Without what a hook may have set, or it would write to the repository whose hook runs the tests, and without the
    configuration of a person.

    Args:
        folder: where.
        arguments: of git.
        put: what it reads.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(folder), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, env=environment, input=put)
    assert done.returncode == 0, (command, done.stderr)
    return os.fsdecode(done.stdout).strip()


def commit(folder: Path, **files: str) -> str:
    """Commit files of a repository by the names of Python modules, and return the commit."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "more")
    return git(folder, "rev-parse", "HEAD")


def new_repository(folder: Path, *options: str) -> Path:
    """Make a repository whose branch master has a handler, and return its folder."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "master", *options)
    commit(folder, train=TRAIN, helper="WORD = 1\n")
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Return path → content of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
