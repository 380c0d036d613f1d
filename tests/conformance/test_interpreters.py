"""Jobs in interpreters that have nothing of ours, and some of them no SDK either."""

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
from tests.conformance.client import PATIENCE

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

#: Environments that lend their interpreters, as those are outside of them.
LENDERS = ("py36", "py37", "sdk212")

LISTED = "import pkgutil, site; print([module.name for module in pkgutil.iter_modules(site.getsitepackages())])"


class Caller:
    """Calls the API with `requests`, as the default user."""

    def __init__(self, server: Server) -> None:
        variables = server.variables()
        self._base = f"{server.url}/organizations/{variables['ABEJA_ORGANIZATION_ID']}/training/definitions"
        self._credential = (
            variables["ABEJA_PLATFORM_USER_ID"],
            variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"],
        )

    def post(self, path: str, **body: Any) -> Any:
        """Post to a path below the definitions."""
        answer = requests.post(f"{self._base}{path}", auth=self._credential, timeout=PATIENCE, **body)
        assert answer.ok, answer.text
        return answer.json()


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
