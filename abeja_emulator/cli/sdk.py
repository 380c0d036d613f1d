"""The real abeja-sdk as a client of a server of this process."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from abeja_emulator.cli.exits import CommandError
from abeja_emulator.runtime.process import restored_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHUNK = 1024 * 1024
#: Seconds for one piece of a file.
_TIMEOUT = 60

#: Names of proxies in lower case, and those under which programs look for hosts that no proxy leads to.
_PROXIES = ("http_proxy", "all_proxy")
_DIRECT = ("NO_PROXY", "no_proxy")


class Sdk:
    """Clients of the SDK, and of the URLs that it is given for files.

    Attributes:
        training: client of jobs and models.
        deployments: client of deployments.
        services: client of services.
        endpoints: client of endpoints.
        organization: id of the organization.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.organization = variables["ABEJA_ORGANIZATION_ID"]
        credential = {
            "user_id": variables["ABEJA_PLATFORM_USER_ID"],
            "personal_access_token": variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        }
        # Given, and not left to the environment: there a token of the shell's comes first.
        self.training, self.deployments, self.services, self.endpoints = (
            import_module(f"abeja.{name}").APIClient(dict(credential))
            for name in ("training", "deployments", "services", "endpoints")
        )
        self._session: Any = import_module("requests").Session()
        self._session.trust_env = False

    @contextmanager
    def downloaded(self, url: str) -> Iterator[IO[bytes]]:
        """Give what is at a URL, as a file that is gone afterwards."""
        with self._session.get(url, timeout=_TIMEOUT, stream=True) as response:
            response.raise_for_status()
            with tempfile.NamedTemporaryFile(suffix=".zip") as file:
                for piece in response.iter_content(_CHUNK):
                    file.write(piece)
                file.seek(0)
                yield file

    def upload(self, url: str, content: bytes) -> None:
        """Put an archive to a URL."""
        self._session.put(url, data=content, timeout=_TIMEOUT).raise_for_status()

    def close(self) -> None:
        """Close the connections for files."""
        self._session.close()


@contextmanager
def sdk_for(variables: Mapping[str, str]) -> Iterator[Sdk]:
    """Give the SDK as a client of a server.

    Args:
        variables: what clients need in their environment. The SDK reads there where the platform is, when it is
            imported, so nothing may have imported it before.

    Raises:
        CommandError: when it is not installed.
    """
    environment = {**os.environ, **variables}
    if any(name.lower() in _PROXIES for name in environment):
        for name in _DIRECT:
            environment[name] = ",".join(filter(None, [environment.get(name), "127.0.0.1"]))
    with restored_environment(environment):
        check_sdk()
        sdk = Sdk(variables)
        try:
            yield sdk
        finally:
            sdk.close()


def check_sdk() -> None:
    """Check that the SDK is there.

    Raises:
        CommandError: when it is not; the text says what to do.
    """
    # Not imported here: that reads where the platform is.
    if find_spec("abeja") is None:
        message = "this command calls the platform by abeja-sdk, which is not installed; pip install abeja-sdk"
        raise CommandError(message)
