"""A platform that listens: clients reach it, its jobs run, and it can be steered."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.platform import Platform
from abeja_emulator.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENT = """
import io, sys, time, zipfile
from abeja.train.client import Client as TrainClient
from abeja.training import APIClient
import os

source = "import os\\ndef handler(context):\\n"
source += "    open(os.path.join(os.environ['ABEJA_TRAINING_RESULT_DIR'], 'model.txt'), 'w').write('weights')\\n"
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("train.py", source)
archive.seek(0)
organization = os.environ["ABEJA_ORGANIZATION_ID"]
client = APIClient()
client.create_training_job_definition(organization, "mine")
client.create_training_job_definition_version_native_api(
    organization, "mine", archive, {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
)
job_id = client.create_training_job(organization, "mine", 1)["training_job_id"]
while client.get_training_job(organization, "mine", job_id)["status"] in ("Pending", "Active"):
    time.sleep(0.05)
TrainClient(organization, "mine").download_training_result(job_id, "result")
print(client.get_training_job(organization, "mine", job_id)["status"], os.listdir("result"))
"""

MODEL = """
import io, os, sys, time, zipfile
import requests
from abeja.deployments import APIClient as Deployments
from abeja.endpoints import APIClient as Endpoints
from abeja.services import APIClient as Services

source = "import json\\ndef handler(request, context):\\n    return {'content': {'got': json.loads(request.read())}}\\n"
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("main.py", source)
organization = os.environ["ABEJA_ORGANIZATION_ID"]
deployment = Deployments().create_deployment(organization, "mine")["deployment_id"]
image = "abeja-inc/all-cpu:19.10"
version = Deployments().create_deployment_version(organization, deployment, "1", "main:handler", image)
requests.put(version["upload_url"], data=archive.getvalue()).raise_for_status()
service = Services().create_service(organization, deployment, version["version_id"])["service_id"]
Endpoints().create_endpoint(organization, deployment, service, "default")
while Services().get_service(organization, deployment, service)["status"] == "IN_PROGRESS":
    time.sleep(0.05)
print(Services().request_service(organization, deployment, service, json=[1]).json())
"""


@pytest.fixture
def server() -> Iterator[Server]:
    """A strict platform that listens."""
    with Platform(auth="strict") as platform, Server(platform) as server:
        yield server


def user(server: Server) -> tuple[str, str]:
    """Return the credential of the default user."""
    variables = server.variables()
    return variables["ABEJA_PLATFORM_USER_ID"], variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]


def control(server: Server, method: str, path: str, body: Any = None) -> Any:
    """Call the control API."""
    answer = requests.request(method, f"{server.url}/_emulator/{path}", json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_sdk_trains_on_it(server: Server, tmp_path: Path) -> None:
    """In a process that has nothing but the variables: from source to the files of the result."""
    environment = {**os.environ, **server.variables()}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CLIENT)],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "Complete ['model.txt']\n", done.stderr
    (job,) = control(server, "GET", "jobs")["jobs"]
    assert (job["status"], job["definition"]) == ("Complete", "mine")


def test_a_model_answers_the_sdk(server: Server, tmp_path: Path) -> None:
    """In a process that has the server as its proxy, for the organization's host; and curl by the header `Host`."""
    pytest.importorskip("abejaruntime36", reason="models need the extra 'serving'")
    environment = {**os.environ, **server.variables(), "http_proxy": server.url, "no_proxy": ""}
    done = subprocess.run(
        [sys.executable, "-c", MODEL],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    (service,) = server.platform.look.services()
    assert done.stdout == "{'got': [1]}\n", (done.stderr, server.platform.look.service_log(service.service_id))
    headers = {"Host": f"{server.platform.organization.id}.api.abeja.io"}
    url = f"{server.url}/deployments/{service.deployment_id}"
    answer = requests.post(url, auth=user(server), headers=headers, json=[2], timeout=20)
    assert answer.json() == {"got": [2]}
    assert requests.post(url, headers=headers, json=[2], timeout=20).status_code == 401


def test_a_credential_is_needed(server: Server) -> None:
    """It is the platform, with its own rules."""
    assert requests.get(f"{server.url}/organizations/default-org", timeout=20).status_code == 401


def test_reset_returns_to_the_start(server: Server) -> None:
    """Without what came since."""
    server.platform.seed.channel("mine")
    control(server, "POST", "reset", {})
    assert server.platform.look.channels() == []


def test_states_can_be_saved(server: Server) -> None:
    """Under a name, and be returned to."""
    server.platform.seed.channel("one")
    control(server, "PUT", "snapshots/first")
    server.platform.seed.channel("two")
    control(server, "POST", "snapshots/first/restore", {})
    assert [channel.name for channel in server.platform.look.channels()] == ["one"]


def test_everything_is_there_again(tmp_path: Path) -> None:
    """With a data directory: state, credentials, and a URL that was signed before."""
    with Platform(data=tmp_path / "data") as platform, Server(platform) as server:
        channel = platform.seed.channel("mine")
        file = platform.seed.file(channel, b"content")
        variables = server.variables()
        headers = {"Authorization": f"Bearer {variables['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"}
        shown = requests.get(f"{server.url}/channels/{channel}/{file}", headers=headers, timeout=20).json()
        signed = shown["download_uri"].removeprefix(server.url)
    with Platform(data=tmp_path / "data", auth="strict") as platform, Server(platform) as server:
        assert {**server.variables(), "ABEJA_API_URL": ""} == {**variables, "ABEJA_API_URL": ""}
        assert requests.get(server.url + signed, timeout=20).content == b"content"
        answer = requests.post(f"{server.url}/_emulator/reset", json={}, timeout=20)
        assert answer.status_code == 409


def test_jobs_are_stopped_with_it(tmp_path: Path) -> None:
    """And the folder in which they ran is gone."""
    with Platform() as platform:
        server = Server(platform)
        folder = server._folder
        with server:
            assert folder.is_dir()
        assert not folder.exists()
        assert server.executor.running() == []


def test_an_address_that_is_taken(server: Server) -> None:
    """Is an error of the system, and nothing stays behind."""
    port = int(server.url.rpartition(":")[2])
    with Platform() as platform:
        other = Server(platform, port=port)
        with pytest.raises(OSError, match="in use"):
            other.start()
        assert not other._folder.exists()


def test_as_a_proxy(server: Server) -> None:
    """Requests whose target is a whole URL: the API, and the host of an organization, by names that do not resolve."""
    organization = server.platform.organization.id
    proxies = {"http": server.url}
    url = f"http://api.abeja.io/organizations/{organization}"
    answer = requests.get(url, auth=user(server), proxies=proxies, timeout=20)
    assert (answer.status_code, answer.json()["id"]) == (200, organization)
    url = f"http://{organization}.api.abeja.io/deployments/1"
    answer = requests.post(url, auth=user(server), proxies=proxies, json={}, timeout=20)
    assert answer.status_code == 404
    assert server.platform.journal[-1].operation == "request_deployment"


@pytest.mark.parametrize("host", ["{}.api.abeja.io", "{}.127.0.0.1", "{}.localhost:1"])
def test_by_the_host_header(server: Server, host: str) -> None:
    """For clients that cannot resolve such a name and have no proxy."""
    headers = {"Host": host.format(server.platform.organization.id)}
    answer = requests.post(f"{server.url}/deployments/1", auth=user(server), headers=headers, json={}, timeout=20)
    assert answer.status_code == 404
    assert server.platform.journal[-1].operation == "request_deployment"


def test_a_signed_url_is_of_the_address_that_was_called(server: Server) -> None:
    """By its own URL, by another name of this machine, and through a proxy."""
    channel = server.platform.seed.channel("mine")
    file = server.platform.seed.file(channel, b"content")
    other = server.url.replace("127.0.0.1", "localhost")
    for url, proxies in ((server.url, {}), (other, {}), ("http://api.abeja.io", {"http": server.url})):
        shown = requests.get(f"{url}/channels/{channel}/{file}", auth=user(server), proxies=proxies, timeout=20).json()
        assert shown["download_uri"].startswith(f"{url}/")
        assert requests.get(shown["download_uri"], proxies=proxies, timeout=20).content == b"content"


def test_one_that_cannot_be_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its temporary folder is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Platform() as platform, pytest.raises(ValueError, match="mode"):
        Server(platform, mode="never")
    assert list(tmp_path.iterdir()) == []
