"""What docs/guide/abeja_confine.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest


@pytest.fixture
def train(abeja_train):
    return lambda: abeja_train("train:handler", datasets={"train": "points"}, train_in="child")


def test_the_disk_gets_full(abeja_confine, train):
    abeja_confine(result_dir_size="4kB")

    job = train()

    assert job.status == "Failed"
    assert "No space left on device" in job.log


def test_nothing_can_be_cached(abeja_confine, train):
    abeja_confine(read_only="storage")
    assert train().status_message.startswith("OSError: [Errno 30] Read-only file system")


def test_it_needs_nothing_but_the_platform(abeja_confine, train):
    abeja_confine(network="none", memory="1GB")

    job = train()

    assert job.status == "Complete", job.log
