"""The demo's second half: what the training has left becomes a service that tells what pictures show.

Each step is the real SDK's: dataset, job, training model, deployment, code, service, endpoint, request.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

pytest.importorskip("keras", reason="the demo needs the extra 'keras'")
pytest.importorskip("abejaruntime36", reason="the demo needs the extra 'serving'")

from abeja.datasets import Client as Datasets
from abeja.deployments import APIClient as Deployments
from abeja.endpoints import APIClient as Endpoints
from abeja.services import APIClient as Services
from abeja.training.api.client import APIClient as Training

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.serving.service_host import ServiceHost

FIXTURES = Path(__file__).parents[2] / "fixtures"
HANDLERS = FIXTURES / "handlers" / "keras"
IMAGE = "abeja-inc/all-cpu:19.10"

#: Seconds that are surely enough; TensorFlow alone takes several to import.
PATIENCE = 240
WELL_ABOVE_CHANCE = 0.8


def source() -> io.BytesIO:
    """Return an archive of the handlers."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in HANDLERS.glob("*.py"):
            file.write(path, path.name)
    archive.seek(0)
    return archive


def trained(organization: str, dataset: str, jobs: Executor) -> str:
    """Train on a dataset, and return the id of the training model that came of it."""
    training = Training()
    training.create_training_job_definition(organization, "shapes")
    about = {"handler": "train:handler", "image": IMAGE}
    training.create_training_job_definition_version_native_api(organization, "shapes", source(), about)
    made = training.create_training_job(
        organization, "shapes", 1, datasets={"train": dataset}, environment={"NUM_EPOCHS": "8"}
    )
    job = jobs.wait(made["training_job_id"], PATIENCE)
    assert job.status == "Complete", job.log
    result = training.get_training_result(organization, "shapes", job.id)
    archive = io.BytesIO(requests.get(result["artifacts"]["complete"]["uri"], timeout=20).content)
    model = training.create_training_model(organization, "shapes", archive, {"training_job_id": job.id})
    identifier: str = model["training_model_id"]
    return identifier


def served(organization: str, model: str) -> tuple[str, str]:
    """Deploy the model handler with a model, and return the ids of the deployment and its service."""
    deployments = Deployments()
    deployment = deployments.create_deployment(organization, "shapes")["deployment_id"]
    version = deployments.create_deployment_version(organization, deployment, "0.0.1", "predict:handler", IMAGE)
    requests.put(version["upload_url"], data=source(), timeout=20).raise_for_status()
    service = Services().create_service(organization, deployment, version["version_id"], model_id=model)
    Endpoints().create_endpoint(organization, deployment, service["service_id"], "default")
    return deployment, service["service_id"]


def test_from_pictures_to_answers(
    abeja: Platform, abeja_dataset: Callable[..., str], abeja_jobs: Executor, abeja_services: ServiceHost
) -> None:
    """A service trained on the sample pictures is right about most of those that the training never saw."""
    organization, dataset = abeja.organization.id, abeja_dataset(FIXTURES / "shapes")
    labels = [label["label"] for label in Datasets(organization).get_dataset(dataset).props["categories"][0]["labels"]]
    deployment, service = served(organization, trained(organization, dataset, abeja_jobs))
    assert abeja_services.wait(service, PATIENCE).status == "READY", abeja.look.service_log(service)

    right: Counter[bool] = Counter()
    shown = ["", f"service {service}, asked about pictures that it has never seen:"]
    for label in labels:
        for picture in sorted((FIXTURES / "shapes_held_back" / label).glob("*.png")):
            with picture.open("rb") as content:
                answer = Services().request_service(
                    organization, deployment, service, content, content_type="image/png"
                )
            assert answer.headers["X-Abeja-Service-Id"] == service
            probabilities = answer.json()["probabilities"]
            assert sorted(probabilities) == sorted(labels)
            assert sum(probabilities.values()) == pytest.approx(1, abs=1e-3)
            right[answer.json()["label"] == label] += 1
            said = answer.json()["label"]
            shown.append(f"  {picture.parent.name}/{picture.name}: {said} ({probabilities[said]:.0%})")
    assert right[True] / sum(right.values()) > WELL_ABOVE_CHANCE

    # For whoever watches the demo.
    sys.stdout.write("\n".join(shown) + "\n")

    # The same through the endpoint, as anybody would ask who knows nothing of services.
    url = f"https://{organization}.api.abeja.io/deployments/{deployment}"
    credentials = abeja.credentials()
    user = credentials["ABEJA_PLATFORM_USER_ID"], credentials["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
    again = requests.post(url, data=picture.read_bytes(), headers={"Content-Type": "image/png"}, auth=user, timeout=60)
    assert json.loads(again.content) == answer.json()
