"""Whether an interpreter can serve models, asked before a training that may take hours."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import CommandError
from abeja_emulator.runtime.images import ModelCalling

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUESTION = "import importlib.util, sys; sys.exit(importlib.util.find_spec('abejaruntime36') is None)"

#: Seconds; an interpreter that takes longer is asked by its service.
_PATIENCE = 60


def check_runtime(options: Mapping[str, Any], image: str) -> None:
    """Check that the published runtime is there, where the image needs it and nobody will install it.

    Args:
        options: of an `Executor`.
        image: of the model.

    Raises:
        CommandError: when it is not; the text says what to do.
        InterpreterError: when there is no interpreter.
    """
    interpreters = options["interpreters"]
    calling = ModelCalling.of(interpreters.calling_of(image))
    if options["environments"] is not None or calling is not ModelCalling.RUNTIME:
        return
    python = interpreters.for_image(image)
    try:
        asked = subprocess.run([python, "-c", _QUESTION], capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603 - what the user named
    except subprocess.TimeoutExpired:
        return
    if asked.returncode == 1:
        message = (
            f"abejaruntime, which calls model handlers, is not installed in {python}, so that nothing could be served "
            f"when the training is over; install it: {python} -m pip install abejaruntime, or let it be: "
            "--install-requirements"
        )
        raise CommandError(message)
