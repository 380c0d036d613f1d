"""moto next to a Platform: `abeja_s3`, and `mock_aws` of the user's own, inside and outside."""

from __future__ import annotations

import os
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
import requests

pytest.importorskip("boto3")
pytest.importorskip("moto")

import boto3
from moto import mock_aws

from abeja_emulator.companions.s3 import mocked_s3, new_session
from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.transports.errors import UnknownHostError
from tests.companions.sdk_calls import contents_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.job import TrainedJob

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")


def handler(context: Any) -> None:
    """Copy a dataset of the platform to the bucket, and the first object of the bucket to the result."""
    client = boto3.client("s3")
    for number, content in enumerate(contents_of(context["datasets"]["train"])):
        client.put_object(Bucket="models", Key=str(number), Body=content)
    client.download_file("models", "0", os.environ["ABEJA_TRAINING_RESULT_DIR"] + "/first")


def test_a_job_uses_both(
    abeja_s3: Any, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
) -> None:
    """boto3 and the SDK in one handler, each with its own service, credentials from the environment."""
    abeja_s3.create_bucket(Bucket="models")
    job = abeja_train(handler, datasets={"train": abeja_dataset([(b"red", "a"), (b"green", "b")])})

    assert job.status == "Complete", job.log
    assert abeja_s3.get_object(Bucket="models", Key="1")["Body"].read() == b"red"
    assert (job.result_dir / "first").read_bytes() == b"green"


def test_signed_urls_of_both(abeja_s3: Any, abeja: Platform, abeja_dataset: Callable[..., str]) -> None:
    """Through requests: up and down, a part, and the platform's own in between."""
    abeja_s3.create_bucket(Bucket="models")
    where = {"Bucket": "models", "Key": "key"}
    up = abeja_s3.generate_presigned_url("put_object", Params=where)
    down = abeja_s3.generate_presigned_url("get_object", Params=where)

    assert requests.put(up, data=b"content", timeout=5).status_code == 200
    assert requests.get(down, timeout=5).content == b"content"
    assert requests.get(down, headers={"Range": "bytes=0-2"}, timeout=5).content == b"con"
    assert contents_of(abeja_dataset([(b"red", "a")])) == [b"red"]
    assert any("/_signed/" in call.path for call in abeja.calls())


@pytest.mark.parametrize("again", [False, True])
def test_each_test_starts_without_buckets(abeja_s3: Any, again: bool) -> None:
    """Whatever the one before made."""
    assert abeja_s3.list_buckets()["Buckets"] == []
    abeja_s3.create_bucket(Bucket="models")


def test_a_session_that_is_kept_is_of_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell says when it is made, its clients are those of the mock, test after test."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    session = new_session()
    for _ in range(2):
        with mocked_s3(session) as client:
            assert client.list_buckets()["Buckets"] == []
            assert client.meta.endpoint_url == "https://s3.amazonaws.com"
            client.create_bucket(Bucket="models")


def test_no_variable_of_the_shell_is_seen_and_all_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, profiles, addresses; a client says whose it is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN"):
        monkeypatch.setenv(name, "real")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    before = dict(os.environ)
    with mocked_s3() as client:
        assert "real" not in os.environ.values()
        assert client.meta.region_name == boto3.client("s3").meta.region_name == "us-east-1"
        credentials = boto3.Session().get_credentials()
        assert "real" not in {credentials.access_key, credentials.secret_key, credentials.token}
    assert dict(os.environ) == before


@mock_aws  # type: ignore[untyped-decorator,unused-ignore]
def test_a_mock_of_the_users_own_inside(abeja: Platform, abeja_dataset: Callable[..., str]) -> None:
    """It is started after the Platform and stopped before."""
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="models")
    url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": "models"})
    assert contents_of(abeja_dataset([(b"red", "a")])) == [b"red"]
    assert "<Name>models</Name>" in requests.get(url, timeout=5).text


def test_a_mock_of_the_users_own_outside() -> None:
    """It is there before the Platform and after it, with its buckets; and it shares them with `abeja_s3`."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="models")
        for _ in range(2):
            with Platform() as platform, Emulation(platform), mocked_s3() as ours:
                assert contents_of(platform.seed.dataset([(b"red", "a")])) == [b"red"]
                assert [each["Name"] for each in ours.list_buckets()["Buckets"]] == ["models"]
            assert [each["Name"] for each in client.list_buckets()["Buckets"]] == ["models"]


def test_what_moto_cannot_see_does_not_leave() -> None:
    """`urllib` goes past moto, and the guard refuses it."""
    with Platform() as platform, Emulation(platform) as emulation, mocked_s3() as client:
        client.create_bucket(Bucket="models")
        url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": "models"})
        with pytest.raises(UnknownHostError, match=r"models\.s3\.amazonaws\.com"):
            urllib.request.urlopen(url, timeout=5)
        assert len(emulation.refused) == 1


def test_a_client_that_was_made_first_is_mocked_and_everything_is_undone(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]
) -> None:
    """A constant of the handler's module, made before anything imported moto, with other credentials."""
    pytester.makepyfile(
        train="""
        import boto3
        from abeja.datasets import Client
        S3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="real", aws_secret_access_key="real")
        def handler(context):
            assert list(Client().datasets.list()) == []
            S3.put_object(Bucket="models", Key="key", Body=b"content")
        """,
        test_it="""
        import os, sys
        import pytest, requests
        import train

        SEND = requests.adapters.HTTPAdapter.send

        @pytest.mark.parametrize("again", [False, True])
        def test_directly(abeja_s3, abeja_context, again):
            abeja_s3.create_bucket(Bucket="models")
            train.handler(abeja_context)
            assert abeja_s3.get_object(Bucket="models", Key="key")["Body"].read() == b"content"

        def test_as_a_job(abeja_s3, abeja_train):
            abeja_s3.create_bucket(Bucket="models")
            job = abeja_train("train:handler")
            assert job.status == "Complete", job.log

        def test_afterwards():
            assert "moto" in sys.modules
            assert requests.adapters.HTTPAdapter.send is SEND
            assert "testing" not in os.environ.values()
        """,
    )
    run().assert_outcomes(passed=4)
