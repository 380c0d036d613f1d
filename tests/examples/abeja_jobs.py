"""What docs/guide/abeja_jobs.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, PTH123

import pytest
from abeja.training import APIClient


@pytest.fixture
def version(abeja):
    client, organization = APIClient(), abeja.organization.id
    client.create_training_job_definition(organization, "mine")
    with open("source.zip", "rb") as source:
        client.create_training_job_definition_version_native_api(
            organization, "mine", source, {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
        )
    return organization, "mine", 1


def test_a_job_runs(abeja_jobs, abeja_dataset, version):
    datasets = {"train": abeja_dataset("points")}
    made = APIClient().create_training_job(*version, datasets=datasets, environment={"NUM_EPOCHS": "2"})
    assert made["status"] == "Pending"

    job = abeja_jobs.wait(made["training_job_id"], timeout=60)

    assert job.status == "Complete", job.log
    assert job.statistics["validation"]["accuracy"][-1] > 0.8
    assert sorted(job.artifacts) == ["model.json", "train.log"]


@pytest.mark.abeja(jobs="held")
def test_a_job_is_stopped_before_it_starts(abeja, abeja_jobs, version):
    organization, name, _ = version
    job_id = APIClient().create_training_job(*version)["training_job_id"]

    APIClient().stop_training_job(organization, name, job_id)
    abeja_jobs.release()

    assert abeja.look.job(job_id).status == "Stopped"
