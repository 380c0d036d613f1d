"""Tracking: what a handler logs becomes statistics of its job, and a model once it has an artifact."""

import io
import logging
import os
import sys
import tempfile
import zipfile
from contextlib import contextmanager, redirect_stdout

from .kit import Kit
from .train import inside
from .training_definitions import made_definition
from .training_jobs import HELD, shown, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def tracked(kit: Kit) -> "Iterator[tuple[str, str]]":
    """Make a job and go inside it meanwhile; gives its id and its result directory."""
    made_definition(kit, versions=1)
    job_id = started(kit, environment=HELD)
    with silence(), tempfile.TemporaryDirectory() as folder, inside(job_id, ABEJA_TRAINING_RESULT_DIR=folder):
        yield job_id, folder


@contextmanager
def silence() -> "Iterator[None]":
    """Keep what tracking says from where the outcome of checks is written: the first SDKs print there, others log."""
    logger = logging.getLogger("tracking")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logger.setLevel(level)


def tracking(kit: Kit, *arguments: int) -> "Any":
    """Return something that tracks the job around."""
    return kit.module("tracking").Tracking(*arguments)


def models(kit: Kit) -> "list[Any]":
    """Return the training models there are, the oldest first."""
    answer = kit.api("models").get_training_models(kit.organization, "definition")
    return sorted(answer["entries"], key=lambda each: str(each["created_at"]))


def check_logged_metrics(kit: Kit) -> None:
    """Those of a step are the statistics of the job once they are flushed, not before, and only once."""
    with tracked(kit) as (job_id, folder):
        track = tracking(kit, 3)
        assert track.total_steps == 3
        track.log_step(1)
        track.log_metric("main/acc", 0.5)
        track.log_metrics({"main/loss": 0.25, "test/loss": 0.75})
        assert shown(kit, job_id)["statistics"] is None
        track.flush()
        statistics = shown(kit, job_id)["statistics"]
        assert (statistics["num_epochs"], statistics["epoch"]) == (3, 1)
        assert statistics["stages"]["train"] == {"accuracy": 0.5, "loss": 0.25}
        assert statistics["stages"]["validation"] == {"loss": 0.75}
        # What is flushed is forgotten: nothing new, nothing posted.
        track.flush()
        assert shown(kit, job_id)["statistics"] == statistics
        assert os.listdir(os.path.join(folder, "logs"))


def check_steps(kit: Kit) -> None:
    """Each is posted where it ends; their number may be changed, and one that was cleared is not posted."""
    with tracked(kit) as (job_id, _), tracking(kit) as track:
        assert track.total_steps is None
        track.log_step(1)
        track.log_metric("main/loss", 1.0)
        # It cannot be told how far that is.
        track.flush()
        assert shown(kit, job_id)["statistics"] is None
        track.total_steps = 2
        for step, loss in ((1, 0.5), (2, 0.25)):
            track.log_step(step)
            track.log_metric("main/loss", loss)
            track.flush()
            wanted = {"num_epochs": 2, "epoch": step, "stages": {"train": {"loss": loss}}}
            assert shown(kit, job_id)["statistics"] == wanted
        track.log_step(3)
        track.log_metric("main/loss", 0.125)
        track.clear()
    assert shown(kit, job_id)["statistics"] == wanted


def check_params_and_other_metrics(kit: Kit) -> None:
    """They are posted with each stage, numbers that JSON has not as their names."""
    kit.module("tracking.metric")
    with tracked(kit) as (job_id, _), tracking(kit, 1) as track:
        track.log_step(1)
        track.log_param("optimizer", "adam")
        track.log_params({"rate": "0.1"})
        track.log_metrics({"main/loss": 1, "speed": float("inf"), "lag": float("-inf"), "gap": float("nan")})
    (stage,) = shown(kit, job_id)["statistics"]["stages"].items()
    wanted = {"loss": 1.0, "optimizer": "adam", "rate": "0.1"}
    wanted.update({"speed": "Infinity", "lag": "-Infinity", "gap": "NaN"})
    assert stage == ("train", wanted)


def check_metrics(kit: Kit) -> None:
    """A metric is what a job shows of it: its name without slashes, and its number."""
    metric_class = kit.module("tracking.metric").Metric
    metrics = [metric_class("main/loss", 0.5), metric_class("loss/of/another", 2), metric_class("gap", float("nan"))]
    assert [each.is_scalar() for each in metrics] == [True, False, False]
    with tracked(kit) as (job_id, _), tracking(kit, 1) as track:
        track.log_step(1)
        track.log_metrics({each.key: each.value for each in metrics})
    (stage,) = shown(kit, job_id)["statistics"]["stages"].values()
    named = {}  # type: dict[str, Any]
    for each in metrics[1:]:
        named.update(each.to_dict())
    assert stage == dict(named, loss=metrics[0].to_dict()["main_loss"])


def check_tracking_a_job_that_is_not_there(kit: Kit) -> None:
    """It is refused at once."""
    made_definition(kit, versions=1)
    with tempfile.TemporaryDirectory() as folder, inside("1999999999999", ABEJA_TRAINING_RESULT_DIR=folder):
        kit.refused(404, tracking, kit, 1)


def check_artifact(kit: Kit) -> None:
    """A file that was logged becomes a model of the job, with what was logged beside it; it goes if that is asked."""
    with tracked(kit) as (job_id, folder):
        paths = [os.path.join(folder, name) for name in ("first.txt", "second.txt")]
        for path in paths:
            with open(path, "w") as file:
                file.write(os.path.basename(path))
        with tracking(kit, 2) as track:
            track.log_step(1)
            track.log_description("the first")
            track.log_param("rate", "0.1")
            track.log_params({"optimizer": "adam"})
            track.log_metric("main/loss", 0.5)
            track.log_artifact(paths[0])
            assert models(kit) == []
            track.flush()
            (first,) = models(kit)
            track.log_description("the second")
            track.log_artifact(paths[1], delete_flag=True)
        assert [os.path.exists(path) for path in paths] == [True, False]
    assert (first["training_job_id"], first["description"]) == (job_id, "STEP 1. the first")
    assert (first["environment"], first["metrics"]) == ({"rate": "0.1", "optimizer": "adam"}, {"main_loss": 0.5})
    (_, second) = models(kit)
    assert (second["training_job_id"], second["description"], second["metrics"]) == (job_id, "the second", {})
    for model, name in ((first, "first.txt"), (second, "second.txt")):
        answer = kit.api("models").download_training_model(kit.organization, "definition", model["training_model_id"])
        with zipfile.ZipFile(io.BytesIO(kit.http("GET", answer["download_uri"]).body)) as archive:
            assert {each: archive.read(each) for each in archive.namelist()} == {name: name.encode()}
