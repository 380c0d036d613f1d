"""Commands that change what is on a server: `seed` and `snapshot`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.options.shared import SOURCES, add_json, add_url

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands


def add_seed(commands: Commands) -> None:
    """Add `seed`."""
    parser = commands.add(
        "seed", "put datasets, or all of a seed file, on a running server or in a data directory", epilog=SOURCES
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="see below")
    parser.add_argument("--name", help="name of the dataset; by default that of the source")
    parser.add_argument("--type", help="classification, detection, segmentation or custom; by default it is guessed")
    parser.add_argument("--data", metavar="DIR", help="a data directory that no server has open, in place of a server")
    add_url(parser)
    add_json(parser, "print what was made as JSON")


def add_snapshot(commands: Commands) -> None:
    """Add `snapshot`."""
    parser = commands.add("snapshot", "save, load, list and delete named states of a running server")
    parser.add_argument("action", choices=["save", "load", "list", "delete"], help="what to do")
    parser.add_argument("name", nargs="?", help="name of the snapshot; not for list")
    add_url(parser)
    add_json(parser, "print the outcome as JSON")
