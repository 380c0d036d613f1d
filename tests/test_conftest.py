"""Which plugins the runs of pytest have that tests start."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

OURS = f"abeja-emulator-{version('abeja-emulator')}"


def plugins(pytester: pytest.Pytester, *options: str) -> set[str]:
    """Start a run, and return the plugins that it names."""
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    (names,) = re.findall(r"^plugins: (.+)$", result.stdout.str(), re.MULTILINE)
    return set(names.split(", "))


def test_ours_and_those_that_are_named(pytester: pytest.Pytester) -> None:
    """None of another package comes by itself."""
    assert plugins(pytester) == {OURS}
    assert plugins(pytester, "-p", "xdist") == {OURS, f"xdist-{version('pytest-xdist')}"}


@pytest.mark.usefixtures("every_plugin")
def test_all_that_are_installed(pytester: pytest.Pytester) -> None:
    """As a user has them."""
    found = plugins(pytester)
    wanted = ("asyncio", "cov", "randomly", "timeout", "xdist")
    assert {OURS, *(f"{name}-{version(f'pytest-{name}')}" for name in wanted)} <= found
