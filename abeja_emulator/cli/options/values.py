"""Values of options: what they are read as, and the sentence for one that cannot be."""

from __future__ import annotations

import argparse
import re

_HIGHEST_PORT = 65535

#: What may be a name, what ends it, and what is behind that.
_NAMED = re.compile(r"([\w.-]*[^\w.-]).+", re.DOTALL)


def port(text: str) -> int:
    """Read a port."""
    if not (text.isascii() and text.isdigit()) or int(text) > _HIGHEST_PORT:
        message = f"{text!r} is no port; it is a number from 0 to {_HIGHEST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def positive(text: str) -> int:
    """Read a number of 1 or more."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        message = f"{text!r} is no number of 1 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def seconds(text: str) -> float:
    """Read a time in seconds, over 0."""
    from abeja_emulator.serving.messages import timeout_of  # noqa: PLC0415 - imports nothing unless it is given

    try:
        return timeout_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seed_number(text: str) -> int:
    """Read a seed of random numbers."""
    from abeja_emulator.runtime.randomness import seed_of  # noqa: PLC0415 - imports nothing unless it is given

    try:
        return seed_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def pair(text: str) -> tuple[str, str]:
    """Read a name and what is behind its `=`."""
    return _pair(text, text)


def variable(text: str) -> tuple[str, str]:
    """Read a variable; what may be its value is in no error."""
    return _pair(text, _NAMED.sub(r"\1…", text, count=1))


def repository(text: str) -> tuple[str, str]:
    """Read the URL of a repository and the path behind its `=`; credentials in the URL are in no error."""
    from abeja_emulator.services.from_git import without_credentials  # noqa: PLC0415 - `--help` needs no msgspec

    return _pair(text, without_credentials(text))


def _pair(text: str, shown: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        message = f"{shown!r} has no = with a name before it"
        raise argparse.ArgumentTypeError(message)
    return name.strip(), value
