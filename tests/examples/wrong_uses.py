"""What docs/guide/wrong-uses.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ARG005, S113

import pytest
import requests
from abeja.datasets import Client
from abeja.train.client import Client as TrainClient
from abeja.train.statistics import Statistics


def test_the_name_of_a_dataset_is_mistyped(abeja_dataset):
    abeja_dataset("point")


def test_a_file_of_items_is_broken(abeja_dataset):
    abeja_dataset("broken.yaml")


def test_an_id_is_no_integer(abeja_train):
    abeja_train("train:handler", datasets={"train": "11000000000x1"})


def test_an_id_is_unknown(abeja_dataset):
    abeja_dataset("points")
    Client().get_dataset("1234567890123")


def test_a_handler_has_no_colon(abeja_train):
    job = abeja_train("train", datasets={"train": "points"})
    assert job.status == "Complete", job.log


def test_a_module_is_missing(abeja_train):
    abeja_train("trian:handler", datasets={"train": "points"})


def test_a_function_is_missing(abeja_train):
    job = abeja_train("train:handle", datasets={"train": "points"})
    assert job.status == "Complete", job.log


@pytest.mark.abeja(image="abeja-inc/all-cpu:19.10", datasets={"train": "points"})
def test_a_context_is_no_object(abeja_train):
    job = abeja_train(lambda context: context.datasets["train"])
    assert job.status == "Complete", job.log


@pytest.mark.abeja(dataset={"train": "points"})
def test_an_argument_of_the_marker_is_wrong(abeja_context):
    pass


def test_an_unknown_host_is_called(abeja):
    requests.get("https://weights.example/vgg16.h5")


def test_a_statistic_is_too_large(abeja_train):
    job = abeja_train(lambda context: TrainClient().update_statistics(Statistics(1, 1, picture="x" * 2_000_000)))
    assert len(job.statistics) == 1
