"""A Platform that the SDK reaches, and what makes runs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checked_platform import CheckedPlatform
from tests.serving.run_samples import Maker, reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.platform import Platform


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A Platform that the SDK reaches."""
    with CheckedPlatform() as platform, reached(platform):
        yield platform


@pytest.fixture
def maker(platform: Platform) -> Maker:
    """Makes runs."""
    return Maker(platform)
