"""Children of a test reach the application through what travels in their environment."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.request
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.transports.child import abeja_emulator_child
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.errors import UnknownHostError
from abeja_emulator.transports.in_process import InProcess
from tests.transports.stub_application import ORIGIN, response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abeja_emulator.transports.loopback import Loopback
    from tests.transports.stub_application import StubApplication

HOOK = Path(abeja_emulator_child.__file__).parent


@pytest.fixture
def environment(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process's environment with the way to the loopback in it."""
    variables = child_environment(loopback.address, ["api.abeja.io", "localhost:9"], ["allowed.example"])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return dict(os.environ)


def run(
    script: str, environment: Mapping[str, str], python: str = sys.executable, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a child."""
    return subprocess.run(
        [python, *options, "-c", textwrap.dedent(script)],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def output(script: str, environment: Mapping[str, str], python: str = sys.executable) -> str:
    """Return what a script prints that succeeds without a word of complaint."""
    done = run(script, environment, python)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@contextmanager
def one_worker(method: str) -> Iterator[Any]:
    """Provide a pool that leaves nothing for the collector to find at a bad moment."""
    pool = multiprocessing.get_context(method).Pool(1)
    try:
        yield pool
    finally:
        pool.close()
        pool.join()
        del pool
        gc.collect()


@pytest.mark.parametrize(
    ("url", "scheme", "host"),
    [
        ("https://api.abeja.io/hello", "https", "api.abeja.io"),
        ("http://org-1.api.abeja.io/hello", "http", "org-1.api.abeja.io"),
        ("http://localhost:9/hello", "http", "localhost:9"),
    ],
)
@pytest.mark.parametrize(
    "fetch",
    [
        "import urllib.request; print(urllib.request.urlopen({url!r}).read().decode())",
        "import requests; print(requests.get({url!r}).text)",
        "import urllib3; print(urllib3.PoolManager().request('GET', {url!r}).data.decode())",
    ],
)
def test_clients_of_a_child_reach_the_application(
    environment: dict[str, str], application: StubApplication, fetch: str, url: str, scheme: str, host: str
) -> None:
    """Whatever they import, without a warning, with scheme and host as they were addressed."""
    environment["PYTHONWARNINGS"] = "error"
    assert output(fetch.format(url=url), environment) == "hello"
    assert (application.last.scheme, application.last.host) == (scheme, host)
    assert application.last.header("host") == host


def test_the_sdk_of_a_child_is_the_real_one(environment: dict[str, str], application: StubApplication) -> None:
    """With its retries and its pools."""
    pytest.importorskip("abeja.datasets")
    application.on("GET", "/organizations/1/datasets/2", lambda _: response({"dataset_id": "2"}))
    script = """
        from abeja.datasets import APIClient
        client = APIClient(credential={"user_id": "1", "personal_access_token": "t"})
        print([client.get_dataset("1", "2")["dataset_id"] for _ in range(3)])
    """

    assert output(script, environment) == "['2', '2', '2']"


def test_a_session_of_a_child_keeps_its_connection(environment: dict[str, str], application: StubApplication) -> None:
    """Over several requests and bodies of every kind."""
    script = """
        import io, requests
        with requests.Session() as session:
            for body in (b"bytes", io.BytesIO(b"file"), iter([b"gene", b"rator"])):
                print(session.post("https://api.abeja.io/echo", data=body).text)
            print(len(session.adapters["https://"].poolmanager.pools))
    """

    assert output(script, environment).split() == ["bytes", "file", "generator", "1"]


def test_grandchildren_reach_the_application_too(environment: dict[str, str]) -> None:
    """The environment goes on to them."""
    script = """
        import subprocess, sys
        grandchild = "import urllib.request as r; print(r.urlopen('https://api.abeja.io/hello').read().decode())"
        print(subprocess.check_output([sys.executable, "-c", grandchild]).decode())
    """

    assert output(script, environment) == "hello"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing_reaches_the_application(
    environment: dict[str, str], application: StubApplication, tmp_path: Path, method: str
) -> None:
    """With every start method that makes a fresh interpreter."""
    try:
        with one_worker(method) as pool:
            answer = pool.apply(requests.get, (f"{ORIGIN}/hello",))
            pool.apply(urllib.request.urlretrieve, (f"{ORIGIN}/hello", str(tmp_path / "hello")))
            pool.apply(requests.post, (f"{ORIGIN}/echo",), {"data": b"written by a child"})
    finally:
        if method == "forkserver":
            # It keeps the environment it was started with, which names this test's loopback.
            forkserver._forkserver._stop()  # type: ignore[attr-defined]

    assert answer.content == b"hello"
    assert (tmp_path / "hello").read_bytes() == b"hello"
    assert application.bodies[-1] == b"written by a child"
    assert set(application.processes) == {os.getpid()}


def test_a_refusal_in_a_child_reaches_its_parent(environment: dict[str, str]) -> None:
    """As the class that the parent knows."""
    with one_worker("spawn") as pool:
        with pytest.raises(UnknownHostError, match=r"refused GET https://example\.com/x "):
            pool.apply(requests.get, ("https://example.com/x",))
        assert pool.apply(len, ("abc",)) == 3


@pytest.mark.parametrize(
    "attempt",
    [
        "import urllib.request; urllib.request.urlopen('https://example.com/x')",
        "import requests; requests.get('https://example.com/x')",
        "import socket; socket.create_connection(('example.com', 443))",
        "import socket; socket.create_connection(('93.184.216.34', 443))",
        "import asyncio; asyncio.run(asyncio.open_connection('example.com', 443))",
    ],
)
def test_a_child_is_guarded_like_its_parent(environment: dict[str, str], attempt: str) -> None:
    """By the same words."""
    done = run(attempt, environment)

    assert done.returncode == 1
    assert "UnknownHostError: refused " in done.stderr
    assert "--abeja-allow-host" in done.stderr


def test_a_child_may_reach_what_its_parent_may(environment: dict[str, str]) -> None:
    """An allowed host fails only because there is none."""
    done = run("import urllib.request; urllib.request.urlopen('http://allowed.example/')", environment)

    assert "UnknownHostError" not in done.stderr
    assert "URLError" in done.stderr


def test_proxies_of_a_child_change_nothing(environment: dict[str, str], application: StubApplication) -> None:
    """Neither for a tunnel nor for an absolute target."""
    for name in ("http_proxy", "https_proxy"):
        environment[name] = "http://proxy.example:3128"
    script = """
        import requests, urllib.request
        for url in ("http://org.api.abeja.io/hello", "https://api.abeja.io/hello"):
            print(requests.get(url).text, urllib.request.urlopen(url).read().decode())
            print(requests.Session().get(url).text)
    """

    assert output(script, environment).split() == ["hello"] * 6
    assert [(request.scheme, request.host) for request in application.requests[::3]] == [
        ("http", "org.api.abeja.io"),
        ("https", "api.abeja.io"),
    ]


def test_a_child_that_opens_no_connection_imports_nothing(environment: dict[str, str]) -> None:
    """The hook waits until somebody needs it."""
    script = """
        import sys
        heavy = {"socket", "http.client", "urllib3", "ssl", "typing", "threading", "re"}
        print(sorted(heavy & set(sys.modules)))
    """
    bare = {name: value for name, value in environment.items() if name != "PYTHONPATH"}

    assert output(script, environment) == output(script, bare)


def test_the_hook_makes_way_for_another_sitecustomize(environment: dict[str, str], tmp_path: Path) -> None:
    """Which runs as if it had been found first, and whose errors are its own."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.mark = __file__\n")
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path)
    script = """
        import sys, sitecustomize, urllib.request
        assert sitecustomize.__file__ == sys.mark == sitecustomize.__spec__.origin
        print(urllib.request.urlopen("https://api.abeja.io/hello").read().decode())
    """
    assert output(script, environment) == "hello"

    (tmp_path / "sitecustomize.py").write_text("import nothing_of_that_name\n")
    done = run("print(1)", environment)
    assert "nothing_of_that_name" in done.stderr


