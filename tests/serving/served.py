"""Services that really run, driven by the real SDK."""

from __future__ import annotations

import io
import os
import tempfile
import threading
import time
import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
import requests
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.services import APIClient

from abeja_emulator.platform import Platform
from abeja_emulator.serving.service_host import ServiceHost
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.transports.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.services.services.records import Service
    from abeja_emulator.serving.keeper import Keeper

#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60

IMAGE = "abeja-inc/all-cpu:19.10"

#: A model that says what it was asked, and its variables.
ECHO = """
import os

print("the model is loaded")

def handler(request, context):
    body = b"".join(content.read() for content in request["contents"]).decode()
    return {"content": {"body": body, "variables": dict(os.environ)}, "content_type": "application/json"}
"""

#: Says what it is told to, and which process it is.
SAYS = """
import os

def handler(request, context):
    return {{"content": {{"says": {word!r}, "pid": os.getpid()}}, "content_type": "application/json"}}
"""

#: Waits for a file, whose name it is asked, before it answers.
WAITS = """
import os, time

def handler(request, context):
    path = request.read().decode()
    open(path + ".begun", "w").close()
    while not os.path.exists(path):
        time.sleep(0.01)
    return {"content": {"pid": os.getpid()}, "content_type": "application/json"}
"""

_VARIABLES = ("PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_DATASOURCE_ID", "ABEJA_PLATFORM_DATASOURCE_SECRET")


def packed(**modules: str) -> bytes:
    """Return a zip of Python modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def appeared(what: Path | Callable[[], bool]) -> None:
    """Wait until a file is there that a model makes, which can tell nobody else, or until something is so."""
    is_so = what.exists if isinstance(what, Path) else what
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, what
        threading.Event().wait(0.01)


class Served:
    """A Platform whose services run.

    Attributes:
        platform: the Platform.
        host: runs the services.
        organization: id of the default organization.
        deployment: id of a deployment, with the default variables `A=deployment` and `B=deployment`.
        api: the SDK's client of services.
    """

    def __init__(self, platform: Platform, host: ServiceHost, name: str) -> None:
        self.platform = platform
        self.host = host
        self.organization = platform.organization.id
        self.api = APIClient()
        self._deployments = DeploymentsAPI()
        self._number = 0
        answer = self._deployments.create_deployment(
            self.organization, name, default_environment={"A": "deployment", "B": "deployment"}
        )
        self.deployment: str = answer["deployment_id"]
        variables = platform.credentials()
        self.credential = (
            variables["ABEJA_PLATFORM_USER_ID"],
            variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        )

    def version(self, code: str | bytes = ECHO, *, image: str = IMAGE, **options: Any) -> str:
        """Upload code, a module `main` or an archive, and return the id of its version."""
        self._number += 1
        made = self._deployments.create_deployment_version(
            self.organization, self.deployment, f"0.0.{self._number}", "main:handler", image, **options
        )
        content = code if isinstance(code, bytes) else packed(main=code)
        requests.put(made["upload_url"], data=content, timeout=PATIENCE).raise_for_status()
        identifier: str = made["version_id"]
        return identifier

    def create(self, code: str | bytes = ECHO, *, version: str | None = None, **options: Any) -> str:
        """Create a service of some code, and return its id; options are fields of the body."""
        body = {"version_id": version or self.version(code), **options}
        made = self.call("POST", f"/organizations/{{org}}/deployments/{self.deployment}/services", json=body)
        assert made.status_code == 200, made.text
        identifier: str = made.json()["service_id"]
        return identifier

    def service(self, code: str | bytes = ECHO, **options: Any) -> str:
        """Create a service, wait until it is ready and return its id."""
        identifier = self.create(code, **options)
        assert self.wait(identifier).status == "READY", self.log(identifier)
        return identifier

    def wait(self, service_id: str) -> Service:
        """Wait until a service is ready, has failed or is stopped."""
        return self.host.wait(service_id, PATIENCE)

    def keeper(self, service_id: str) -> Keeper:
        """Return who keeps a service."""
        return self.host._keepers[service_id]

    def ask(self, service_id: str, method: str = "POST", **arguments: Any) -> requests.Response:
        """Ask a service; never through a session that retries."""
        if method != "GET" and "data" not in arguments:
            arguments.setdefault("json", {})
        url = f"https://{self.organization}.api.abeja.io/deployments/{self.deployment}/services/{service_id}"
        return self._request(method, url, **arguments)

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Call a path of the API; `{org}` in it is the default organization."""
        return self._request(method, f"https://api.abeja.io{path.replace('{org}', self.organization)}", **arguments)

    def log(self, service_id: str) -> list[str]:
        """Return the last lines of a service's log, oldest first."""
        answer = self.api.get_service_recent_logs(self.organization, self.deployment, service_id)
        return [event["message"] for event in reversed(answer["events"])]

    def _request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        arguments.setdefault("auth", self.credential)
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, url, timeout=PATIENCE, **arguments)


@contextmanager
def serving(
    platform: Platform | None = None, folder: Path | None = None, name: str = "served", **options: Any
) -> Iterator[Served]:
    """Run the services of a Platform, a new one by default, which every client of this process reaches."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        platform = platform or stack.enter_context(Platform())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for variable in _VARIABLES:
            patch.delenv(variable, raising=False)
        for variable, value in platform.credentials().items():
            patch.setenv(variable, value)
        stack.enter_context(InProcess(platform))
        loopback = stack.enter_context(Loopback(platform))
        host = stack.enter_context(
            ServiceHost(platform, folder or root / "services", api_url=lambda: loopback.url, **options)
        )
        yield Served(platform, host, name)
