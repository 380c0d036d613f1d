"""Statistics: what is kept of them, what is shown, what is refused, and how the SDK sends them."""

from __future__ import annotations

import json
import logging
import math
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.tracking import Tracking
from abeja.train.client import Client as TrainClient
from abeja.training.statistics import Statistics
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.training.jobs import STATISTICS_LIMIT
from tests.services.training.samples import state
from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.training.api.client import APIClient
    from abeja.training.job import Job
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def client(platform: Platform, definition: JobDefinition, job: Job, monkeypatch: pytest.MonkeyPatch) -> TrainClient:
    """The client a handler makes without arguments: everything comes from the environment of its job."""
    monkeypatch.setenv("TRAINING_JOB_DEFINITION_NAME", definition.name)
    monkeypatch.setenv("TRAINING_JOB_ID", job.job_id)
    return TrainClient()


def statistics_of_size(size: int, filler: str = "x") -> dict[str, Any]:
    """Return a statistic whose escaped JSON has exactly that many characters."""
    empty = len(json.dumps({"note": ""}))
    step = len(json.dumps(filler)) - 2
    count, rest = divmod(size - empty, step)
    statistics = {"note": filler * count + "x" * rest}
    assert len(json.dumps(statistics)) == size
    return statistics


class TestPost:
    """POST …/jobs/{training_job_id}/statistics."""

    def test_answer_is_the_job(self, api: APIClient, wire: Wire, organization: str, job: Job, job_path: str) -> None:
        """The answer is the whole job with what was posted in it, for the high-level SDK builds a job from it."""
        posted = {"num_epochs": 5, "epoch": 1, "stages": {"train": {"accuracy": 0.9, "key": [1, None]}}, "free": "値"}
        answer = api.update_statistics(organization, "definition", job.job_id, posted)
        check_answer("update_statistics", answer)
        assert answer["statistics"] == posted
        assert answer == wire("GET", job_path).json()
        assert answer["status"] == "Pending"

    def test_last_one_is_shown(self, api: APIClient, organization: str, platform: Platform, job: Job) -> None:
        """A statistic replaces the one before it where a job is shown; all of them can be looked at, in order."""
        posted: list[dict[str, Any]] = [{"epoch": 1, "only": "first"}, {"epoch": 2}, {"epoch": 2}, {}]
        for statistics in posted:
            api.update_statistics(organization, "definition", job.job_id, statistics)
            shown = api.get_training_job(organization, "definition", job.job_id)["statistics"]
            assert shown == statistics
        assert api.get_training_jobs(organization, "definition")["entries"][0]["statistics"] == {}
        assert platform.look.statistics(job.job_id) == posted

    @settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(statistics=st.dictionaries(texts | st.sampled_from(["stages", "self", "epoch"]), json_values, max_size=4))
    @example({"stages": None})
    @example({"stages": {"train": {"name": "x"}}})
    @example({"stages": {"train": {"self": 1}}})
    @example({"stages": {"train": {}, "": {"loss": 0}}})
    @example({"self": 1})
    def test_the_sdk_can_read_what_is_taken(
        self, definition: JobDefinition, wire: Wire, job: Job, job_path: str, statistics: dict[str, Any]
    ) -> None:
        """Any object is taken as it is, unless the SDK could not read the job any more; then it is 400."""
        try:
            Statistics.from_response(json.loads(json.dumps(statistics)))
            readable = True
        except (TypeError, AttributeError):
            readable = False
        response = wire("POST", f"{job_path}/statistics", json={"statistics": statistics})
        assert (response.status_code == 200) == readable, response.text
        if readable:
            assert response.json()["statistics"] == statistics
        definition.jobs().get(job.job_id)

    @pytest.mark.parametrize(
        "body", [{}, {"statistics": None}, {"statistics": []}, {"statistics": "NaN"}, {"statistics": 1}, []]
    )
    def test_no_object(self, wire: Wire, platform: Platform, job_path: str, body: Any) -> None:
        """A statistic that is no object is 400 and changes nothing."""
        before = state(platform)
        check_refusal(wire("POST", f"{job_path}/statistics", json=body), 400, "body")
        assert state(platform) == before

    @pytest.mark.parametrize("stages", [None, [], "train", 1, {"train": None}, {"train": 0.9}, {"train": [1]}])
    def test_stages_no_objects(self, wire: Wire, platform: Platform, job_path: str, stages: Any) -> None:
        """Stages that are no object of objects are 400 and change nothing."""
        before = state(platform)
        check_refusal(wire("POST", f"{job_path}/statistics", json={"statistics": {"stages": stages}}), 400, "stages")
        assert state(platform) == before

    def test_bare_nan(self, wire: Wire, platform: Platform, job_path: str) -> None:
        """NaN that is no text is no JSON, 400; as text it is taken."""
        before = state(platform)
        body = b'{"statistics": {"loss": NaN}}'
        check_refusal(wire("POST", f"{job_path}/statistics", data=body), 400, "not JSON")
        assert state(platform) == before
        posted = {"loss": "NaN", "best": "-Infinity"}
        assert wire("POST", f"{job_path}/statistics", json={"statistics": posted}).json()["statistics"] == posted

    @pytest.mark.parametrize("filler", ["x", "あ", "😀", '"'])
    def test_limit(self, wire: Wire, platform: Platform, job_path: str, filler: str) -> None:
        """Exactly the limit is taken, one character more is 413 and changes nothing; escapes count as they are sent."""
        fits = statistics_of_size(STATISTICS_LIMIT, filler)
        assert wire("POST", f"{job_path}/statistics", json={"statistics": fits}).json()["statistics"] == fits
        before = state(platform)
        too_large = statistics_of_size(STATISTICS_LIMIT + 1, filler)
        refusal = wire("POST", f"{job_path}/statistics", json={"statistics": too_large})
        check_refusal(refusal, 413, "1048576", "1048577")
        # However it is written on the wire: raw UTF-8 is not smaller than its escapes.
        raw = json.dumps({"statistics": too_large}, ensure_ascii=False).encode()
        check_refusal(wire("POST", f"{job_path}/statistics", data=raw), 413)
        assert state(platform) == before


