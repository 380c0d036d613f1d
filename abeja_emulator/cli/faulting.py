"""What goes wrong on purpose while a command runs: `--fault`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.exits import DONE, FAILED, USAGE, CommandError
from abeja_emulator.report.recorder import fault_records
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.report.summary import fault_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abeja_emulator.cli.output import Output
    from abeja_emulator.platform import Platform

#: Of one fault; a storm fills no screen.
_CALLS_SHOWN = 10


def add_faults(platform: Platform, lines: Sequence[str]) -> None:
    """Let go wrong what the command line says.

    Raises:
        CommandError: when a line says nothing that can be.
    """
    try:
        for line in lines:
            platform.faults.add_line(line)
    except ValueError as error:
        message = f"--fault: {error}"
        raise CommandError(message, USAGE) from error


def tell_faults(platform: Platform, output: Output) -> int:
    """Say of each fault how often it fired, and return an exit code: failed, when one never did that had to."""
    for record in fault_records(platform, Redaction(platform.secrets())):
        output.remark(fault_line(record))
        for call in record.calls[:_CALLS_SHOWN]:
            output.remark(f"  {call}")
    unfired = platform.faults.unfired()
    for fault in unfired:
        output.remark(f"{fault.never_fired}; if that may be, say it with the word optional: '{fault} optional'")
    return FAILED if unfired else DONE
