"""Other mocks above ours: each gets what is its own."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.transports.errors import UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from tests.transports.stub_application import ORIGIN, StubApplication, response

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What boto3 wants to see."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(params=["ours first", "moto first"])
def started(request: pytest.FixtureRequest, credentials: None, application: StubApplication) -> Iterator[None]:
    """Both mocks, started in either order and stopped in the other."""
    moto: Any = pytest.importorskip("moto")
    with ExitStack() as stack:
        mocks: list[Any] = [InProcess(application), moto.mock_aws()]
        for mock in mocks if request.param == "ours first" else reversed(mocks):
            stack.enter_context(mock)
        yield


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")
@pytest.mark.usefixtures("started")
def test_moto_has_its_hosts_and_we_have_ours() -> None:
    """boto3, signed URLs and the platform in one test."""
    boto3: Any = pytest.importorskip("boto3")
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="key", Body=b"in the bucket")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})

    assert client.get_object(Bucket="bucket", Key="key")["Body"].read() == b"in the bucket"
    assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
    assert requests.get(url, timeout=5).content == b"in the bucket"
    assert requests.get("http://org.api.abeja.io/hello", timeout=5).content == b"hello"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")
def test_moto_stopping_before_us_does_no_harm(credentials: None, application: StubApplication) -> None:
    """Nor the other way round."""
    moto: Any = pytest.importorskip("moto")
    for stop_ours_first in (True, False):
        ours, theirs = InProcess(application), moto.mock_aws()
        ours.start()
        theirs.start()
        first, second = (ours, theirs) if stop_ours_first else (theirs, ours)
        first.stop()
        if not stop_ours_first:
            assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
        second.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Boto3 will no longer support")
@pytest.mark.parametrize("size", [10, 3_000_000])
def test_botocore_itself_can_be_answered(credentials: None, application: StubApplication, size: int) -> None:
    """Its own response class, its wait for `100 Continue`, and its retries, on our socket."""
    boto3: Any = pytest.importorskip("boto3")
    config: Any = pytest.importorskip("botocore.config")
    stored: dict[str, bytes] = {}

    def put(request: Any) -> Any:
        stored["body"] = request.read()
        return response(headers=[("ETag", '"x"')])

    application.on("PUT", "/bucket/key", put)
    application.on("GET", "/bucket/key", lambda _: response(bytes(size)))
    with InProcess(application, hosts=["s3.example"]):
        client = boto3.client(
            "s3", endpoint_url="https://s3.example", config=config.Config(s3={"addressing_style": "path"})
        )
        for _ in range(2):
            client.put_object(Bucket="bucket", Key="key", Body=b"b" * size)
            assert application.last.header("expect") == "100-continue"
            assert stored["body"].count(b"b") >= size
            assert client.get_object(Bucket="bucket", Key="key")["Body"].read() == bytes(size)
        client.close()


def test_responses_passes_our_hosts_on(in_process: InProcess) -> None:
    """What a user's `responses` lets pass reaches us."""
    responses: Any = pytest.importorskip("responses")
    with responses.RequestsMock() as mock:
        mock.add(responses.GET, "https://example.com/", body=b"theirs")
        mock.add_passthru(ORIGIN)
        assert requests.get("https://example.com/", timeout=5).content == b"theirs"
        assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"


def test_requests_mock_passes_our_hosts_on(in_process: InProcess) -> None:
    """The same with `real_http=True`."""
    requests_mock: Any = pytest.importorskip("requests_mock")
    with requests_mock.Mocker(real_http=True) as mock:
        mock.get("https://example.com/", content=b"theirs")
        assert requests.get("https://example.com/", timeout=5).content == b"theirs"
        assert requests.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
        with pytest.raises(UnknownHostError):
            requests.get("https://example.org/", timeout=5)


def test_a_fake_file_system_does_not_disturb_us(in_process: InProcess) -> None:
    """Pipes of the real system are used under it; `verify` is requests' own affair with its CA file."""
    fakes: Any = pytest.importorskip("pyfakefs.fake_filesystem_unittest")
    with fakes.Patcher(), requests.Session() as session:
        session.verify = False
        session.trust_env = False
        for _ in range(3):
            assert session.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"


def test_sockets_forbidden_by_pytest_socket_are_not_missed(application: StubApplication) -> None:
    """Neither the memory nor the loopback of the parent needs what it forbids."""
    import http.client

    pytest_socket: Any = pytest.importorskip("pytest_socket")
    from abeja_emulator.transports.child.abeja_emulator_child import dial
    from abeja_emulator.transports.loopback import Loopback

    pytest_socket.disable_socket()
    try:
        with Loopback(application) as loopback, InProcess(application):
            with requests.Session() as session:
                for _ in range(3):
                    assert session.get(f"{ORIGIN}/hello", timeout=5).content == b"hello"
            connection = http.client.HTTPConnection("api.abeja.io")
            connection.sock = dial(loopback.address, connection, "https", "api.abeja.io", 443)
            connection.request("GET", "/hello")
            assert connection.getresponse().read() == b"hello"
            connection.close()
    finally:
        pytest_socket.enable_socket()


def test_the_sdk_and_its_errors_are_real(in_process: InProcess, application: StubApplication) -> None:
    """From the list of datasets to the exception of its own that a 404 becomes."""
    datasets: Any = pytest.importorskip("abeja.datasets")
    exceptions: Any = pytest.importorskip("abeja.exceptions")
    client = datasets.APIClient(credential={"user_id": "1", "personal_access_token": "t"})
    application.on("GET", "/organizations/1/datasets/2", lambda _: response({"dataset_id": "2"}))

    assert client.get_dataset("1", "2") == {"dataset_id": "2"}
    assert application.last.header("authorization") == "Basic dXNlci0xOnQ="
    with pytest.raises(exceptions.NotFound):
        client.get_dataset("1", "3")


def test_a_service_of_the_sdk_is_reached_by_its_subdomain(in_process: InProcess, application: StubApplication) -> None:
    """`service_request` puts the organization in front of the host."""
    connection: Any = pytest.importorskip("abeja.common.connection")
    application.on("POST", "/deployments/d/services/s", lambda _: response({"result": 1}))
    answer = connection.Connection({"user_id": "1", "personal_access_token": "t"}).service_request(
        "org-1", "/deployments/d/services/s", json={"a": 1}
    )

    assert answer.json() == {"result": 1}
    assert application.last.host == "org-1.api.abeja.io"


def test_importing_the_transport_imports_no_client() -> None:
    """It is the user's choice which of them there are."""
    script = (
        "import sys; import abeja_emulator.transports.in_process, abeja_emulator.transports.loopback; "
        "print([name for name in ('urllib3', 'requests', 'http.server', 'socketserver', 'ssl', 'asyncio')"
        " if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)

    assert "urllib3" not in run.stdout
    assert "requests" not in run.stdout
    assert "http.server" not in run.stdout
    assert "socketserver" not in run.stdout
