"""The environment is the one that was asked for: a cell of the matrix that tests another proves nothing."""

from __future__ import annotations

import os
from importlib import metadata

import pytest


def test_the_sdk_is_the_one_of_this_cell() -> None:
    """An installer that falls back to an older SDK, as pip does from Python 3.12 on, does not go unseen."""
    wanted = os.environ.get("ABEJA_TEST_SDK")
    installed = metadata.version("abeja-sdk")
    if wanted is None:
        assert tuple(map(int, installed.split(".")[:2])) >= (2, 3)
    else:
        assert installed == wanted


def test_urllib3_is_the_one_of_this_cell() -> None:
    """The two major versions are different clients."""
    wanted = os.environ.get("ABEJA_TEST_URLLIB3")
    if wanted is None:
        pytest.skip("outside the matrix any urllib3 will do")
    assert metadata.version("urllib3").partition(".")[0] == wanted
