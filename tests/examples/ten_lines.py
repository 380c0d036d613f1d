"""What docs/guide/ten-lines.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201


def test_it_learns(abeja_dataset, abeja_train):
    points = abeja_dataset("points")
    job = abeja_train("train:handler", datasets={"train": points}, environment={"NUM_EPOCHS": "3"})

    assert job.status == "Complete", job.log
    assert job.statistics["validation"]["accuracy"][-1] > 0.8
    assert "model.json" in job.artifacts
