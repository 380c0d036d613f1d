"""What docs/guide/abeja_faults.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import os

import pytest
from abeja.datalake import Client as Datalake
from abeja.datasets import Client


def handler(context):
    dataset = Client().get_dataset(context["datasets"]["train"])
    print(sum(1 for _ in dataset.dataset_items.list()), "items")


def test_the_sdk_tries_again(abeja_train, abeja_faults):
    abeja_faults.add("list_dataset_items", status=503)
    job = abeja_train(handler, datasets={"train": "points"})

    assert job.log == "60 items"
    assert len(abeja_faults.fired[0].because) == 1


@pytest.mark.abeja(faults=["get_dataset token=expired"])
def test_the_token_has_expired(abeja_train):
    job = abeja_train(handler, datasets={"train": "points"})

    assert job.status == "Failed"
    assert "Unauthorized" in job.status_message


def test_an_upload_whose_answer_is_lost(abeja, abeja_faults):
    channel = abeja.seed.channel("results")
    abeja_faults.add_line("post_channel_file_upload lost=400")
    with pytest.raises(Exception, match="400"):
        Datalake(os.environ["ABEJA_ORGANIZATION_ID"]).get_channel(channel).upload(b"content", content_type="text/plain")

    assert len(abeja.look.files(channel)) == 1


def test_a_fault_that_never_fires(abeja_faults):
    abeja_faults.add("get_dataset", status=503)
