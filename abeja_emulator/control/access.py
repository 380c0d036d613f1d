"""Who may use the control API: programs of this machine, and no web page that a browser on it shows.

A page can make a browser send requests to 127.0.0.1. Those say so in `Origin`; a page whose own name was made to
lead here (DNS rebinding) sends that name in `Host`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from abeja_emulator.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Collection

    from abeja_emulator.wire.messages import Request

#: Addresses to listen on that mean every address of this machine.
_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - to recognise them

_STANDARD_PORTS = (":80", ":443")


def check_access(request: Request, hosts: Collection[str]) -> None:
    """Check that a request does not come from a web page.

    Args:
        request: the request.
        hosts: the names and addresses the server listens on, besides those of the loopback.

    Raises:
        Forbidden: when it does, or may.
    """
    name = _name_of(request.host)
    if not (_is_loopback(name) or name in hosts or (_is_address(name) and not _EVERYWHERE.isdisjoint(hosts))):
        message = (
            f"the control API is not at {request.host or 'a host without a name'!r}: address the server as 127.0.0.1, "
            "localhost, or by the address it listens on, since a web page could make any other name lead here"
        )
        raise Forbidden(message)
    for header, value in request.headers:
        if header.lower() == "origin" and _without_port(value.partition("://")[2]) != _without_port(request.host):
            message = (
                f"the control API is not for web pages: this request says that it comes from one, of {value!r}; "
                "send it from a program, without the header Origin"
            )
            raise Forbidden(message)


def _name_of(host: str) -> str:
    """Return a host without its port, and an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _without_port(host: str) -> str:
    """Return a host without a port that need not be said."""
    host = host.lower()
    return next((host[: -len(port)] for port in _STANDARD_PORTS if host.endswith(port)), host)


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _is_address(name: str) -> bool:
    """Tell whether a host is an address and no name, which nobody can make lead elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
