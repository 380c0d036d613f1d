"""What goes wrong with what a person wants on a platform."""

from __future__ import annotations

from abeja_emulator.errors import PlatformError

#: What reading, uploading or keeping one item raises when something is wrong with it.
WRONG = (ArithmeticError, OSError, PlatformError, RecursionError, TypeError, ValueError)


class SeedError(ValueError):
    """What was to be put on the platform cannot be read as it is."""


def said_by(error: BaseException) -> str:
    """Return what an error says, in words for a person."""
    if isinstance(error, PlatformError):
        return error.description
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}: {str(error.filename)!r}"
    if isinstance(error, UnicodeError):
        return f"it is not UTF-8 throughout ({error.reason})" if hasattr(error, "reason") else str(error)
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)
