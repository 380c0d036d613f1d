"""The in-process transport: clients of this process reach a platform without a network."""

from __future__ import annotations

import http.client
import os
import sys
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.transports.base_url import BaseUrls
from abeja_emulator.transports.child.abeja_emulator_child import (
    ConnectTrouble,
    Line,
    Switchboard,
    dial,
    tell_refusal,
)
from abeja_emulator.transports.errors import EmulatorUnreachable
from abeja_emulator.transports.memory_response import MemoryResponse
from abeja_emulator.transports.memory_socket import MemorySocket
from abeja_emulator.transports.proxy_settings import ProxySettings
from abeja_emulator.transports.responses_pass_through import PassThrough
from abeja_emulator.wire.messages import troubles_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from abeja_emulator.transports.errors import RefusedCall
    from abeja_emulator.wire.messages import Application, Request, Troubles


class InProcess:
    """Leads the HTTP clients of this process to an application.

    Everything built on `http.client` or urllib3 is led there: abeja-sdk, requests, boto3, `urllib`.
    Only the connection is replaced, so retries, back-off, pools, redirects and streaming are the
    client's own.

    Args:
        application: answers the requests.
        hosts: `name` (any port) or `name:port`; subdomains belong to them.
        allow_hosts: other hosts that may be reached: `name`, `name:port`, `*.name` or `*`.
        on_refused: told of each call that was refused, also by children made by `fork`.
        offline: whether refused calls fail as on a machine without a network, see `Line`.
        guard: whether any other host is refused.
        loopback: returns the address of a `Loopback` of the same application; children made by
            `fork` go there, since the application of this process is out of their reach.
        begun: returns when the current test began, for those children to say which one they belong to.
        troubles: says which connections fail on purpose; by default the application, where it can.

    Attributes:
        application: answers the requests.
        live: whether the transport is started.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        application: Application,
        *,
        hosts: Iterable[str] = ("api.abeja.io",),
        allow_hosts: Iterable[str] = (),
        on_refused: Callable[[RefusedCall], None] | None = None,
        offline: bool = False,
        guard: bool = True,
        loopback: Callable[[], tuple[str, int]] | None = None,
        begun: Callable[[], float | None] = lambda: None,
        troubles: Troubles | None = None,
    ) -> None:
        self.application = application
        self._troubles = troubles_of(application) if troubles is None else troubles
        self.live = False
        self._addresses = list(hosts)
        self._base_urls = BaseUrls()
        self._loopback = loopback
        self._begun = begun
        self._pid = os.getpid()
        self._line = Line(self._connect, allow_hosts, guard=guard, on_refused=self._note_refusal, offline=offline)
        self._on_refused = on_refused
        self._board: Switchboard | None = None
        self._proxy_settings = ProxySettings()
        self._pass_through = PassThrough(lambda: self._addresses)

    @property
    def addresses(self) -> tuple[str, ...]:
        """What is answered, as `name` or `name:port`."""
        return tuple(self._addresses)

    def start(self) -> None:
        """Answer from now on.

        Raises:
            AddressTaken: another transport of this process answers for one of the hosts.
        """
        if self._board is not None:
            return
        board = Switchboard.installed()
        board.add(self._line, self._addresses)
        self._board = board
        self._proxy_settings.install()
        self._pass_through.install()
        self._pid = os.getpid()
        self.live = True

    def stop(self) -> None:
        """Answer no more; connections that clients still keep count as dropped."""
        self.live = False
        board, self._board = self._board, None
        if board is not None:
            self._pass_through.uninstall()
            self._proxy_settings.uninstall()
            board.remove(self._line)

    def renew(self) -> None:
        """Hook in again where somebody has put back what they knew."""
        if self._board is not None:
            self._board.renew()

    def add_address(self, url: str) -> None:
        """Answer for one more base URL, and below its path if it has one.

        Raises:
            AddressTaken: another transport of this process answers for it.
        """
        address = self._base_urls.add(url).address
        if address not in self._addresses:
            if self._board is not None:
                self._board.add_address(self._line, address)
            self._addresses.append(address)

    def take(self, request: Request) -> None:
        """Make a request that came in say what the platform expects."""
        if self._base_urls:
            request.target = self._base_urls.strip(request.host, request.target)

    def dial(self, connection: http.client.HTTPConnection, scheme: str, host: str, port: int) -> None:
        """Give a connection of a forked child a socket to the process that has the application."""
        if self._loopback is None:
            message = (
                f"{host} is emulated in the memory of process {self._pid}, and its child {os.getpid()} has "
                "no way there: start a Loopback in the parent before the fork."
            )
            raise EmulatorUnreachable(message)
        # This memory is as it was at the fork, so the current test is the one that forked.
        connection.sock = dial(self._loopback(), connection, scheme, host, port, self._begun())

    def _note_refusal(self, call: RefusedCall) -> None:
        if os.getpid() == self._pid:
            if self._on_refused is not None:
                self._on_refused(call)
        elif self._loopback is not None:
            call.born = self._begun()
            tell_refusal(self._loopback(), call)

    def _connect(self, connection: Any, scheme: str, host: str, port: int) -> None:
        if os.getpid() != self._pid:
            self.dial(connection, scheme, host, port)
            return
        trouble = None if self._troubles is None else self._troubles.meet_connection(scheme, host)
        if trouble is not None:
            raise ConnectTrouble(trouble)
        self._proxy_settings.install()
        sys.audit("http.client.connect", connection, connection.host, connection.port)
        connection.sock = MemorySocket(self, connection, scheme, host, port)
        # Somebody who brings a response class of their own (botocore, for one) gets bytes to parse.
        if connection.response_class is http.client.HTTPResponse:
            connection.response_class = MemoryResponse

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
