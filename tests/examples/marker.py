"""What docs/guide/marker.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest


@pytest.mark.abeja(
    image="abeja-inc/all-cpu:18.10",  # what the context is: an object up to 18.10, a dict from 19.04 on
    datasets={"train": "points"},  # alias to a dataset id, or to what abeja_dataset takes
    environment={"NUM_EPOCHS": 2},  # variables of the job
    auth="strict",  # credentials and roles are checked in this test
    enforce_cidrs=True,  # calls from outside of the networks of an organization are refused
    train_in="process",  # or "child": where jobs of abeja_train run
    jobs="held",  # those that are made through the API stay Pending
    faults=["get_dataset status=503 optional"],  # what goes wrong on the platform
    min_evidence="client",  # fail, unless real clients rely on all that this test relies on
)
def test_the_marker(abeja_train):
    job = abeja_train(lambda context: print(context.datasets))
    assert job.datasets["train"] in job.log
