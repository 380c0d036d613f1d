"""What docs/guide/abeja_clock.md shows."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, S113

import time

import pytest
import requests
from abeja.datalake import APIClient as Datalake
from abeja.datasets import Client


@pytest.mark.abeja(faults=["get_dataset status=503 calls=1-5"])
def test_the_sdk_lives_through_a_storm(abeja_clock, abeja_dataset):
    Client().get_dataset(abeja_dataset("points"))

    assert [sleep.seconds for sleep in abeja_clock.slept] == [2, 4, 8, 16]
    assert abeja_clock.slept_seconds == 30
    assert {sleep.why for sleep in abeja_clock.slept} == {"back-off"}


def test_a_url_is_too_old_after_a_long_epoch(abeja, abeja_train, abeja_clock):
    channel = abeja.seed.channel("lake")
    file = abeja.seed.file(channel, b"a picture")
    url = Datalake().get_channel_file_download(channel, file)["download_uri"]

    def handler(context):
        time.sleep(7200)
        assert requests.get(url).status_code == 403

    job = abeja_train(handler)

    assert job.status == "Complete", job.log
    assert abeja.look.job(job.id).seconds >= 7200


def test_a_week_later(abeja, abeja_clock):
    before = abeja_clock.now()
    abeja_clock.advance(7 * 86_400)
    assert (abeja_clock.now() - before).days == 7
    assert abeja_clock.slept == []
