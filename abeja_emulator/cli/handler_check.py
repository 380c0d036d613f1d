"""Whether a handler is there, asked before anything is made or trained."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.runtime.handler_names import wrong_with
from abeja_emulator.runtime.handlers import find_root
from abeja_emulator.runtime.images import Calling

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_QUESTION = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"

#: Seconds; of an interpreter that takes longer nothing is known.
_PATIENCE = 60


def check_handler(name: str, folder: Path, options: Mapping[str, Any], image: str, *, is_model: bool = False) -> None:
    """Check that a handler is there, as far as that can be told without importing it.

    The platform takes any name and fails the job. Here it is said at once, so that nothing is trained and kept in
    vain. A module that is not in the source folder may be of the interpreter, or of requirements that are installed
    later.

    Args:
        name: what the command line or `training.yaml` says.
        folder: the source folder.
        options: of an `Executor`.
        image: of the job or the model.
        is_model: whether it is a model's; those are never programs.

    Raises:
        CommandError: when it is not; the text says what to write.
        InterpreterError: when there is no interpreter.
    """
    interpreters = options["interpreters"]
    script = not is_model and interpreters.calling_of(image) is Calling.SCRIPT
    wrong = wrong_with(name, find_root(folder), script=script)
    if wrong is None:
        return
    if wrong.module is not None and (
        options["environments"] is not None or has_module(str(interpreters.for_image(image)), wrong.module)
    ):
        return
    raise CommandError(wrong.what, USAGE)


def has_module(python: str, module: str) -> bool:
    """Return whether an interpreter finds a top-level module by itself, or does not say."""
    try:
        # Not where we are: what is there was looked at.
        asked = subprocess.run(  # noqa: S603 - what the user named
            [python, "-c", _QUESTION, module], cwd=os.sep, capture_output=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return asked.returncode == 0
