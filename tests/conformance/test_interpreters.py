"""Jobs and models in interpreters that have nothing of ours, and some of them no SDK either."""

from __future__ import annotations

import io
import json
import subprocess
import textwrap
import zipfile
from typing import TYPE_CHECKING, Any, Callable

import pytest
import requests

from abeja_emulator.platform import Platform
from abeja_emulator.runtime.interpreters import Interpreters
from abeja_emulator.server import Server
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.services.rules import Services
from abeja_emulator.wire.content import Upload
from tests.conformance.client import PATIENCE
from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from abeja_emulator.runtime.job import TrainedJob

#: Needs the standard library and no more; what it knows of the platform it learns as any program would.
HANDLER = """
import json, os, sys, urllib.error, urllib.request

def handler(context):
    print("ここは", ".".join(map(str, sys.version_info[:2])))
    try:
        import abeja
    except ImportError:
        print("there is no SDK")
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "context.json"), "w") as file:
        json.dump(context, file)
    organization = os.environ["ABEJA_ORGANIZATION_ID"]
    # Also under the platform's own name, which is written into many a handler.
    for base in (os.environ["ABEJA_API_URL"], "https://api.abeja.io"):
        request = urllib.request.Request(
            "{}/organizations/{}/training/definitions/{}/jobs/{}/statistics".format(
                base, organization, os.environ["TRAINING_JOB_DEFINITION_NAME"], os.environ["TRAINING_JOB_ID"]
            ),
            json.dumps({"statistics": {"num_epochs": 2, "epoch": 1, "stages": {"train": {"loss": 0.5}}}}).encode(),
            {"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"], "Content-Type": "application/json"},
        )
        assert urllib.request.urlopen(request).status == 200
"""

#: A model that needs the runtime and NumPy, and says by whom it is run.
MODEL = """
import pkgutil, sys
import numpy

def handler(request, context):
    found = sorted(name for name in ("abeja_emulator", "abejaruntime36") if pkgutil.find_loader(name))
    numbers = numpy.frombuffer(request.read(), dtype=numpy.uint8)
    answer = {"python": "{}.{}".format(*sys.version_info), "prefix": sys.prefix, "found": found, "sum": numbers.sum()}
    return {"content": answer, "content_type": "application/json"}
"""

#: Environments that lend their interpreters, as those are outside of them.
LENDERS = ("py36", "py37", "sdk212")

LISTED = "import pkgutil, site; print([module.name for module in pkgutil.iter_modules(site.getsitepackages())])"


class Caller:
    """Calls the API with `requests`, as the default user."""

    def __init__(self, server: Server) -> None:
        organization = server.platform.organization.id
        self._base = f"{server.url}/organizations/{organization}/training/definitions"
        self._credential = credential(server)

    def post(self, path: str, **body: Any) -> Any:
        """Post to a path below the definitions."""
        answer = requests.post(f"{self._base}{path}", auth=self._credential, timeout=PATIENCE, **body)
        assert answer.ok, answer.text
        return answer.json()


def credential(server: Server) -> tuple[str, str]:
    """Return that of the default user."""
    variables = server.variables()
    return variables["ABEJA_PLATFORM_USER_ID"], variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]


