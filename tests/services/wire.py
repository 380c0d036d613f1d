"""Plain HTTP calls, and what a test checks of every answer."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import msgspec
import requests

from abeja_emulator.services.catalogue import all_operations

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.operations import Operation

API = "https://api.abeja.io"

#: Forms of the platform's ids.
PLATFORM_ID = re.compile(r"1\d{12}")
FILE_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

#: Forms of its times; each service has its own.
ZULU_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
OFFSET_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
NO_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
ZULU_MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

TIMEOUT = 10


class Wire:
    """Calls with the default user's credential; never with one of a netrc file."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        variables = platform.credentials()
        self.credential = (
            variables["ABEJA_PLATFORM_USER_ID"],
            variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        )

    def __call__(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call a path of the API; `{org}` in it is the default organization."""
        arguments.setdefault("auth", self.credential)
        return bare(method, API + path.replace("{org}", self._platform.organization.id), **arguments)


def bare(method: str, url: str, **arguments: Any) -> requests.Response:
    """Call a URL with nothing but what is given."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=TIMEOUT, **arguments)


@functools.cache
def operations() -> dict[str, Operation]:
    """Return every operation by its name."""
    return {operation.name: operation for operation in all_operations()}


def check_answer(operation: str, answer: Any) -> None:
    """Check that an answer has the fields its operation declares, with their types, and no other."""
    declared = msgspec.convert(answer, operations()[operation].answer, strict=True)
    assert msgspec.to_builtins(declared) == answer


def check_refusal(response: requests.Response, status: int, *words: str) -> None:
    """Check that a refusal has the status and a body that every client can read, with these words in it."""
    assert response.status_code == status, response.text
    body = response.json()
    assert response.headers["Content-Type"] == "application/json"
    assert set(body) <= {"error", "error_description", "error_detail"}
    assert body["error"]
    for word in words:
        assert word in body["error_description"]
