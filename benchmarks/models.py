"""Models that are served: what the proxy adds, how long a service takes to start, and whose answer each client gets.

`python -m benchmarks.models` needs abejaruntime.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import requests

from abeja_emulator import Platform
from abeja_emulator.clock import Clock
from abeja_emulator.server import Server
from abeja_emulator.serving import frames
from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.messages import ModelContent, ModelRequest
from abeja_emulator.serving.model_process import ModelProcess
from abeja_emulator.serving.proxy import Proxy
from abeja_emulator.transports.loopback import Loopback
from abeja_emulator.wire.messages import Request, Response
from benchmarks.job import archive
from benchmarks.measure import Result, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from typing_extensions import Self

    from abeja_emulator.store.blobs import BlobSpool

#: Answers what it is asked, or which process it is.
ECHO = """
import os

def handler(request, context):
    if request["http_method"] == "GET":
        return {"content": str(os.getpid())}
    return {"content": [request.read()], "content_type": "text/plain"}
"""
BODY = b'{"x": 0.5, "y": 0.25}'
JSON = "application/json"
CALLS = 200
STARTS = 11
CLIENTS = 8
REQUESTS = 1_000
PATIENCE = 60

Rows = list[tuple[str, str, str, str]]


# -- one model, asked in several ways -----------------------------------------------------------


class Fronted:
    """A proxy as an application."""

    def __init__(self, proxy: Proxy, platform: Platform) -> None:
        self.spool: Callable[[], BlobSpool] = platform.spool
        self.handle: Callable[[Request], Response] = proxy.handle


class Bare:
    """HTTP in front of something that gives bytes, and nothing else: no conversion, no turns, no health."""

    def __init__(self, platform: Platform, give: Callable[[], bytes]) -> None:
        self.spool: Callable[[], BlobSpool] = platform.spool
        self._give = give

    def handle(self, request: Request) -> Response:
        """Answer with the bytes."""
        del request
        body = self._give()
        return Response(
            200, [("Content-Type", JSON), ("Content-Length", str(len(body))), ("Connection", "close")], body
        )


@contextmanager
def model() -> Iterator[ModelProcess]:
    """Run the model in a process of its own, without a platform."""
    with tempfile.TemporaryDirectory() as name:
        source, room = Path(name, "source"), Path(name, "room")
        source.mkdir()
        (source / "main.py").write_text(ECHO)
        with ModelProcess(sys.executable, source, room, dict(os.environ), lambda _: None, Clock()) as process:
            process.wait_ready(PATIENCE)
            yield process


def by_frames(path: str, folder: str) -> bytes:
    """Ask the runtime as little as can be: a body in a file, a frame there and one back, a body in a file."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    os.write(descriptor, BODY)
    os.close(descriptor)
    content = {"content_type": JSON, "path": name, "metadata": None, "file_name": None, "form_name": None}
    asked = {"method": "POST", "content_type": JSON, "headers": [], "contents": [content]}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        connection.sendall(frames.encode(asked))
        answer = frames.read(connection.recv)
    Path(name).unlink()
    file = Path(answer["path"])
    body = file.read_bytes()
    file.unlink()
    return body


def by_http(address: tuple[str, int]) -> bytes:
    """Ask over HTTP; as on the platform, a connection is good for one request."""
    connection = HTTPConnection(*address)
    connection.request("POST", "/", BODY, {"Content-Type": JSON})
    body = connection.getresponse().read()
    connection.close()
    return body


