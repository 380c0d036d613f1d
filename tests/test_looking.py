"""What is on a platform, read without a call."""

from __future__ import annotations

import inspect
import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.datalake.client import Client as DatalakeClient
from abeja.datasets import Client as DatasetsClient

from abeja_emulator.errors import NotFound
from abeja_emulator.looking import Look
from abeja_emulator.platform import Platform
from tests.populated import Populated
from tests.services.training.samples import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.job import TrainedJob

UNKNOWN = "1000000000000"

#: Looks that show everything of a kind.
LISTS = [
    name
    for name, look in inspect.getmembers(Look, inspect.isfunction)
    if not name.startswith("_")
    and all(each.default is not each.empty for each in list(inspect.signature(look).parameters.values())[1:])
]


def test_it_shows_what_the_sdk_put_there(abeja: Platform) -> None:
    """Datasets, items, channels and files, oldest first."""
    datasets = [DatasetsClient().datasets.create(name, "custom", {"p": 1}) for name in ("one", "two")]
    channel = DatalakeClient().channels.create("mine", "why", "datalake")
    file = channel.upload(io.BytesIO(b"content"), "text/plain", metadata={"k": "v"})
    uri = f"datalake://{channel.channel_id}/{file.file_id}"
    items = [
        datasets[0].dataset_items.create([{"data_uri": uri, "data_type": "text/plain"}], {"number": number})
        for number in range(3)
    ]
    assert [each.dataset_id for each in abeja.look.datasets()] == [each.dataset_id for each in datasets]
    assert abeja.look.dataset("two") == abeja.look.dataset(datasets[1].dataset_id)
    assert abeja.look.dataset("two").props == {"p": 1}
    assert [item.dataset_item_id for item in abeja.look.items(datasets[0].dataset_id)] == [
        item.dataset_item_id for item in items
    ]
    assert [item.attributes for item in abeja.look.items(datasets[0].dataset_id)] == [{"number": n} for n in range(3)]
    assert [each.channel_id for each in abeja.look.channels()] == [channel.channel_id]
    assert [each.file_id for each in abeja.look.files(channel.channel_id)] == [file.file_id]
    assert abeja.look.content(channel.channel_id, file.file_id) == b"content"


def test_it_shows_archived_things_too(abeja: Platform) -> None:
    """They are there, after all."""
    channel = DatalakeClient().channels.create("mine", "why", "datalake")
    DatalakeAPI().archive_channel(abeja.organization.id, channel.channel_id)
    assert [each.archived for each in abeja.look.channels()] == [True]


def test_it_makes_no_calls(abeja: Platform) -> None:
    """Looking is not in the journal, and changes nothing."""
    dataset = abeja.seed.dataset([("a", "x")])
    abeja.look.datasets(), abeja.look.items(dataset), abeja.look.jobs()
    abeja.look.files(dataset.channel_id)
    assert abeja.calls() == []


def test_jobs(abeja: Platform, run_one: Callable[..., TrainedJob]) -> None:
    """Their definition, record, statistics and result."""
    job = run_one()
    assert job.definition in {each.name for each in abeja.look.job_definitions()}
    assert abeja.look.jobs()[-1] == abeja.look.job(job.id)
    assert abeja.look.job(job.id).status == "Complete"
    assert abeja.look.statistics(job.id) == [{"epoch": 1, "num_epochs": 1}] == job.statistics
    with zipfile.ZipFile(io.BytesIO(abeja.look.result(job.id))) as archive:
        assert archive.namelist() == ["model"]


@pytest.fixture
def run_one(abeja_train: Callable[..., TrainedJob]) -> Callable[..., TrainedJob]:
    """Run a job that posts a statistic and saves a file."""

    def handler(context: object) -> None:
        import os
        from pathlib import Path

        from abeja.train.client import Client
        from abeja.train.statistics import Statistics

        Client().update_statistics(Statistics(num_epochs=1, epoch=1))
        Path(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model").touch()

    return lambda: abeja_train(handler)


def test_looking_changes_nothing() -> None:
    """Not even a service that is starting, which is ready when a client next asks for it."""
    with Platform() as platform:
        Populated(platform)
        calls, before = len(platform.calls()), state(platform)
        shown = {name: getattr(platform.look, name)() for name in LISTS if name != "async_results"}
        assert not [name for name, found in shown.items() if not found]
        platform.look.notebook_log(shown["notebooks"][0].training_notebook_id)
        platform.look.service_log(shown["services"][0].service_id)
        platform.look.bucket_files(shown["buckets"][0].bucket_id)
        assert state(platform) == before
        assert len(platform.calls()) == calls


def test_what_is_not_there_is_an_error() -> None:
    """That names it; nothing is made up."""
    with Platform() as platform:
        look = platform.look
        for asked in (
            lambda: look.dataset(UNKNOWN),
            lambda: look.items(UNKNOWN),
            lambda: look.files(UNKNOWN),
            lambda: look.content(UNKNOWN, "20240101T000000-x"),
            lambda: look.bucket_files(UNKNOWN),
            lambda: look.bucket_content(UNKNOWN, "cat.jpg"),
            lambda: look.job(UNKNOWN),
            lambda: look.statistics(UNKNOWN),
            lambda: look.result(UNKNOWN),
            lambda: look.models(UNKNOWN),
            lambda: look.model(UNKNOWN),
            lambda: look.model_content(UNKNOWN),
            lambda: look.notebooks(UNKNOWN),
            lambda: look.notebook(UNKNOWN),
            lambda: look.notebook_log(UNKNOWN),
            lambda: look.deployment(UNKNOWN),
            lambda: look.services(UNKNOWN),
            lambda: look.service(UNKNOWN),
            lambda: look.service_log(UNKNOWN),
            lambda: look.endpoint(UNKNOWN, "main"),
            lambda: look.run(UNKNOWN),
            lambda: look.run_log(UNKNOWN),
            lambda: look.trigger(UNKNOWN),
            lambda: look.async_content(UNKNOWN, "r-1"),
            lambda: look.user(UNKNOWN),
            lambda: look.secret(UNKNOWN),
        ):
            with pytest.raises(NotFound, match=UNKNOWN):
                asked()
        assert {name: found for name in LISTS if (found := getattr(look, name)())} == {"users": [platform.user]}


def test_it_shows_the_default_organization() -> None:
    """What belongs to another one is not there, though its id is known."""
    with Platform() as platform:
        ours = Populated(platform)
        run = platform.look.runs()[0].run_id
        organization, user = platform.organization, platform.user
        platform.organization = platform.seed.organization("other")
        try:
            assert not [name for name in LISTS if getattr(platform.look, name)()]
            with pytest.raises(NotFound, match=run):
                platform.look.run(run)
        finally:
            platform.organization, platform.user = organization, user
        assert ours.platform.look.runs()
