"""What docs/guide/abeja_context.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest


@pytest.mark.abeja(datasets={"train": "points"}, environment={"NUM_EPOCHS": 2})
def test_a_call(abeja_context):
    from train import handler

    assert handler(abeja_context) > 0.8


def test_datasets_put_in_by_hand(abeja_context, abeja_dataset):
    from train import load_points

    abeja_context["datasets"]["train"] = abeja_dataset("points")

    points, _classes, labels = load_points(abeja_context["datasets"]["train"])
    assert points.shape == (60, 2)
    assert labels == ["left", "right", "top"]


@pytest.mark.abeja(image="abeja-inc/all-cpu:18.10", datasets={"train": "points"})
def test_an_object(abeja_context):
    assert abeja_context.datasets["train"].isdecimal()
