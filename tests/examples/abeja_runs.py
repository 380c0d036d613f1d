"""What docs/guide/abeja_runs.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, S113

import io
import zipfile

import pytest
import requests
from abeja.datalake import Client as Datalake
from abeja.deployments import APIClient as Deployments
from abeja.runs import APIClient as Runs
from abeja.triggers import APIClient as Triggers

HANDLER = """
import json

def handler(request, context):
    numbers = json.loads(request.read().decode())
    return {"content": {"sum": sum(numbers)}, "content_type": "application/json"}
"""


@pytest.fixture
def code(abeja):
    deployments, organization = Deployments(), abeja.organization.id
    deployment = deployments.create_deployment(organization, "sums")["deployment_id"]
    version = deployments.create_deployment_version(
        organization, deployment, "0.0.1", "main:handler", "abeja-inc/all-cpu:19.10"
    )
    source = io.BytesIO()
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("main.py", HANDLER)
    requests.put(version["upload_url"], data=source.getvalue())
    return organization, deployment, version["version_id"]


def test_a_run_of_json(abeja, abeja_runs, code):
    run = Runs().create_run(*code, [1, 2, 3], {"$datalake:1": abeja.seed.channel("sums")})

    assert abeja_runs.wait(run["run_id"], timeout=60).status == "SUCCEEDED", abeja.look.run_log(run["run_id"])


def test_a_trigger_runs_over_every_file(abeja, abeja_runs, code):
    numbers, sums = abeja.seed.channel("numbers"), abeja.seed.channel("sums")
    Triggers().create_trigger(*code, "datalake", numbers, "datalake", sums)

    Datalake().get_channel(numbers).upload(io.BytesIO(b"[4, 5]"), content_type="application/json")

    (run,) = abeja.look.runs()
    assert abeja_runs.wait(run.run_id, timeout=60).status == "SUCCEEDED", abeja.look.run_log(run.run_id)
    (file,) = abeja.look.files(sums)
    assert abeja.look.content(sums, file.file_id) == b'{"sum": 9}'
