"""What docs/guide/abeja_result_dir.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import json
import os

import pytest


@pytest.mark.abeja(datasets={"train": "points"})
def test_the_model_is_saved(abeja_context, abeja_result_dir):
    from train import handler

    assert list(abeja_result_dir.iterdir()) == []
    handler(abeja_context)

    model = json.loads((abeja_result_dir / "model.json").read_text())
    assert model["labels"] == ["left", "right", "top"]


def test_it_is_where_the_variable_says(abeja_result_dir):
    assert os.environ["ABEJA_TRAINING_RESULT_DIR"] == str(abeja_result_dir)
    assert list(abeja_result_dir.iterdir()) == []
