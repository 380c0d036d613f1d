"""Whether a test has faked the file system, in which no child can be started."""

from __future__ import annotations

import sys
from typing import Any


def why_no_child(what: str, otherwise: str) -> str | None:
    """Return why a child would not find what is written for it now, or None: the disk is the real one.

    Args:
        what: that would be in the child, such as `a job`.
        otherwise: what to do instead.
    """
    module: Any = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    if module is None or module.Patcher.PATCHER is None:
        return None
    return (
        f"the test has a file system of its own (abeja_fs, pyfakefs), which {what} in a child process cannot see: "
        f"{otherwise}"
    )
