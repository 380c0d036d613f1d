"""The public names, and what importing the package costs."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import abeja_emulator


def test_public_names() -> None:
    """Each of them is there, is listed, and is the one of its home."""
    assert dir(abeja_emulator) == sorted(abeja_emulator.__all__)
    for name in abeja_emulator.__all__:
        assert getattr(abeja_emulator, name) is not None
    assert abeja_emulator.Platform.__module__ == "abeja_emulator.platform"
    assert abeja_emulator.Clock.__module__ == "abeja_emulator.clock"
    assert abeja_emulator.PlatformError.__module__ == "abeja_emulator.errors"
    assert abeja_emulator.__version__ == importlib.metadata.version("abeja-emulator")


def test_a_name_that_is_not_there() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="module 'abeja_emulator' has no attribute 'Nothing'"):
        abeja_emulator.Nothing  # noqa: B018 - looking is the point


def test_importing_the_package_imports_nothing_of_it() -> None:
    """Names are imported when they are first used."""
    script = (
        "import sys, abeja_emulator\n"
        "print([name for name in sys.modules if name.startswith(('abeja_emulator.', 'msgspec', 'sqlite3'))])"
    )
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "[]"
