"""What docs/guide/abeja_services.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, PTH123, S113

import io

import pytest
import requests
from abeja.deployments import APIClient as Deployments
from abeja.endpoints import APIClient as Endpoints
from abeja.services import APIClient as Services
from abeja.training import APIClient as Training


@pytest.fixture
def model(abeja, abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, definition="points")
    archive, about = io.BytesIO(abeja.look.result(job.id)), {"training_job_id": job.id}
    return Training().create_training_model(abeja.organization.id, "points", archive, about)["training_model_id"]


@pytest.fixture
def code(abeja):
    organization, deployments = abeja.organization.id, Deployments()
    deployment = deployments.create_deployment(organization, "points")["deployment_id"]
    version = deployments.create_deployment_version(
        organization, deployment, "0.0.1", "predict:handler", "abeja-inc/all-cpu:19.10"
    )
    with open("source.zip", "rb") as source:
        requests.put(version["upload_url"], data=source)
    return organization, deployment, version["version_id"]


def test_a_service_answers(abeja, abeja_services, code, model):
    organization, deployment, _ = code
    service = Services().create_service(*code, model_id=model)["service_id"]
    Endpoints().create_endpoint(organization, deployment, service, "default")

    assert abeja_services.wait(service, timeout=60).status == "READY", abeja.look.service_log(service)

    answer = Services().request_service(organization, deployment, service, json={"x": -1.0, "y": -0.5})
    assert answer.json() == {"label": "left"}
