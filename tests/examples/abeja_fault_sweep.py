"""What docs/guide/abeja_fault_sweep.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest
from abeja.datasets import Client


def count(context):
    try:
        items = list(Client().get_dataset(context["datasets"]["train"]).dataset_items.list())
    except Exception:  # noqa: BLE001 - what is wrong with this handler
        items = None
    print(len(items), "items")


def add(context):
    dataset = Client().get_dataset(context["datasets"]["train"])
    dataset.dataset_items.create(source_data=[], attributes={"name": "a new one"})


@pytest.mark.parametrize("handler", [count, add])
def test_a_job(abeja_train, handler):
    job = abeja_train(handler, datasets={"train": "points"})
    assert job.status == "Complete", job.log


def test_the_item_is_there_once(abeja_train, abeja_clock, abeja_faults):
    abeja_faults.add("create_dataset_item", lost=True)
    abeja_train(add, datasets={"train": "points"})
