"""What `multiprocessing` keeps of a process for the workers it starts, and a job must have of its own."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def own_workers(work: Path) -> Iterator[None]:
    """Let workers that a job starts begin in `work` with the job's variables, and later ones not with them.

    `multiprocessing` notes the working directory when it is first imported, and a fork server keeps the
    environment it was started with; in a process of its own a job would have both to itself.
    """
    before = getattr(sys.modules.get("multiprocessing.process"), "ORIGINAL_DIR", os.getcwd())  # noqa: PTH109 - text
    _set_directory(str(work))
    drop_fork_server()
    try:
        yield
    finally:
        _set_directory(before)
        drop_fork_server()


def drop_fork_server() -> None:
    """Let a running fork server end, without waiting for its workers; the next worker starts a new one."""
    module = sys.modules.get("multiprocessing.forkserver")
    server: Any = getattr(module, "_forkserver", None)
    alive = getattr(server, "_forkserver_alive_fd", None)
    if alive is None:
        return
    with server._lock:  # noqa: SLF001 - there is no public way that does not wait
        server._forkserver_alive_fd = None  # noqa: SLF001
        pid, server._forkserver_pid = server._forkserver_pid, None  # noqa: SLF001
        address, server._forkserver_address = server._forkserver_address, None  # noqa: SLF001
        if hasattr(server, "_forkserver_authkey"):
            server._forkserver_authkey = None  # noqa: SLF001
    # It ends when its parent's end of this pipe is closed; a fork server of a parent is not ours to end.
    with suppress(OSError):
        os.close(alive)
    with suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    if address and not address.startswith("\0"):
        with suppress(OSError):
            os.unlink(address)  # noqa: PTH108 - text, and nothing of pathlib is needed for it


def _set_directory(folder: str) -> None:
    module: Any = sys.modules.get("multiprocessing.process")
    if module is not None:
        module.ORIGINAL_DIR = folder
