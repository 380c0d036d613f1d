"""How jobs are run, as options and configuration say it: from lines of text to what an `Executor` takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from abeja_emulator.runtime.git_sources import GitSources
from abeja_emulator.runtime.interpreters import InterpreterError, Interpreters
from abeja_emulator.runtime.limits import InstanceTypes
from abeja_emulator.runtime.requirements import Environments

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What every image of the platform carries, and requirements therefore need not name.
PREINSTALLED = ("abeja-sdk",)


class Execution(NamedTuple):
    """How jobs are run.

    Attributes:
        python: interpreter of images that no line of `images` names; the current one by default.
        images: lines such as `abeja-inc/*:18.10 = python3.6` or `custom/*:1.0 = python3.8, object`: a name or
            pattern, its interpreter (or nothing), and how it calls a handler where its name does not tell.
        install_requirements: whether each job gets an environment with its requirements.
        limits: whether jobs are held to what their instance type may use.
        instance_types: lines such as `cpu-1 = 2GB, 1 cpu`, for types that are not as their name says.
        random_seed: seed of every job's random numbers; None leaves them to chance.
        git: lines such as `https://github.com/owner/name = ../name`: the URL of versions from git, or a pattern, and
            the repository of this machine that stands for it.
        folders: where relative paths of `git` start, see `GitSources.parse`.
    """

    python: str | None = None
    images: tuple[str, ...] = ()
    install_requirements: bool = False
    limits: bool = False
    instance_types: tuple[str, ...] = ()
    random_seed: int | None = None
    git: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    def options(self) -> dict[str, Any]:
        """Return the options of an `Executor`.

        Raises:
            GitError: when a line of `git` cannot be read.
            InterpreterError: when a line of `images` cannot be read, or an interpreter is not there.
            LimitError: when a line of `instance_types` cannot be read.
            RequirementsError: when requirements are to be installed, and nothing can do that.
        """
        by_image, callings = _images(self.images)
        interpreters = Interpreters(self.python or sys.executable, by_image, callings)
        if self.python is not None or by_image:
            # Said now, and not by the first job.
            for image in ("", *by_image):
                interpreters.for_image(image)
        types = InstanceTypes.parse(self.instance_types)
        return {
            "interpreters": interpreters,
            "environments": Environments(cache_folder() / "environments") if self.install_requirements else None,
            "preinstalled": PREINSTALLED,
            "instance_types": types if self.limits else None,
            "random_seed": self.random_seed,
            "git": GitSources.parse(self.git, self.folders),
        }


def cache_folder() -> Path:
    """Return where things are kept from one run to the next: below `XDG_CACHE_HOME`, or `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "abeja-emulator"


def _images(lines: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return image → interpreter and image → calling."""
    by_image: dict[str, str] = {}
    callings: dict[str, str] = {}
    for line in filter(str.strip, lines):
        image, equals, said = (part.strip() for part in line.partition("="))
        python, comma, calling = (part.strip() for part in said.partition(","))
        if not (image and equals and (python or calling)) or (comma and not calling):
            message = (
                f"{line!r} is not IMAGE = PYTHON or IMAGE = PYTHON, CALLING, such as "
                "'abeja-inc/*:18.10 = python3.6' or 'custom/*:1.0 = python3.8, object'"
            )
            raise InterpreterError(message)
        if python:
            by_image[image] = python
        if calling:
            callings[image] = calling
    return by_image, callings
