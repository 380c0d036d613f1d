"""The command that shows the catalogue of failures: `faults`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.options.shared import add_json
from abeja_emulator.faults.catalogue.scenario import FAMILIES

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands


def add_faults(commands: Commands) -> None:
    """Add `faults`."""
    parser = commands.add(
        "faults",
        "list failures of the platform, and show one with symptom, cause, remedy and test",
        epilog="""\
  abeja-emulator faults list --family network
  abeja-emulator faults show upload-answer-lost
  abeja-emulator faults show upload-answer-lost --write tests/upload
""",
    )
    parser.add_argument("action", choices=["list", "show"], help="what to do")
    parser.add_argument("name", nargs="?", help="name of the failure; not for list")
    parser.add_argument("--family", choices=FAMILIES, help="list only failures of this family")
    parser.add_argument("--write", metavar="DIR", help="write the handler and the test of the failure there, to run")
    add_json(parser, "print them as JSON")
