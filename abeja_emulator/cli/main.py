"""The command itself: from a command line to an exit code."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from abeja_emulator.cli import exits
from abeja_emulator.cli.parser import PROGRAM, make_parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_OURS = "abeja_emulator"

#: What a person does is no error.
_SILENT = {KeyboardInterrupt: exits.INTERRUPTED, exits.Terminated: exits.TERMINATED}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; those of the process by default.

    Returns:
        The exit code; `exits` says what each of them means.
    """
    arguments = make_parser().parse_args(argv)
    _mend_streams()
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        # Imported only now: `--help` must cost nothing, and `jobs` no database.
        code: int = import_module(f"abeja_emulator.cli.{arguments.module}").run(arguments)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - what has no code is raised again
        return _code_of(error)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return code


def _code_of(error: BaseException) -> int:
    """Return the exit code of an error, once its sentence is written; one that has none is a defect, and is raised."""
    for kind, code in _SILENT.items():
        if isinstance(error, kind):
            return code
    if isinstance(error, BrokenPipeError):
        # The interpreter would flush it once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.BROKEN_PIPE
    text = str(error)
    if isinstance(error, OSError):
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or text
    elif type(error).__module__.partition(".")[0] != _OURS:
        raise error
    sys.stderr.write(f"{PROGRAM}: {text}\n")
    return error.code if isinstance(error, exits.CommandError) else exits.FAILED


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise exits.Terminated


def _mend_streams() -> None:
    """Let a log with any character in it be shown on a terminal that has not all of them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
