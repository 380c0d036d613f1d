"""Calls of a Platform without any transport, and what a test checks of every answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from abeja_emulator.wire.messages import Request, Response

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform

#: What is large here; the real number would make the tests slow.
LARGE = 64

BEARER = ("Authorization", "Bearer anything")


def call(
    platform: Platform, method: str, path: str, data: Any = None, *headers: tuple[str, str], body: bytes | None = None
) -> Response:
    """Call a path; `{org}` in it is the default organization. JSON, or a body that arrived as a stream."""
    spool = platform.spool()
    spool.write(body if body is not None else b"" if data is None else json.dumps(data).encode())
    content, size = spool.finish()
    target = path.replace("{org}", platform.organization.id)
    return platform.handle(Request(method, target, headers=list(headers) or [BEARER], body=content, length=size))


def answer(response: Response, status: int = 200) -> Any:
    """Check the status, and that the headers tell the truth; return the JSON."""
    body = response.read()
    headers = dict(response.headers)
    assert response.status == status, body
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "application/json"
    return json.loads(body)


def description(response: Response, status: int) -> str:
    """Return the description of a refusal."""
    body = answer(response, status)
    assert set(body) <= {"error", "error_description", "error_detail"}
    return str(body["error_description"])


def new_dataset(platform: Platform, name: str = "flowers") -> Response:
    """Create a dataset."""
    return call(platform, "POST", "/organizations/{org}/datasets", {"name": name, "type": "custom", "props": {}})


def files(disk: Path) -> list[Path]:
    """Return every file on the disk."""
    return [path for path in disk.rglob("*") if path.is_file()]
