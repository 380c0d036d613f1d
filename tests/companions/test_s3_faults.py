"""S3 that fails on purpose: the exceptions and retries are those of boto3, and moto has done what it has done."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("boto3")
pytest.importorskip("moto")

from boto3.s3.transfer import TransferConfig
from botocore import exceptions
from botocore.config import Config
from moto import mock_aws

from abeja_emulator.companions.s3 import new_session
from tests.companions.test_http_faults import HEAD, causes, reset, server, stall

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    import boto3

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.transports.virtual_time import VirtualTime

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")

CONTENT = b"0123456789"


@pytest.fixture
def bucket(abeja_s3: Any) -> Any:
    """The client that never fails by itself: it has made a bucket with one object."""
    abeja_s3.create_bucket(Bucket="models")
    abeja_s3.put_object(Bucket="models", Key="known", Body=CONTENT)
    return abeja_s3


@cache
def session() -> boto3.Session:
    """Return the session of all clients here: a new one takes long to read what AWS says of its services."""
    return new_session()


def client(attempts: int = 1, timeout: float = 1, **options: Any) -> Any:
    """Return a client that tries so often."""
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=timeout)
    return session().client("s3", config=config, **options)


def keys(bucket: Any) -> list[str]:
    """Return the keys there are."""
    return [each["Key"] for each in bucket.list_objects_v2(Bucket="models")["Contents"]]


@pytest.mark.parametrize(
    ("words", "kind", "cause", "done"),
    [
        ("latency=2", exceptions.ReadTimeoutError, "ReadTimeoutError", True),
        ("reset=before", exceptions.ConnectionClosedError, "ConnectionResetError", False),
        ("reset=after", exceptions.ConnectionClosedError, "ConnectionResetError", True),
        ("closed=before", exceptions.ConnectionClosedError, "RemoteDisconnected", False),
        ("closed=after", exceptions.ConnectionClosedError, "RemoteDisconnected", True),
        ("lost", exceptions.ConnectionClosedError, "ConnectionResetError", True),
        ("dns", exceptions.EndpointConnectionError, "gaierror", False),
        ("tls", exceptions.SSLError, "SSLCertVerificationError", False),
        ("refused", exceptions.EndpointConnectionError, "ConnectionRefusedError", False),
    ],
)
def test_what_an_upload_sees(
    abeja: Platform, bucket: Any, words: str, kind: type[Exception], cause: str, done: bool
) -> None:
    """The exception of botocore, what urllib3 put into it, and whether the object is there."""
    fault = abeja.faults.add_line(f"s3 {words}")
    with pytest.raises(kind) as caught:
        client().put_object(Bucket="models", Key="new", Body=io.BytesIO(b"body"))
    assert type(caught.value) is kind
    assert cause in causes(caught.value)
    assert keys(bucket) == (["known", "new"] if done else ["known"])
    if done:
        assert bucket.get_object(Bucket="models", Key="new")["Body"].read() == b"body"
    assert fault.fired == 1


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("reset=during", exceptions.ResponseStreamingError),
        ("cut=3", exceptions.IncompleteReadError),
        ("stall=3", exceptions.ReadTimeoutError),
    ],
)
def test_what_a_download_sees(abeja: Platform, bucket: Any, words: str, kind: type[Exception]) -> None:
    """The body of an object is a stream, so it breaks where it is read."""
    abeja.faults.add_line(f"s3:GetObject {words}")
    body = client().get_object(Bucket="models", Key="known")["Body"]
    with pytest.raises(kind):
        list(body.iter_chunks(2))


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("closed=before", lambda _: None),
        ("reset=before", reset),
        ("cut=3", lambda connection: connection.sendall(HEAD + b"012")),
        ("stall=3", stall),
        ("latency=2", lambda connection: connection.recv(1)),
    ],
    ids=["closed", "reset", "cut", "stall", "latency"],
)
def test_as_over_a_real_connection(
    abeja: Platform, bucket: Any, words: str, act: Callable[[socket.socket], None]
) -> None:
    """A server of this machine that does the same lets boto3 see the same."""

    def seen(**options: Any) -> tuple[Any, ...]:
        try:
            found = client(timeout=0.2, **options).get_object(Bucket="models", Key="known")
            return (found["Body"].read(),)
        except exceptions.BotoCoreError as error:
            return type(error), causes(error)

    with server(act) as url:
        truly = seen(endpoint_url=url.rpartition("/")[0])
    abeja.faults.add_line(f"s3:GetObject {words}")
    assert seen() == truly


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (503, "SlowDown", "Please reduce your request rate."),
        (500, "InternalError", "We encountered an internal error. Please try again."),
        (403, "AccessDenied", "Access Denied"),
        (404, "NoSuchKey", "The specified key does not exist."),
        (502, "BadGateway", "Bad Gateway"),
        (599, "Status599", "status 599"),
    ],
)
def test_a_status_is_an_error_of_s3(abeja: Platform, bucket: Any, status: int, code: str, message: str) -> None:
    """Code and message are in XML, as those of S3 are; an answer to HEAD has the status alone."""
    abeja.faults.add_line(f"s3:GetObject status={status}")
    abeja.faults.add_line(f"s3:HeadObject status={status} retry_after=3")
    with pytest.raises(exceptions.ClientError) as caught:
        client().get_object(Bucket="models", Key="known")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"] == message
    with pytest.raises(exceptions.ClientError) as caught:
        client().head_object(Bucket="models", Key="known")
    assert caught.value.response["Error"]["Code"] == str(status)
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"


def test_a_message_of_ones_own(abeja: Platform, bucket: Any) -> None:
    """It is in the error, whatever signs it has; a key that is not there is a class of the client's exceptions."""
    abeja.faults.add("s3:GetObject", status=404, message="gone <for> good & ever")
    with pytest.raises(bucket.exceptions.NoSuchKey, match="gone <for> good & ever"):
        bucket.get_object(Bucket="models", Key="known")


