"""What may stand on the command line, all of it; imports nothing of what it starts."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import EPILOG
from abeja_emulator.cli.options.commands import Commands, Parser
from abeja_emulator.cli.options.failures import add_faults
from abeja_emulator.cli.options.project import add_completion, add_doctor, add_init, add_openapi
from abeja_emulator.cli.options.serving import add_model, add_serve
from abeja_emulator.cli.options.state import add_seed, add_snapshot
from abeja_emulator.cli.options.training import add_pipeline, add_run
from abeja_emulator.cli.options.work import add_jobs, add_logs, add_runs, add_services

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "abeja-emulator"

#: In the order in which the help has them.
_COMMANDS = (
    add_serve,
    add_run,
    add_pipeline,
    add_model,
    add_seed,
    add_snapshot,
    add_jobs,
    add_services,
    add_runs,
    add_logs,
    add_faults,
    add_doctor,
    add_init,
    add_openapi,
    add_completion,
)


def make_parser() -> Parser:
    """Return the parser of the whole command; `module` of what it returns says who performs it."""
    parser = Parser(
        prog=PROGRAM,
        description="The ABEJA Platform on this machine: train, serve, seed, look.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action=_Version, help="show the version and end")
    commands = Commands(parser)
    for add in _COMMANDS:
        add(commands)
    return parser


class _Version(argparse.Action):
    """`--version`, which asks for the version only when it is wanted."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it and end."""
        from importlib.metadata import version  # noqa: PLC0415 - costs more than the rest of the parser

        sys.stdout.write(f"{PROGRAM} {version(PROGRAM)}\n")
        parser.exit(0)
