"""Leads the connections that one thread makes to a host to answers in memory, for as long as one call takes."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

from abeja_emulator.transports.child.abeja_emulator_child import (
    AddressTaken,
    ConnectTrouble,
    Line,
    RefusedCall,
    Switchboard,
    join_host,
    split_host,
    split_url,
)
from abeja_emulator.transports.memory_socket import MemorySocket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Application, Request, Response, Spool


class Attempt(Protocol):
    """What one connection is made for; one request is sent over it."""

    @property
    def trouble(self) -> str | None:
        """Why the connection does not come about: `dns`, `tls`, `refused`, or None."""

    def answer(self, request: Request) -> Response:
        """Answer the request."""


@dataclass
class _Way:
    """Where the connections of a thread go: the host, and what gives the next one its attempt."""

    address: str
    next: Callable[[], Attempt]


class Detours:
    """The calls of this process that are led to answers in memory, whatever client makes them.

    Whoever makes such a call connects, sends, retries and times out with its own code; only the socket is ours.

    Args:
        spool: returns a fresh place for the body of one request.
    """

    def __init__(self, spool: Callable[[], Spool]) -> None:
        self._spool = spool
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Line, int]] = {}

    @contextmanager
    def taken(self, url: str, attempts: Callable[[], Attempt]) -> Iterator[None]:
        """Lead the connections that this thread makes to the host of a URL meanwhile to what `attempts` returns.

        Raises:
            AddressTaken: when somebody else answers for that host, as the emulation does for its own.
        """
        _, host, port, _ = split_url(url)
        with self._going(_Way(join_host(host, port), attempts)):
            yield

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let this thread connect as if there were no detour, for the length of an answer."""
        way, self._thread.way = self._way, None
        try:
            if way is not None:
                self._close(way.address)
            yield
        finally:
            if way is not None:
                self._enter(way.address)
            self._thread.way = way

    @contextmanager
    def _going(self, way: _Way) -> Iterator[None]:
        before = self._way
        self._enter(way.address)
        self._thread.way = way
        try:
            yield
        finally:
            self._thread.way = before
            self._close(way.address)

    @property
    def _way(self) -> Optional[_Way]:
        return getattr(self._thread, "way", None)

    def _enter(self, address: str) -> None:
        with self._lock:
            line, count = self._open.get(address, (None, 0))
            if line is None:
                board, line = Switchboard.installed(), Line(self._connect, guard=False)
                if board.find(*_key(address)) is not None:
                    message = f"{address} is answered by the emulation, so nobody else can answer for it"
                    raise AddressTaken(message)
                board.add(line, [address])
            self._open[address] = line, count + 1

    def _close(self, address: str) -> None:
        with self._lock:
            line, count = self._open.pop(address)
            if count > 1:
                self._open[address] = line, count - 1
            else:
                Switchboard.installed().remove(line)

    def _connect(self, connection: Any, scheme: str, host: str, port: int) -> None:
        way = self._way
        if way is None:
            # Another thread, which has no call that goes wrong.
            raise Switchboard.installed().refusal(RefusedCall(host, port))
        attempt = way.next()
        if attempt.trouble is not None:
            raise ConnectTrouble(attempt.trouble)
        connection.sock = MemorySocket(_Stop(attempt, self._spool), connection, scheme, host, port)


class _Stop:
    """The other end of one such connection."""

    live = True

    def __init__(self, attempt: Attempt, spool: Callable[[], Spool]) -> None:
        self.application: Application = self
        self.spool = spool
        self.handle = attempt.answer

    def take(self, request: Request) -> None:
        """Take a request as it is."""

    def dial(self, connection: Any, scheme: str, host: str, port: int) -> None:
        """Refuse a forked child, which took the connection along in the middle of a call."""
        del connection, scheme, host, port
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def is_answered(url: str) -> bool:
    """Tell whether somebody answers for the host of a URL already, as the emulation does for its own."""
    _, host, port, _ = split_url(url)
    return Switchboard.installed().find(host, port or 0) is not None


def _key(address: str) -> tuple[str, int]:
    host, port = split_host(address)
    return host, port or 0
