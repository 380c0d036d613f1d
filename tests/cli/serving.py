"""Services and runs of a served platform, made as a client makes them."""

from __future__ import annotations

import io
import time
import zipfile
from typing import TYPE_CHECKING, Any

import requests

from tests.cli.commands import TIMEOUT

if TYPE_CHECKING:
    from typing_extensions import Self

    from tests.cli.commands import Commands, Server

IMAGE = "abeja-inc/all-cpu:19.10"

#: Says that it is loaded, and answers; as a run it says what it got.
MODEL = """
print("the model is loaded")

def handler(request, context):
    print("it was asked")
    return {"content": "well", "content_type": "text/plain"}
"""

BROKEN = "raise RuntimeError('cannot be loaded')\n"


class Deployed:
    """A deployment of a server.

    Attributes:
        deployment: its id.
    """

    def __init__(self, server: Server, name: str = "reader") -> None:
        self._organization = f"{server.url}/organizations/{server.variables['ABEJA_ORGANIZATION_ID']}"
        self._session = requests.Session()
        self._session.trust_env = False
        variables = server.variables
        self._session.auth = (
            variables["ABEJA_PLATFORM_USER_ID"],
            variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        )
        self._versions = 0
        self.deployment: str = self._make("/deployments", name=name)["deployment_id"]
        self._path = f"/deployments/{self.deployment}"

    def version(self, code: str = MODEL) -> str:
        """Upload a module `main`, and return the id of its version."""
        self._versions += 1
        made = self._make(
            f"{self._path}/versions", version=f"0.0.{self._versions}", handler="main:handler", image=IMAGE
        )
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("main.py", code)
        with requests.Session() as session:
            session.trust_env = False
            session.put(made["upload_url"], data=buffer.getvalue(), timeout=TIMEOUT).raise_for_status()
        return str(made["version_id"])

    def service(self, code: str = MODEL, **options: Any) -> str:
        """Create a service, and return its id."""
        return str(self._make(f"{self._path}/services", version_id=self.version(code), **options)["service_id"])

    def stop(self, service_id: str) -> None:
        """Stop a service."""
        self._make(f"{self._path}/services/{service_id}/stop")

    def endpoint(self, service_id: str, alias: str) -> None:
        """Lead an endpoint to a service."""
        self._make(f"{self._path}/endpoints", service_id=service_id, custom_alias=alias)

    def run(self, code: str = MODEL, **options: Any) -> str:
        """Submit a run, and return its id."""
        return str(self._make(f"{self._path}/runs", version_id=self.version(code), **options)["run_id"])

    def _make(self, path: str, **body: Any) -> Any:
        response = self._session.post(self._organization + path, json=body, timeout=TIMEOUT)
        assert response.status_code < 300, response.text
        return response.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()


def await_status(command: Commands, kind: str, identifier: str, *statuses: str) -> dict[str, Any]:
    """Wait until a service or a run is of one of these, as the command shows it, and return it."""
    end = time.monotonic() + TIMEOUT
    while True:
        shown = command.json(f"{kind}s")[f"{kind}s"]
        found: dict[str, Any] = next(each for each in shown if each[f"{kind}_id"] == identifier)
        if found["status"] in statuses:
            return found
        assert time.monotonic() < end, found
