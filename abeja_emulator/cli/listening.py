"""Listening on an address of this machine, with a sentence for when that cannot be."""

from __future__ import annotations

import errno
from typing import Protocol

from abeja_emulator.cli.exits import TAKEN, CommandError

#: No address of this machine, or none that this user may have.
_WRONG_ADDRESS = (errno.EADDRNOTAVAIL, errno.EACCES)


class Listener(Protocol):
    """What listens once it is started."""

    def start(self) -> None:
        """Listen from now on."""


def start(listener: Listener, host: str, port: int) -> None:
    """Start something that listens.

    Args:
        listener: is started.
        host: where it will listen.
        port: the same.

    Raises:
        CommandError: when the address is taken, or none that it could have.
    """
    try:
        listener.start()
    except OSError as error:
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            message = f"another process listens on {where}; choose another port with --port, or 0 for any free one"
            raise CommandError(message, TAKEN) from error
        if error.errno in _WRONG_ADDRESS or error.errno is None or error.errno < 0:
            message = f"nothing can listen on {where}: {error.strerror or error}; choose another --host or --port"
            raise CommandError(message) from error
        raise
