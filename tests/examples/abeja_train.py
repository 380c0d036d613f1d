"""What docs/guide/abeja_train.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

import pytest


def test_a_job(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, environment={"NUM_EPOCHS": 2})

    assert job.status == "Complete", job.log
    assert job.statistics.epochs == [1, 2]
    assert job.statistics["validation"]["accuracy"][-1] > 0.8
    assert sorted(job.artifacts) == ["model.json", "train.log"]
    assert (job.result_dir / "model.json").exists()


def test_a_job_that_fails(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, environment={"NUM_EPOCHS": "many"})

    assert job.status == "Failed"
    assert isinstance(job.exception, ValueError)
    assert job.log.endswith("ValueError: invalid literal for int() with base 10: 'many'")


@pytest.mark.abeja(image="abeja-inc/all-cpu:18.10", datasets={"train": "points"})
def test_a_callable_on_an_old_image(abeja_train):
    job = abeja_train(lambda context: print(context.datasets["train"]))

    assert job.log == job.datasets["train"]


@pytest.mark.parametrize("where", ["process", "child"])
def test_a_job_in_either(abeja_train, where):
    job = abeja_train("train:handler", datasets={"train": "points"}, train_in=where)

    assert job.status == "Complete", job.log
    assert sorted(job.artifacts) == ["model.json", "train.log"]
