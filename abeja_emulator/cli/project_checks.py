"""What the doctor knows of the folder that it is asked in: its `training.yaml`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from abeja_emulator.cli.exits import CommandError
from abeja_emulator.cli.findings import Finding
from abeja_emulator.cli.handler_check import has_module
from abeja_emulator.cli.project import FILE, INSTALL_YAML, NoYamlError, read_project
from abeja_emulator.runtime.handler_names import wrong_with
from abeja_emulator.runtime.handlers import find_root
from abeja_emulator.runtime.images import Calling, calling_of
from abeja_emulator.seeding import SeedError
from abeja_emulator.services.images import DEFAULT_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.cli.project import Project

_WHY = "run and pipeline read it in their source folder"


def check_project(folder: Path) -> Iterator[Finding]:
    """Look at a folder that may be somebody's source folder."""
    file = folder / FILE
    try:
        project = read_project(folder)
    except NoYamlError:
        yield Finding(
            "mind",
            f"{file} is YAML, and pyyaml is not installed",
            f"{_WHY}, and go on without what it says, or not at all when the command line names no handler",
            INSTALL_YAML,
        )
        return
    except (CommandError, SeedError, OSError) as error:
        # A parser tells where, over several lines.
        what = " ".join(str(error).split())
        yield Finding("breaks", what, f"{_WHY}, and end with this", f"put {file} right")
        return
    yield from _check_handler(folder, project)


def _check_handler(folder: Path, project: Project) -> Iterator[Finding]:
    if project.handler is None:
        return
    script = calling_of(project.image or DEFAULT_IMAGE) is Calling.SCRIPT
    wrong = wrong_with(project.handler, find_root(folder), script=script)
    if wrong is None or (wrong.module is not None and has_module(sys.executable, wrong.module)):
        return
    yield Finding(
        "breaks",
        f"{folder / FILE}: {wrong.what}",
        "run takes this handler when the command line names none",
        "write another one there, or name it: abeja-emulator run module:function",
    )
