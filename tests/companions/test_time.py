"""freezegun and time-machine: platform time is `datetime.now(utc)` plus the Platform's own offset, everywhere."""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Callable

import freezegun
import pytest
import requests

from tests.companions.sdk_calls import contents_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

    Travel = Callable[[datetime.datetime], AbstractContextManager[Any]]

UTC = datetime.timezone.utc
THEN = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

#: Seconds by which the Platform is ahead, and for which a signed URL is good.
AHEAD = 1000
LIFETIME = 3600


@contextmanager
def _machine(moment: datetime.datetime) -> Iterator[None]:
    time_machine = pytest.importorskip("time_machine")
    with time_machine.travel(moment, tick=False):
        yield


@pytest.fixture(params=["freezegun", "time-machine"])
def travel(request: pytest.FixtureRequest) -> Travel:
    """Stop the time at a moment, with each of the two."""
    if request.param == "freezegun":
        return freezegun.freeze_time
    pytest.importorskip("time_machine")
    return _machine


def test_every_thread_sees_the_time_that_was_set(travel: Travel, abeja: Platform) -> None:
    """The main one, others, and a job's statistics; the Platform's own offset comes on top and stays."""
    with ThreadPoolExecutor(3) as pool, travel(THEN):
        assert abeja.clock.now() == THEN
        abeja.clock.advance(AHEAD)
        wanted = THEN + datetime.timedelta(seconds=AHEAD)
        assert {abeja.clock.now(), *pool.map(lambda _: abeja.clock.now(), range(3))} == {wanted}
        assert abeja.clock.timestamp() == wanted.timestamp()
    assert abeja.clock.offset == AHEAD


def test_calls_of_threads_that_fetch_ahead_are_of_that_time(
    travel: Travel, abeja: Platform, abeja_dataset: Callable[..., str]
) -> None:
    """Each call is taken down at the frozen moment, whichever thread of the SDK made it, and none hangs."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    with travel(THEN), pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", note)
        abeja.clock.advance(AHEAD)
        dataset = abeja_dataset([(bytes([number]), "a") for number in range(20)])
        assert len(contents_of(dataset)) == 20
        assert {call.at for call in abeja.calls()} == {THEN.timestamp() + AHEAD}
        created = abeja.look.dataset(dataset).created_at
    assert started
    assert created.startswith("2030-01-02T03:20:45")


def test_a_signed_url_expires_by_it(travel: Travel, abeja: Platform, abeja_dataset: Callable[..., str]) -> None:
    """By the time that is set, and by the Platform's own offset."""
    datasets: Any = pytest.importorskip("abeja.datasets")
    client = datasets.APIClient()

    def url() -> str:
        (item,) = client.list_dataset_items(abeja.organization.id, dataset)["items"]
        channel, file = item["source_data"][0]["data_uri"].split("/")[-2:]
        lake: Any = pytest.importorskip("abeja.datalake")
        return str(lake.APIClient().get_channel_file_download(channel, file)["download_uri"])

    def status(url: str) -> int:
        return requests.get(url, timeout=5).status_code

    with travel(THEN):
        dataset = abeja_dataset([(b"red", "a")])
        first = url()
        assert status(first) == 200
    with travel(THEN + datetime.timedelta(seconds=LIFETIME - 1)):
        assert status(first) == 200
    with travel(THEN + datetime.timedelta(seconds=LIFETIME)):
        assert status(first) == 403
        second = url()
        assert status(second) == 200
        abeja.clock.advance(LIFETIME)
        assert status(second) == 403


def handler(context: Any) -> None:
    """Write for TensorBoard, post statistics, read a dataset."""
    tracking: Any = pytest.importorskip("abeja.tracking")
    with tracking.Tracking(total_steps=1) as tracker:
        tracker.log_step(1)
        tracker.log_metric("main_acc", 0.5)
    contents_of(context["datasets"]["train"])


def test_a_job_ends_while_time_stands_still(
    travel: Travel, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob], abeja: Platform
) -> None:
    """Its threads, queues and the writer of TensorBoard's logs wait for nothing; it took no time."""
    with travel(THEN):
        job = abeja_train(handler, datasets={"train": abeja_dataset([(b"red", "a")])})
        assert job.status == "Complete", job.log
        found = abeja.look.job(job.id)
    assert found.seconds == 0
    assert str(found.start_time).startswith("2030-01-02T03:04:05")


@pytest.mark.parametrize("library", ["", "tensorflow", "keras"])
def test_with_and_without_tensorflow(pytester: pytest.Pytester, library: str) -> None:
    """What is loaded changes nothing: freezegun looks into every module there is."""
    # Not imported here, where other tests of this process may have imported what it does not get on with.
    if library and find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    pytest.importorskip("time_machine")
    pytester.makepyfile(
        f"""
        import datetime, sys
        import freezegun, pytest, time_machine
        {"import " + library if library else ""}
        from abeja.datasets import Client

        THEN = datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc)

        @pytest.mark.filterwarnings("ignore")
        @pytest.mark.parametrize("number", range(2))
        @pytest.mark.parametrize("travel", [freezegun.freeze_time, lambda then: time_machine.travel(then, tick=False)])
        def test_it(abeja, abeja_dataset, travel, number):
            assert ("tensorflow" in sys.modules) is {bool(library)}
            dataset = abeja_dataset([(b"red", "a"), (b"green", "b")])
            with travel(THEN):
                assert abeja.clock.now() == THEN
                items = Client().get_dataset(dataset).dataset_items.list(prefetch=True)
                assert len([item.source_data[0].get_content() for item in items]) == 2
                assert [call.at for call in abeja.calls()][-1] == THEN.timestamp()
            assert abeja.clock.now() < THEN
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--abeja-emulate")
    result.assert_outcomes(passed=4)