class TestSDK:
    """The SDK's own ways of sending statistics."""

    def test_handler_client(self, client: TrainClient, definition: JobDefinition, job: Job) -> None:
        """`abeja.train.Client` in a handler, with the statistics class of the documentation."""
        statistics = Statistics(num_epochs=10, epoch=1, progress_percentage=0.1, key="value")
        statistics.add_stage(name=Statistics.STAGE_TRAIN, accuracy=90.0, loss=0.10)
        statistics.add_stage(name=Statistics.STAGE_VALIDATION, accuracy=75.0, loss=0.07, extra=2)
        client.update_statistics(statistics)
        shown = definition.jobs().get(job.job_id).statistics
        assert shown is not None
        assert shown.get_statistics() == {
            "num_epochs": 10,
            "epoch": 1,
            "progress_percentage": 0.1,
            "key": "value",
            "stages": {
                "train": {"accuracy": 90.0, "loss": 0.1},
                "validation": {"accuracy": 75.0, "loss": 0.07, "extra": 2},
            },
        }

    def test_falsy_values_never_arrive(self, client: TrainClient, platform: Platform, job: Job) -> None:
        """The SDK drops zeros, and sends the stage empty; a statistic without anything is not sent at all."""
        statistics = Statistics(num_epochs=3, epoch=0, progress_percentage=0)
        statistics.add_stage(Statistics.STAGE_TRAIN, accuracy=0.0, loss=0.0)
        client.update_statistics(statistics)
        client.update_statistics(Statistics(epoch=0))
        assert platform.look.statistics(job.job_id) == [{"num_epochs": 3, "stages": {"train": {}}}]

    def test_high_level(self, definition: JobDefinition, job: Job) -> None:
        """`Jobs.update_statistics` builds a job from the answer."""
        updated = definition.jobs().update_statistics(job.job_id, Statistics(num_epochs=2, epoch=1))
        assert updated is not None
        assert updated.statistics is not None
        assert updated.job_id == job.job_id
        assert updated.statistics.get_statistics() == {"num_epochs": 2, "epoch": 1}

    def test_refusals_are_swallowed(
        self, client: TrainClient, platform: Platform, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The SDK only logs a refusal; the journal shows it, with its reason."""
        caplog.set_level(logging.WARNING, "train-api")
        client.training_job_id = "1999999999999"
        client.update_statistics(Statistics(num_epochs=1))
        client.job_definition_name, client.training_job_id = None, None
        client.update_statistics(Statistics(num_epochs=1))
        first, second = platform.calls("update_statistics")
        assert (first.status, second.status) == (404, 404)
        assert "'1999999999999'" in str(first.error)
        # Unset names become the text None in the path.
        assert second.path.endswith("/definitions/None/jobs/None/statistics")
        assert "'None'" in str(second.error)
        assert caplog.text.count("update_statistics result was") == 2

    def test_too_large_is_swallowed(self, client: TrainClient, platform: Platform, job: Job) -> None:
        """One that is too large is not retried, and the job keeps the one before."""
        client.update_statistics(Statistics(num_epochs=1))
        client.update_statistics(Statistics(num_epochs=2, note="x" * STATISTICS_LIMIT))
        assert [call.status for call in platform.calls("update_statistics")] == [200, 413]
        assert platform.look.job(job.job_id).statistics == {"num_epochs": 1}


@pytest.mark.usefixtures("client")
class TestTracking:
    """`abeja.tracking.Tracking`, as far as it needs no training model."""

    @pytest.fixture(autouse=True)
    def _result_dir(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tracking writes its event files there."""
        monkeypatch.setenv("ABEJA_TRAINING_RESULT_DIR", str(tmp_path))

    def test_flush(self, platform: Platform, job: Job) -> None:
        """A step arrives as one statistic: stages from the metrics, parameters in both, NaN and infinity as text."""
        with Tracking(total_steps=3) as tracker:
            tracker.log_step(2)
            tracker.log_param("lr", "0.1")
            metrics = {"main/acc": 0.5, "main/loss": math.nan, "test/acc": math.inf, "test/loss": -math.inf, "f1": 0.25}
            tracker.log_metrics(metrics)
        common = {"lr": "0.1", "f1": 0.25}
        assert platform.look.statistics(job.job_id) == [
            {
                "num_epochs": 3,
                "epoch": 2,
                "stages": {
                    "train": {"accuracy": 0.5, "loss": "NaN", **common},
                    "validation": {"accuracy": "Infinity", "loss": "-Infinity", **common},
                },
            }
        ]
        platform.assert_called("get_training_job", times=1)

    def test_unknown_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It asks for its job when it is made, and that the job is unknown reaches the user's code."""
        monkeypatch.setenv("TRAINING_JOB_ID", "1999999999999")
        with pytest.raises(abeja.exceptions.NotFound, match="1999999999999"):
            Tracking()
