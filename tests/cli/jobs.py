"""Jobs of a served platform, made as a client makes them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.commands import Server


def make_job(
    server: Server,
    folder: Path,
    handler: str,
    *,
    image: str = "abeja-inc/all-cpu:19.10",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Make a definition, a version of the Python files in a folder and a job, and return its id."""
    user, token = (server.variables[f"ABEJA_PLATFORM_{name}"] for name in ("USER_ID", "PERSONAL_ACCESS_TOKEN"))
    base = f"{server.url}/organizations/{server.variables['ABEJA_ORGANIZATION_ID']}/training/definitions/"
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (user, token)
        name = f"{handler.replace(':', '-')}-{image.partition('/')[0]}"
        _answer(session.post(base, json={"name": name}))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path in folder.glob("*.py"):
                archive.write(path, path.name)
        parameters = json.dumps({"handler": handler, "image": image})
        parts: dict[str, tuple[str, Any, str]] = {
            "parameters": ("params.json", parameters, "application/json"),
            "source_code": ("source_code.zip", buffer.getvalue(), "application/zip"),
        }
        version = _answer(session.post(f"{base}{name}/versions", files=parts))["job_definition_version"]
        body = {"environment": dict(environment or {})}
        job = _answer(session.post(f"{base}{name}/versions/{version}/jobs", json=body))
    return str(job["training_job_id"])


def _answer(response: requests.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()