def asked_in_turn() -> list[Result]:
    """Return microseconds a request of each way to ask a model.

    One process is asked by `frames`, over HTTP that is as `bare` as can be, by its `ask`, by its `proxy` and over
    `http`, as `model serve` is; a process of a service is asked through the `platform`.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        process = stack.enter_context(model())
        platform = stack.enter_context(Platform())
        proxy = Proxy(Identity("1", "2"), platform.spool)
        proxy.add(process)
        loopback = stack.enter_context(Loopback(Fronted(proxy, platform)))
        bare = stack.enter_context(Loopback(Bare(platform, lambda: by_frames(process._socket, folder))))
        service = stack.enter_context(Served())
        content = ModelContent(BODY, JSON)
        headers = [("Content-Type", JSON), ("Content-Length", str(len(BODY)))]
        ways: dict[str, Callable[[], bytes]] = {
            "frames": lambda: by_frames(process._socket, folder),
            "ask": lambda: process.ask(ModelRequest("POST", JSON, (), (content,))).body,
            "proxy": lambda: proxy.handle(Request("POST", "/", headers=headers, body=BODY)).read(),
            "bare": lambda: by_http(bare.address),
            "http": lambda: by_http(loopback.address),
            "platform": lambda: service.handle(BODY),
        }
        for name, way in ways.items():
            assert way() == BODY, name
        return time_in_turn({name: lambda way=way: nullcontext(way) for name, way in ways.items()}, calls=CALLS)  # type: ignore[misc]


# -- services ----------------------------------------------------------------------------------------


class Served:
    """A server, with a version whose services it runs."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.platform = self._stack.enter_context(Platform())
        self.server = self._stack.enter_context(Server(self.platform))
        self._session = self._stack.enter_context(requests.Session())
        self._session.headers["Authorization"] = "Bearer anything"
        organization = self.server.variables()["ABEJA_ORGANIZATION_ID"]
        self._base = f"{self.server.url}/organizations/{organization}/deployments"
        self.deployment = self._call("", name="echo")["deployment_id"]
        about = {"version": "0.0.1", "handler": "main:handler", "image": "abeja-inc/all-cpu:19.10"}
        made = self._call(f"/{self.deployment}/versions", **about)
        self._session.put(made["upload_url"], data=archive({"main.py": ECHO})).raise_for_status()
        self._version = made["version_id"]
        self.host = f"{organization}.api.abeja.io"
        self.service, _ = self.start()
        self.path = f"/deployments/{self.deployment}/services/{self.service}"
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def start(self) -> tuple[str, float]:
        """Make a service, and return its id and the seconds from the call that makes it until it is READY."""
        begun = time.perf_counter()
        made = self._call(f"/{self.deployment}/services", version_id=self._version, instance_number=1)
        status = self.server.services.wait(made["service_id"], PATIENCE).status
        taken = time.perf_counter() - begun
        assert status == "READY", status
        return made["service_id"], taken

    def delete(self, service_id: str) -> None:
        """Delete a service, and wait for the end of its process, which would take time from what comes next."""
        path = f"/deployments/{self.deployment}/services/{service_id}"
        pid = int(self._session.get(self.server.url + path, headers={"Host": self.host}, timeout=PATIENCE).text)
        self._session.delete(f"{self._base}/{self.deployment}/services/{service_id}").raise_for_status()
        end = time.monotonic() + PATIENCE
        while is_alive(pid):
            assert time.monotonic() < end, pid
            time.sleep(0.01)

    def handle(self, body: bytes) -> bytes:
        """Ask the service within this process, as clients under pytest do."""
        headers = [("Content-Type", JSON), ("Content-Length", str(len(body))), ("Authorization", "Bearer anything")]
        asked = Request("POST", self.path, host=self.host, headers=headers, body=body)
        return self.platform.handle(asked).read()

    def _call(self, path: str, **body: Any) -> Any:
        answer = self._session.post(self._base + path, json=body, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json()


def is_alive(pid: int) -> bool:
    """Tell whether a process lives; some machines never take a dead one away, and one may go while it is looked at."""
    try:
        return bool(Path("/proc", str(pid), "cmdline").read_bytes())
    except OSError:
        return False


def starts(served: Served) -> tuple[float, float]:
    """Return milliseconds until a service is READY, and those of its interpreter with the same imports."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.py").write_text(ECHO)
        # Until the imports are done; what an interpreter does at its end would be for us.
        command = [sys.executable, "-c", "import abejaruntime36.run, main; print(flush=True)"]
        taken = []
        for _ in range(STARTS + 1):
            service_id, ready = served.start()
            served.delete(service_id)
            begun = time.perf_counter()
            with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
                assert process.stdout is not None
                assert process.stdout.readline()
                taken.append((ready * 1e3, (time.perf_counter() - begun) * 1e3))
    ours, theirs = zip(*taken[1:])
    return median(ours), median(theirs)


def answered(served: Served) -> tuple[int, float]:
    """Return how many of the requests of several clients got their own answer, and the requests a second."""
    address = served.server.url.rpartition("/")[2].split(":")
    good: list[int] = []

    def ask(client: int) -> None:
        for number in range(client, REQUESTS, CLIENTS):
            body = json.dumps({"client": client, "number": number}).encode()
            connection = HTTPConnection(address[0], int(address[1]), timeout=PATIENCE)
            headers = {"Content-Type": JSON, "Host": served.host, "Authorization": "Bearer anything"}
            connection.request("POST", served.path, body, headers)
            response = connection.getresponse()
            if (response.status, response.read()) == (200, body):
                good.append(number)
            connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(set(good)), REQUESTS / (time.perf_counter() - begun)


def rows() -> Rows:
    """Return the rows of the table."""
    if importlib.util.find_spec("abejaruntime36") is None:
        return [("a model's answers", "abejaruntime is not installed", "not measured", "")]
    # Else both sides compile NumPy at each start, beside which nothing else can be seen; an installer leaves bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    results = asked_in_turn()
    shown = ", ".join(f"{result.name} {result.value:,.0f} {result.unit}" for result in results)
    with Served() as served:
        ready, imported = starts(served)
        good, rate = answered(served)
    what = f"{REQUESTS:,} requests of {CLIENTS} clients, each with its own answer"
    took = {result.name: result.value for result in results}
    return [
        ("a model over HTTP beside bare HTTP and frames", shown, f"{took['http'] / took['bare']:.2f} ×", "≤ 1.2"),
        ("the same beside frames on its socket, without HTTP", "", f"{took['http'] / took['frames']:.2f} ×", ""),
        ("a service within `Platform.handle` beside frames", "", f"{took['platform'] / took['frames']:.2f} ×", ""),
        (
            "a service, created → READY, beside its interpreter with the same imports",
            f"service {ready:,.0f} ms, imports {imported:,.0f} ms",
            f"{ready / imported:.2f} ×",
            "≤ 1.15",
        ),
        (what, f"{rate:,.0f}/s", f"{good:,}", f"{REQUESTS:,}"),
    ]


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
