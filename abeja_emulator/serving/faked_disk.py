"""Whether a test has faked the file system, in which no child can be started."""

from __future__ import annotations

import sys
from typing import Any


def why_no_child() -> str | None:
    """Return why a child would not find what is written for it now, or None: the disk is the real one."""
    module: Any = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    if module is None or module.Patcher.PATCHER is None:
        return None
    return (
        "the test has a file system of its own (abeja_fs, pyfakefs), which a model in a child process cannot see: "
        "start it in a test or a fixture without, or call its handler with abeja_serve"
    )