def test_a_child_whose_parent_has_gone_is_told_so(environment: dict[str, str], loopback: Loopback) -> None:
    """At once, with an error that no client retries."""
    loopback.stop()
    script = """
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util.retry import Retry
        session = requests.Session()
        session.mount("https://", HTTPAdapter(max_retries=Retry(5, backoff_factor=10)))
        session.get("https://api.abeja.io/hello")
    """
    began = time.monotonic()
    done = run(script, environment)

    assert "EmulatorUnreachable: api.abeja.io is emulated by the process that listened on 127.0.0.1:" in done.stderr
    assert time.monotonic() - began < 8


def test_a_child_can_emulate_a_platform_of_its_own(environment: dict[str, str], application: StubApplication) -> None:
    """What it inherited comes back when that one stops."""
    script = """
        import urllib.request, abeja_emulator_child
        from abeja_emulator.transports.in_process import InProcess
        from abeja_emulator.transports.errors import UnknownHostError
        from abeja_emulator.wire.messages import Response

        assert UnknownHostError is abeja_emulator_child.UnknownHostError

        class Application:
            def spool(self): raise AssertionError
            def handle(self, request): return Response(200, [("Content-Length", "3")], b"own")

        def fetch():
            return urllib.request.urlopen("https://api.abeja.io/hello").read().decode()

        print(fetch())
        with InProcess(Application()):
            print(fetch())
        print(fetch())
    """
    environment["PYTHONPATH"] += os.pathsep + str(HOOK.parents[2])

    assert output(script, environment).split() == ["hello", "own", "hello"]


