"""What a forked child says."""

from __future__ import annotations

import os
import sys
from typing import Callable

import pytest


def forks(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that forks. Python 3.12 warns about forks of processes with threads, which xdist's workers have."""
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")(test)
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")(test)
    return test


def in_child(work: Callable[[], str]) -> str:
    """Return what a function returns in a forked child; what it raises is returned as `Type: message`."""
    assert sys.platform != "win32"
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent wants it
            said = f"{type(error).__name__}: {error}"
        os.write(theirs, said.encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said
