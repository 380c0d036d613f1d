"""How jobs are run, as the options of `serve` and `run` say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.execution import Execution

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def options_of(arguments: argparse.Namespace, by_image: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options of an `Executor`.

    Args:
        arguments: of the command line.
        by_image: image or pattern → interpreter.

    Raises:
        InterpreterError: when an interpreter is not there, or is no Python that jobs can run in.
        RequirementsError: when requirements are to be installed, and nothing can do that.
    """
    images = tuple(f"{image} = {python}" for image, python in (by_image or {}).items())
    return Execution(arguments.python, images, arguments.install_requirements, arguments.limits).options()