def test_an_upload_whose_answer_is_another_status(abeja: Platform, bucket: Any) -> None:
    """The object is there, and the client was told that something went wrong."""
    abeja.faults.add_line("s3:PutObject lost=500")
    with pytest.raises(exceptions.ClientError, match="InternalError"):
        client().put_object(Bucket="models", Key="new", Body=b"body")
    assert keys(bucket) == ["known", "new"]
    (hit,) = abeja.faults.fired
    assert (hit.call, hit.status, hit.done) == ("s3:PutObject", 500, 200)


@pytest.mark.parametrize("words", ["status=503", "reset=before", "dns", "lost", "latency=2"])
def test_retries_of_the_client(abeja: Platform, bucket: Any, abeja_clock: VirtualTime, words: str) -> None:
    """Each attempt is a call: two go wrong, the third is answered, with botocore's own back-off between them."""
    fault = abeja.faults.add_line(f"s3 {words} calls=1-2")
    done = client(attempts=3).put_object(Bucket="models", Key="new", Body=io.BytesIO(b"body"))
    assert done["ResponseMetadata"]["RetryAttempts"] == 2
    assert (fault.seen, fault.fired) == (3, 2)
    assert bucket.get_object(Bucket="models", Key="new")["Body"].read() == b"body"
    assert abeja_clock.slept_seconds > 0


def test_retries_of_a_transfer(abeja: Platform, bucket: Any, tmp_path: Any, abeja_clock: VirtualTime) -> None:
    """A large upload in parts, from several threads at once, and a download that breaks: both come through whole."""
    large = bytes(range(256)) * 4096 * 11
    (tmp_path / "model").write_bytes(large)
    parts = abeja.faults.add_line("s3:UploadPart reset=before calls=1-2")
    broken = abeja.faults.add_line("s3:GetObject cut=1000000")
    transfers = client(attempts=4)
    config = TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 1024 * 1024, max_concurrency=4)
    transfers.upload_file(str(tmp_path / "model"), "models", "large", Config=config)
    transfers.download_file("models", "large", str(tmp_path / "again"), Config=config)
    assert (tmp_path / "again").read_bytes() == large
    assert (parts.seen, parts.fired) == (5, 2)
    assert broken.fired == 1
    del abeja_clock


