"""What docs/guide/what-you-see.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201


def test_it_learns(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, environment={"NUM_EPOCHS": 2})
    assert job.statistics["validation"]["accuracy"][-1] > 0.8


def test_it_is_perfect(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, environment={"NUM_EPOCHS": 2})
    assert job.statistics["validation"]["accuracy"][-1] == 1
