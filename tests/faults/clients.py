"""What clients make of a dataset that they ask for; also run as a program, for a child.

As a program it asks once for each line of its input, which names a client, and answers with a line.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.request
from typing import Callable

import requests

#: Seconds that each client waits for an answer.
TIMEOUT = 5


def sdk() -> str:
    """Ask with abeja-sdk, which tries again once."""
    from abeja.datasets import APIClient

    client = APIClient(timeout=TIMEOUT, max_retry_count=1)
    return str(client.get_dataset(os.environ["ABEJA_ORGANIZATION_ID"], os.environ["DATASET"])["name"])


def plain_requests() -> str:
    """Ask with requests, which does not try again."""
    response = requests.get(_url(), headers=_headers(), timeout=TIMEOUT)
    return f"{response.status_code} {response.json().get('name')}"


def urllib_request() -> str:
    """Ask with the standard library."""
    request = urllib.request.Request(_url(), headers=_headers())
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        return f"{response.status} {json.loads(response.read())['name']}"


CLIENTS: dict[str, Callable[[], str]] = {"sdk": sdk, "requests": plain_requests, "urllib": urllib_request}


def outcome(name: str) -> str:
    """Return what a client got, or the exception it raised, down to its causes."""
    try:
        return CLIENTS[name]()
    except Exception as error:  # noqa: BLE001 - which one it is, is what is asked for
        return " < ".join(_chain(error))


def _chain(error: BaseException | None) -> list[str]:
    shown = []
    while error is not None:
        if not isinstance(error, http.client.HTTPResponse):
            text = re.sub(r" at 0x[0-9a-f]+", "", str(error))
            shown.append(f"{type(error).__module__}.{type(error).__name__}: {text}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return shown


def _url() -> str:
    return f"https://api.abeja.io/organizations/{os.environ['ABEJA_ORGANIZATION_ID']}/datasets/{os.environ['DATASET']}"


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {os.environ['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(line.strip())) + "\n")
        sys.stdout.flush()
