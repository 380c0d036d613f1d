"""A small client of a running server: the control API below `/_emulator/`, and the platform's own."""

from __future__ import annotations

import base64
import http.client
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from abeja_emulator.cli.exits import FAILED, NO_SERVER, USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

_PREFIX = "/_emulator"

#: Seconds; restoring a large snapshot takes a while.
_TIMEOUT = 300

#: Of an answer that is no JSON, so much is shown.
_SHOWN = 80

_ERRORS = 400
_NOT_FOUND = 404


class ServerError(CommandError):
    """The server refused a call.

    Attributes:
        status: of its answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, FAILED)
        self.status = status


class NoServerError(CommandError):
    """Nothing that is an emulator answers."""

    def __init__(self, message: str) -> None:
        super().__init__(message, NO_SERVER)


class Client:
    """Calls one server over a connection that it keeps; of proxies in the environment it knows nothing.

    Args:
        url: base URL of the server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._base = parts.path.rstrip("/")
        try:
            self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        except ValueError as error:
            message = f"{url!r} is no URL of a server: {error}"
            raise CommandError(message, USAGE) from error

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call the control API and return the JSON that it answers.

        Args:
            method: of the request.
            path: below `/_emulator`, its segments quoted with `segment` where they may hold anything.
            body: sent as JSON, unless it is None.
            query: its parameters; those that are None are left out.

        Raises:
            ServerError: when the call is refused.
            NoServerError: when nothing answers, or something that is no emulator.
        """
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{_PREFIX}{path}" + (f"?{urlencode(given)}" if given else "")
        content = None if body is None else json.dumps(body).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        return self.call(method, target, content, headers)

    def call(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        """Call any path of the server and return the JSON that it answers; raises as `control` does."""
        status, content = self._send(method, target, body, headers)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status >= _ERRORS and isinstance(answer, dict) and "error_description" in answer:
            raise ServerError(str(answer["error_description"]), status)
        if status >= _ERRORS or answer is None or (target.startswith(_PREFIX) and not isinstance(answer, dict)):
            shown = content[:_SHOWN].decode(errors="replace").strip()
            message = f"{self.url} is no abeja-emulator: it answers {method} {target} with {status} {shown!r}"
            raise NoServerError(message)
        return answer

    def _send(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        # A connection that was kept may have been closed at the other end meanwhile.
        attempts = 2 if self._connection.sock is not None and method == "GET" else 1
        while True:
            attempts -= 1
            try:
                self._connection.request(method, self._base + target, body, dict(headers))
                response = self._connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if attempts:
                    continue
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                message = (
                    f"no server answers at {self.url} ({why}); start one with "
                    "abeja-emulator serve, or say with --url where it is"
                )
                raise NoServerError(message) from error

    def health(self) -> dict[str, Any]:
        """Return what the server says of itself."""
        shown: dict[str, Any] = self.control("GET", "/health")
        return shown

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def segment(text: str) -> str:
    """Return one segment of a path, quoted."""
    return quote(text, safe="")


def authorization(auth: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the header for calls of the platform's own API.

    Where any credential will do, one that is made up is sent: those of the shell may be real ones.

    Args:
        auth: of the server, `open` or `strict`.
        environment: of the shell.

    Raises:
        CommandError: when credentials are checked, and the shell has none.
    """
    if auth == "open":
        return "Bearer abeja-emulator"
    variables = os.environ if environment is None else environment
    token = variables.get("PLATFORM_AUTH_TOKEN")
    if token:
        return f"Bearer {token}"
    user = variables.get("ABEJA_PLATFORM_USER_ID")
    token = variables.get("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN")
    if not (user and token):
        message = (
            "the server checks credentials (--auth strict), and the environment has none; set the variables that "
            "serve printed, or wrote with --env-file"
        )
        raise CommandError(message)
    name = user if user.startswith("user-") else f"user-{user}"
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()
