"""The parser of the command, and of each command in it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from abeja_emulator.cli.exits import EPILOG

if TYPE_CHECKING:
    from argparse import _SubParsersAction


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """End with a sentence, without the usage in front of it."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


class Commands:
    """Adds commands to a parser.

    Args:
        parser: of the whole.
    """

    def __init__(self, parser: Parser) -> None:
        self._added: _SubParsersAction[Parser] = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(self, name: str, help_: str, *, epilog: str = "", module: str | None = None) -> Parser:
        """Add a command and return its parser.

        Args:
            name: of the command.
            help_: one sentence, without a capital and a full stop.
            epilog: what its help says below the options, before the exit codes.
            module: performs it, below `abeja_emulator.cli`; by default the one of its name.
        """
        made = self._added.add_parser(
            name,
            help=help_,
            description=help_[0].upper() + help_[1:] + ".",
            epilog="\n".join(filter(None, [epilog, EPILOG])),
        )
        made.set_defaults(module=module or name)
        return made
