"""Where a server is."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from abeja_emulator.cli.exits import USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where `serve` listens unless told otherwise.
DEFAULT_PORT = 8910
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"

#: What says where the server is, when no option does; the first one that is set wins.
URL_VARIABLES = ("ABEJA_EMULATOR_URL", "ABEJA_API_URL")


def server_url(option: str | None, environment: Mapping[str, str] | None = None) -> str:
    """Return where the server is: the option, a variable, or where `serve` listens by default.

    `ABEJA_API_URL` counts only when it is on this machine: a shell that has the real platform's must not make
    this command call it.

    Raises:
        CommandError: when it is no `http://` URL.
    """
    variables = os.environ if environment is None else environment
    named = [("--url", option), *((name, variables.get(name)) for name in URL_VARIABLES)]
    for name, url in named:
        if not url or (name == "ABEJA_API_URL" and not is_loopback(urlsplit(url).hostname or "")):
            continue
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            message = f"{name} is {url!r}; a server of the emulator has a URL such as {DEFAULT_URL}"
            raise CommandError(message, USAGE)
        return url.rstrip("/")
    return DEFAULT_URL


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
