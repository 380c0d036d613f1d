"""What the programs that write pages of `docs` have in common."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from abeja_emulator.wire.operations import Access, Base

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.wire.operations import Operation


def where(operation: Operation) -> str:
    """Return method, host and path of an operation: `POST <organization>./deployments/{deployment_id}`."""
    host = "<organization>." if operation.base is Base.ORGANIZATION else ""
    return f"{operation.method} {host}{operation.path}"


def signed(operation: Operation) -> str:
    """Return what to say behind that of an operation that a signature opens; nothing of the others."""
    return " (signed URL)" if operation.access is Access.SIGNATURE else ""


def publish(text: str, path: Path, *, check: bool, command: str) -> None:
    """Write a page, or with `check` only compare it.

    Args:
        text: of the page.
        path: where it stands.
        check: write nothing.
        command: what makes a page that is stale fresh again.

    Raises:
        SystemExit: when it is to be compared, and the one on disk is another or not there.
    """
    if not check:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path.parent.name}/{path.name} is stale; run: {command}")
