"""The faults of a test: what its marker and the run say, and what is said of those that never fired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from abeja_emulator.platform import Platform


def begin_faults(platform: Platform, of_run: Iterable[str], of_marker: Iterable[str], *, muted: bool = False) -> None:
    """Let go wrong what run and marker say, and nothing that an earlier test added; nothing at all when `muted`.

    The lines are those of `check_faults` and `marked_faults`.
    """
    platform.faults.clear()
    platform.faults.muted = muted
    for line in of_run:
        platform.faults.add_line(line, optional=True)
    for line in of_marker:
        platform.faults.add_line(line)


def check_faults(platform: Platform, lines: Sequence[str]) -> None:
    """Check the faults of a run.

    Raises:
        UsageError: when a line says nothing that can be.
    """
    try:
        for line in lines:
            platform.faults.check_line(line)
    except ValueError as error:
        message = f"abeja_fault: {error}"
        raise pytest.UsageError(message) from error


def marked_faults(value: Any) -> list[str]:
    """Return the lines of a marker: a text, or several in a list.

    Raises:
        UsageError: when they are something else, or a line says nothing that can be.
    """
    from abeja_emulator.faults.making import fault_of_line  # noqa: PLC0415 - only where a marker has faults
    from abeja_emulator.services.catalogue import all_operations  # noqa: PLC0415 - the same

    __tracebackhide__ = True
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, (list, tuple)) or not all(isinstance(line, str) for line in lines):
        message = (
            f"@pytest.mark.abeja(faults={value!r}): it must be lines such as ['get_dataset status=503 calls=1-2']; "
            "docs/guide/abeja_faults.md has all of the words"
        )
        raise pytest.UsageError(message)
    operations = {each.name: (each.method, each.path) for each in all_operations()} if lines else {}
    try:
        for line in lines:
            fault_of_line(line, operations)
    except ValueError as error:
        # Before anything else that the marker says is obeyed, which nobody would take back.
        message = f"@pytest.mark.abeja(faults=…): {error}"
        raise pytest.UsageError(message) from None
    return list(lines)


def unfired_sentence(platform: Platform) -> str:
    """Return why a test has to fail for its faults: some that never fired; or an empty text."""
    faults = platform.faults.unfired()
    if not faults:
        return ""
    shown = "; ".join(f"{fault}: {fault.never_fired}" for fault in faults)
    return (
        f"{'a fault' if len(faults) == 1 else 'faults'} never fired, so the test has not seen what it is about: "
        f"{shown}. If that may be: optional=True (as a word of a line: optional)"
    )


def run_sentence(lines: Sequence[str], fired: Iterable[str]) -> str:
    """Return why a run has to fail for faults of its own that fired in no test; or an empty text."""
    from abeja_emulator.faults.making import split_line  # noqa: PLC0415 - only in a run with faults of its own

    seen = set(fired)
    never = [line for line in lines if line.strip() not in seen and "optional" not in split_line(line)[1]]
    return f"--abeja-fault: in no test fired {', '.join(map(repr, never))}" if never else ""