def train(server: Server, source: str, image: str = "abeja-inc/all-cpu:19.10", **job: Any) -> TrainedJob:
    """Make a version of a module and a job of it, and wait for its end."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("train.py", textwrap.dedent(source))
    caller = Caller(server)
    caller.post("/", json={"name": "mine"})
    parameters = json.dumps({"handler": "train:handler", "image": image})
    files = {
        "source_code": ("source.zip", archive.getvalue(), "application/zip"),
        "parameters": ("params.json", parameters, "application/json"),
    }
    caller.post("/mine/versions", files=files)
    made = caller.post("/mine/versions/1/jobs", json=job)
    return server.executor.wait(made["training_job_id"], PATIENCE)


def bare(python: Path, folder: Path) -> Path:
    """Make an environment without a single package, not even pip, of the interpreter of another one."""
    command = [str(python), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return folder / "bin" / "python"


@pytest.mark.parametrize("lender", LENDERS)
def test_a_bare_interpreter(
    lender: str, client_python: Callable[[str], Path], make_clients: ModuleType, tmp_path: Path
) -> None:
    """A handler that needs no SDK runs without one; text, context, result and statistics get through."""
    python = bare(client_python(lender), tmp_path / "bare")
    listed = subprocess.run([str(python), "-c", LISTED], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert listed.stdout.strip() == "[]"
    version = make_clients.stamp(lender)["python"]
    with Platform(auth="strict") as platform, Server(platform, interpreters=Interpreters(default=python)) as server:
        job = train(server, HANDLER, datasets={"train": "1234567890123"})
        assert (job.status, job.status_message) == ("Complete", None), job.log
        assert {f"ここは {version}", "there is no SDK"} <= set(job.log.splitlines())
        assert set(job.artifacts) == {"context.json"}
        assert json.loads((job.result_dir / "context.json").read_text()) == {"datasets": {"train": "1234567890123"}}
        assert job.statistics.epochs == [1, 1]


def test_a_bare_interpreter_that_lacks_what_it_needs(client_python: Callable[[str], Path], tmp_path: Path) -> None:
    """The job fails, and says what is missing."""
    python = bare(client_python("sdk212"), tmp_path / "bare")
    with Platform(auth="strict") as platform, Server(platform, interpreters=Interpreters(default=python)) as server:
        job = train(server, "import numpy\ndef handler(context): pass")
        assert job.status == "Failed"
        assert "No module named 'numpy'" in job.log


def test_each_image_has_its_own(client_python: Callable[[str], Path]) -> None:
    """Images are mapped to interpreters, and each calls the handler as it does on the platform."""
    images = {"abeja-inc/all-cpu:18.10": "py36", "abeja-inc/all-cpu:19.10": "sdk212"}
    interpreters = Interpreters(by_image={image: client_python(name) for image, name in images.items()})
    source = """
    import sys
    def handler(context):
        print(sys.prefix, type(context).__name__)
    """
    for image, name in images.items():
        with Platform(auth="strict") as platform, Server(platform, interpreters=interpreters) as server:
            job = train(server, source, image)
            assert job.status == "Complete", job.log
            kind = "Context" if image.endswith("18.10") else "dict"
            assert f"{client_python(name).parents[1]} {kind}" in job.log.splitlines()


@pytest.mark.parametrize("name", ["py36", "py37"])
def test_a_model_in_an_old_interpreter(
    name: str, client_python: Callable[[str], Path], make_clients: ModuleType
) -> None:
    """A service answers by the runtime and the NumPy that are published for it; nothing of this package is there."""
    python = client_python(name)
    code = zipped({"main.py": MODEL.encode()})
    with Platform(auth="strict") as platform, Server(platform, interpreters=Interpreters(default=python)) as server:
        world, user = platform.world, platform.user.id
        with world.store.transaction():
            deployment = Deployments(world).create(platform.organization.id, "reader", user)
            version = Versions(world).create(deployment, "0.0.1", user, image="abeja-inc/all-cpu:19.10")
            Versions(world).receive(deployment.deployment_id, version.version_id, Upload(code, len(code)))
            service = Services(world).create(deployment, version.version_id, user).service_id
        assert server.services.wait(service, PATIENCE).status == "READY", platform.look.service_log(service)
        answer = requests.post(
            f"{server.url}/deployments/{deployment.deployment_id}/services/{service}",
            auth=credential(server),
            headers={"Host": f"{platform.organization.id}.api.abeja.io", "Content-Type": "image/png"},
            data=bytes(range(256)),
            timeout=PATIENCE,
        )
    assert answer.json() == {
        "python": make_clients.stamp(name)["python"],
        "prefix": str(python.parents[1]),
        "found": ["abejaruntime36"],
        "sum": 32640,
    }
