"""Runs of pytest of their own, with the whole run emulated and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=["--abeja-emulate", "fixtures"])
def run(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run pytest in a process of its own, in each of the two ways."""

    def run_pytest(*arguments: str) -> pytest.RunResult:
        options = ["-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
        if request.param != "fixtures":
            options.append(request.param)
        return pytester.runpytest_subprocess(*options)

    return run_pytest
