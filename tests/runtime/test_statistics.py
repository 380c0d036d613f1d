"""Statistics of a job, as a list and as a table by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

POSTED: list[dict[str, Any]] = [
    {"num_epochs": 2, "epoch": 1, "stages": {"train": {"accuracy": 0.5, "loss": 1.25}}},
    {"num_epochs": 2, "epoch": 2, "stages": {"train": {"accuracy": 0.75}, "validation": {"accuracy": "NaN"}}},
    {"progress_percentage": 1.0},
    {"epoch": 3, "stages": {"train": {}}},
    {"epoch": 4, "stages": None},
]


def test_the_list() -> None:
    """What was posted, in order, as it was posted."""
    statistics = Statistics(POSTED)
    assert len(statistics) == 5
    assert statistics == POSTED == list(statistics)
    assert statistics[0] == POSTED[0]
    assert statistics[-1] == POSTED[-1]
    assert statistics[1:3] == POSTED[1:3]
    assert statistics == Statistics(POSTED)
    assert statistics != Statistics(POSTED[:1])
    assert statistics != "statistics"
    assert eval(repr(statistics), {"Statistics": Statistics}) == statistics  # noqa: S307 - our own text


def test_the_columns() -> None:
    """One value for each statistic, None where it had none."""
    statistics = Statistics(POSTED)
    assert statistics.stages == ["train", "validation"]
    assert statistics.epochs == [1, 2, None, 3, 4]
    assert statistics["train"]["accuracy"] == [0.5, 0.75, None, None, None]
    assert statistics["train"]["loss"] == [1.25, None, None, None, None]
    assert statistics["validation"]["accuracy"] == [None, "NaN", None, None, None]
    assert list(statistics["train"]) == ["accuracy", "loss"]
    assert len(statistics["train"]) == 2
    assert repr(statistics["validation"]) == f"Stage('validation', {dict(statistics['validation'])!r})"


def test_what_is_not_there_says_what_is() -> None:
    """A stage and a metric that nobody posted."""
    statistics = Statistics(POSTED)
    with pytest.raises(KeyError, match="no statistic has a stage 'test'; the stages are train, validation"):
        statistics["test"]
    with pytest.raises(KeyError, match="stage 'train' has no 'f1'; it has accuracy, loss"):
        statistics["train"]["f1"]
    with pytest.raises(KeyError, match="the stages are none"):
        Statistics([])["train"]


def test_the_table() -> None:
    """One line for each statistic, columns aligned, nothing where nothing was posted."""
    assert str(Statistics(POSTED)).splitlines() == [
        "epoch  train accuracy  train loss  validation accuracy",
        "    1             0.5        1.25                     ",
        "    2            0.75                              NaN",
        "                                                      ",
        "    3                                                 ",
        "    4                                                 ",
    ]
    assert str(Statistics([])) == "epoch"


json_values = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3))
stages = st.dictionaries(st.text(max_size=3), st.dictionaries(st.text(max_size=3), json_values, max_size=3), max_size=3)
one = st.fixed_dictionaries({}, optional={"epoch": json_values, "stages": stages})


@given(st.lists(one, max_size=5))
def test_every_posted_value_is_in_its_column(posted: list[dict[str, Any]]) -> None:
    """Whatever stages and metrics there are; columns are as long as the list, and the table can be made."""
    statistics = Statistics(posted)
    for number, each in enumerate(posted):
        for stage, metrics in (each.get("stages") or {}).items():
            for metric, value in metrics.items():
                assert statistics[stage][metric][number] == value
                assert len(statistics[stage][metric]) == len(posted)
    assert isinstance(str(statistics), str)


def test_statistics_of_a_job_are_those_it_posted(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """With the SDK's client and its Statistics, which leaves out values that are zero."""
    job = run(
        """
        from abeja.train.client import Client
        from abeja.train.statistics import Statistics
        def handler(context):
            for epoch in range(1, 4):
                statistics = Statistics(num_epochs=3, epoch=epoch, f1=epoch / 10)
                statistics.add_stage(Statistics.STAGE_TRAIN, accuracy=epoch / 4, loss=epoch - 1)
                Client().update_statistics(statistics)
        """
    )
    assert job.status == "Complete", job.log
    assert job.statistics.epochs == [1, 2, 3]
    assert job.statistics["train"]["accuracy"] == [0.25, 0.5, 0.75]
    assert job.statistics["train"]["loss"] == [None, 1, 2]
    assert [each["f1"] for each in job.statistics] == [0.1, 0.2, 0.3]
    assert abeja.look.statistics(job.id) == job.statistics
    abeja.assert_called("update_statistics", times=3)