def _interpreters() -> list[str]:
    versions = Path.home() / ".pyenv" / "versions"
    found = [str(path / "bin" / "python") for path in sorted(versions.glob("3.*"))]
    return [path for path in found if Path(path).exists()] or [sys.executable]


@pytest.mark.parametrize("python", _interpreters())
def test_every_interpreter_runs_the_hook(
    environment: dict[str, str], application: StubApplication, python: str
) -> None:
    """From Python 3.6 on, with nothing but its standard library."""
    script = """
        import sys, urllib.request, http.client, asyncio, socket
        with urllib.request.urlopen("https://org.api.abeja.io/hello", timeout=5) as answer:
            print(answer.read().decode())
        connection = http.client.HTTPSConnection("api.abeja.io", timeout=5)
        for _ in range(2):
            connection.request("POST", "/echo", body=b"abc")
            print(connection.getresponse().read().decode())
        connection.close()
        for attempt in (
            lambda: urllib.request.urlopen("http://example.com/"),
            lambda: socket.create_connection(("example.com", 80)),
            lambda: socket.create_connection(("93.184.216.34", 80)),
        ):
            try:
                attempt()
            except Exception as error:
                print(type(error).__name__)
    """

    assert output(script, environment, python).split() == ["hello", "abc", "abc", *["UnknownHostError"] * 3]
    assert application.requests[-1].scheme == "https"


def test_the_environment_is_an_addition(tmp_path: Path) -> None:
    """What was on the path stays, once, and an empty entry does not become the working directory."""
    here = os.pathsep.join(["/one", "", str(HOOK), "/two"])
    variables = child_environment(("127.0.0.1", 5), ["a", "b:1"], base={"PYTHONPATH": here})

    assert variables == {
        "PYTHONPATH": os.pathsep.join([str(HOOK), "/one", "/two"]),
        "ABEJA_EMULATOR_LOOPBACK": "127.0.0.1:5",
        "ABEJA_EMULATOR_HOSTS": "a b:1",
        "ABEJA_EMULATOR_ALLOW_HOSTS": "",
        "ABEJA_EMULATOR_OFFLINE": "",
    }
    assert child_environment(("::1", 5), [], base={})["ABEJA_EMULATOR_LOOPBACK"] == "[::1]:5"
    assert child_environment(("::1", 5), [], base={})["PYTHONPATH"] == str(HOOK)


def test_the_hook_alone_does_nothing(environment: dict[str, str]) -> None:
    """Without an address there is nobody to lead to."""
    del environment["ABEJA_EMULATOR_LOOPBACK"]
    script = "import sys; print([type(f).__name__ for f in sys.meta_path if type(f).__name__ == 'Finder'])"

    assert output(script, environment) == "[]"


def test_the_hook_needs_no_package_around_it(environment: dict[str, str], tmp_path: Path) -> None:
    """Its folder works wherever it is copied, for an interpreter that has never heard of us."""
    shutil.copytree(HOOK, tmp_path / "hook", ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    environment["PYTHONPATH"] = str(tmp_path / "hook")

    assert (
        output(
            "import urllib.request as r; print(r.urlopen('https://api.abeja.io/hello').read().decode())",
            environment,
        )
        == "hello"
    )


def test_parent_and_child_see_the_same_state(environment: dict[str, str], application: StubApplication) -> None:
    """One in memory, one over the loopback, one application."""
    with InProcess(application):
        requests.post(f"{ORIGIN}/echo", data=b"parent", timeout=5)
        output("import requests; requests.post('https://api.abeja.io/echo', data=b'child')", environment)

    assert application.bodies == [b"parent", b"child"]
