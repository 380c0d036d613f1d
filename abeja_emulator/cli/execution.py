"""How jobs are run, as the options of `serve` and `run` say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import USAGE, CommandError
from abeja_emulator.runtime.execution import Execution
from abeja_emulator.runtime.git_sources import GitError
from abeja_emulator.runtime.limits import LimitError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def options_of(arguments: argparse.Namespace, by_image: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options of an `Executor`.

    Args:
        arguments: of the command line; only `serve` has `--git`.
        by_image: image or pattern → interpreter.

    Raises:
        CommandError: when a limit of an instance type, or where a repository is, cannot be read.
        InterpreterError: when an interpreter is not there, or is no Python that jobs can run in.
        RequirementsError: when requirements are to be installed, and nothing can do that.
    """
    images = tuple(f"{image} = {python}" for image, python in (by_image or {}).items())
    execution = Execution(
        python=arguments.python,
        images=images,
        install_requirements=arguments.install_requirements,
        limits=arguments.limits or bool(arguments.instance_limit),
        instance_types=tuple(f"{name} = {limits}" for name, limits in arguments.instance_limit),
        random_seed=arguments.random_seed,
        git=tuple(f"{url} = {path}" for url, path in getattr(arguments, "git", ())),
    )
    try:
        return execution.options()
    except LimitError as error:
        message = f"--instance-limit: {error}"
        raise CommandError(message, USAGE) from error
    except GitError as error:
        message = f"--git: {error}"
        raise CommandError(message, USAGE) from error
