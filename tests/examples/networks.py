"""What docs/guide/networks.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG005

import pytest
from abeja.datasets import Client
from abeja.exceptions import Forbidden


def names():
    """Yours: the names of the datasets, or none when this machine is not let in."""
    try:
        return [dataset.name for dataset in Client().datasets.list()]
    except Forbidden:
        return None


@pytest.mark.abeja(enforce_cidrs=True)
def test_at_the_office_and_elsewhere(abeja, abeja_dataset, monkeypatch):
    monkeypatch.delenv("PLATFORM_AUTH_TOKEN")  # that of a job, which is let in from everywhere
    abeja_dataset("points")
    abeja.seed.cidr("192.0.2.0/24", "office")

    abeja.client_address = "192.0.2.7"
    assert names() == ["points"]
    abeja.client_address = "203.0.113.9"
    assert names() is None


@pytest.mark.abeja(enforce_cidrs=True)
def test_a_job_is_let_in(abeja, abeja_train):
    abeja.seed.cidr("192.0.2.0/24", "office")
    job = abeja_train(lambda context: print(names()))
    assert job.log == "[]"