def test_only_the_calls_that_are_meant(abeja: Platform, bucket: Any) -> None:
    """Neither other operations nor other services, nor those of a client when it is the turn of another call."""
    fault = abeja.faults.add_line("s3:ListBuckets status=503 calls=2")
    everything = abeja.faults.add_line("s3 latency=0 calls=3", optional=True)
    session().client("sts").get_caller_identity()
    assert len(client().list_buckets()["Buckets"]) == 1
    with pytest.raises(exceptions.ClientError, match="SlowDown"):
        client().list_buckets()
    assert len(client().list_buckets()["Buckets"]) == 1
    assert (fault.seen, fault.fired) == (3, 1)
    assert (everything.seen, everything.fired) == (3, 1)


def test_an_answer_without_a_body(abeja: Platform, bucket: Any) -> None:
    """A byte that it does not have cannot be the last; it is reset as a whole."""
    for words in ("cut=0", "stall"):
        fault = abeja.faults.add_line(f"s3:HeadObject {words}")
        assert client().head_object(Bucket="models", Key="known")["ContentLength"] == len(CONTENT)
        assert (fault.seen, fault.fired) == (1, 0)
        abeja.faults.clear()
    abeja.faults.add_line("s3:HeadObject reset=during")
    with pytest.raises(exceptions.ConnectionClosedError):
        client().head_object(Bucket="models", Key="known")


def test_bytes_are_counted(abeja: Platform, bucket: Any) -> None:
    """A fault can wait until so much was carried."""
    fault = abeja.faults.add_line("s3:GetObject status=503 after_bytes=20")
    for _ in range(2):
        assert client().get_object(Bucket="models", Key="known")["Body"].read() == CONTENT
    with pytest.raises(exceptions.ClientError, match="SlowDown"):
        client().get_object(Bucket="models", Key="known")
    assert fault.fired == 1


def test_clients_and_mocks_of_ones_own(abeja: Platform, bucket: Any) -> None:
    """A client that was made before, and one under a `mock_aws` of the user's, meet the same faults."""
    fault = abeja.faults.add_line("s3:ListBuckets status=403 calls=1-2")
    with pytest.raises(exceptions.ClientError):
        bucket.list_buckets()
    with mock_aws(), pytest.raises(exceptions.ClientError):
        client().list_buckets()
    assert fault.fired == 2


def test_nothing_stays(abeja: Platform, bucket: Any) -> None:
    """A plan that is over changes nothing, not even how often a client connects."""
    abeja.faults.add_line("s3:GetObject reset=before")
    one = client()
    with pytest.raises(exceptions.ConnectionClosedError):
        one.get_object(Bucket="models", Key="known")
    abeja.faults.clear()
    assert one.get_object(Bucket="models", Key="known")["Body"].read() == CONTENT
    assert abeja.faults.fired == []


def handler(context: Any) -> None:
    """Store a model."""
    client(attempts=2).put_object(Bucket="models", Key="model", Body=b"weights")


@pytest.mark.abeja(faults=["s3:PutObject lost"])
def test_a_job_that_tries_again(bucket: Any, abeja_clock: VirtualTime, abeja_train: Callable[..., TrainedJob]) -> None:
    """Its second attempt puts the same object once more."""
    bucket.delete_object(Bucket="models", Key="known")
    job = abeja_train(handler)
    assert job.status == "Complete", job.log
    assert keys(bucket) == ["model"]
    del abeja_clock
