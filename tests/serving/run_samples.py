"""Runs to run: made by the SDK, with models that answer what a test says, or with real ones."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

import pytest
import requests
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.runs import APIClient as RunsAPI
from abeja.triggers import APIClient as TriggersAPI

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.serving.messages import TIMEOUT, ModelAnswer, ModelGone
from abeja_emulator.serving.model_code import ReadyCode
from abeja_emulator.serving.model_process import NotReady
from abeja_emulator.transports.in_process import InProcess
from tests.services.training.samples import tarred

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.serving.messages import ModelRequest

#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60

IMAGE = "abeja-inc/all-cpu:19.10"

_CREDENTIALS = ("PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_DATASOURCE_ID", "ABEJA_PLATFORM_DATASOURCE_SECRET")

#: What a model does: answers, raises, or does either when it is asked.
Says = Any


@contextmanager
def reached(platform: Platform) -> Iterator[Platform]:
    """Let every client of this process reach a Platform, with its credentials."""
    with pytest.MonkeyPatch.context() as patch, InProcess(platform):
        for name in _CREDENTIALS:
            patch.delenv(name, raising=False)
        for name, value in platform.credentials().items():
            patch.setenv(name, value)
        yield platform


class FakeProcess:
    """A process of a model: killed, it answers no more."""

    def __init__(self, says: Says, asked: list[tuple[ModelRequest, list[bytes]]]) -> None:
        self._says = says
        self._asked = asked
        self.killed = threading.Event()
        self.closed = 0

    def wait_ready(self, timeout: float | None = None, stopped: Callable[[], bool] = lambda: False) -> None:
        """Be ready, unless it says that it is not."""
        del timeout, stopped
        if isinstance(self._says, NotReady):
            raise self._says

    def ask(self, request: ModelRequest, timeout: float = TIMEOUT) -> ModelAnswer:
        """Answer."""
        del timeout
        bodies = [each.body if isinstance(each.body, bytes) else each.body.read() for each in request.contents]
        self._asked.append((request, bodies))
        said = self._says(self) if callable(self._says) else self._says
        if isinstance(said, BaseException):
            raise said
        if self.killed.is_set():
            message = "it was killed"
            raise ModelGone(message)
        return said if isinstance(said, ModelAnswer) else ModelAnswer(body=said)

    def kill(self) -> None:
        """Answer no more."""
        self.killed.set()

    def close(self) -> None:
        """Count."""
        self.closed += 1


class FakeCodes:
    """Makes processes that say one thing after the other, and the last one from then on.

    Attributes:
        asked: what they were asked, with the bodies.
        processes: those that were started.
        readied: how often code was made ready.
        problem: is raised instead, if it is not None.
    """

    def __init__(self, *says: Says) -> None:
        self._says: list[Says] = []
        self._said = 0
        self.says(*(says or (b"done",)))
        self._lock = threading.Lock()
        self.asked: list[tuple[ModelRequest, list[bytes]]] = []
        self.processes: list[FakeProcess] = []
        self.readied = 0
        self.problem: Exception | None = None

    def says(self, *says: Says) -> None:
        """Let the processes that are started from now on say this, one after the other."""
        self._says, self._said = list(says), 0

    def ready(self, place: Path, *_: Any, **__: Any) -> Any:
        """Return some code that was made ready in a folder."""
        self.readied += 1
        if self.problem is not None:
            raise self.problem
        place.mkdir(parents=True)
        return ReadyCode(place, place, place, {}, ModelCalling.RUNTIME, None)

    def start(self, *_: Any) -> Any:
        """Start a process."""
        with self._lock:
            says = self._says[min(self._said, len(self._says) - 1)]
            self._said += 1
            process = FakeProcess(says, self.asked)
            self.processes.append(process)
        return process


class Gate:
    """What a model says that answers when it is let go, or killed."""

    def __init__(self, answer: Says = b"done") -> None:
        self.entered = threading.Semaphore(0)
        self._answer = answer
        self._go = threading.Semaphore(0)

    def __call__(self, process: FakeProcess) -> Any:
        """Wait."""
        self.entered.release()
        for _ in range(PATIENCE * 100):
            if process.killed.is_set() or self._go.acquire(timeout=0.01):
                return self._answer
        message = "nobody let it go"
        raise AssertionError(message)

    def let_go(self, times: int = 1) -> None:
        """Let so many answer."""
        for _ in range(times):
            self._go.release()

    def wait_for_one(self) -> None:
        """Wait until one more is being asked."""
        assert self.entered.acquire(timeout=PATIENCE)


class Maker:
    """Makes deployments, channels, runs and triggers with the SDK."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.organization = platform.organization.id
        self.deployment: str = DeploymentsAPI().create_deployment(self.organization, "reader")["deployment_id"]
        self._versions = 0

    def version(self, source: str | None = "def handler(request, context): return {}", **files: str) -> str:
        """Make a version of a module `main`, and return its id; None for one without code."""
        self._versions += 1
        made = DeploymentsAPI().create_deployment_version(
            self.organization, self.deployment, f"0.0.{self._versions}", "main:handler", IMAGE
        )
        if source is not None:
            code = tarred({"main.py": source.encode(), **{name: text.encode() for name, text in files.items()}})
            requests.put(made["upload_url"], data=code, timeout=PATIENCE).raise_for_status()
        identifier: str = made["version_id"]
        return identifier

    def run(self, version: str | None = None, **options: Any) -> str:
        """Submit a run, and return its id."""
        made = RunsAPI().create_run(self.organization, self.deployment, version or self.version(), **options)
        assert made["status"] == "SUBMITTED"
        identifier: str = made["run_id"]
        return identifier

    def shown(self, run_id: str) -> dict[str, Any]:
        """Return a run as the API shows it."""
        found: dict[str, Any] = RunsAPI().get_run(self.organization, self.deployment, run_id)
        return found

    def status(self, run_id: str) -> str:
        """Return the status of a run, as the API shows it."""
        return str(self.shown(run_id)["status"])

    def log(self, run_id: str) -> list[str]:
        """Return the log of a run, as the API shows it."""
        page = RunsAPI().get_run_logs(self.organization, self.deployment, run_id)
        return [event["message"] for event in page["events"]]

    def channel(self, name: str = "channel") -> str:
        """Make a channel, and return its id."""
        made = DatalakeAPI().create_channel(self.organization, name, "", "datalake")
        identifier: str = made["channel"]["channel_id"]
        return identifier

    def put(self, channel: str, content: bytes = b"content", kind: str = "text/plain", **options: Any) -> str:
        """Put a file into a channel, and return `<channel>/<file>`."""
        made = DatalakeAPI().post_channel_file_upload(channel, io.BytesIO(content), kind, **options)
        return f"{channel}/{made['file_id']}"

    def trigger(self, channel: str, output: str | None = None, **options: Any) -> str:
        """Make a trigger, and return its id."""
        if output is not None:
            options.update(output_service_name="datalake", output_service_id=output)
        version = options.pop("version", None) or self.version()
        made = TriggersAPI().create_trigger(self.organization, self.deployment, version, "datalake", channel, **options)
        identifier: str = made["trigger_id"]
        return identifier

    def runs_of(self, trigger: str) -> list[str]:
        """Return the ids of the runs of a trigger, oldest first."""
        page = TriggersAPI().get_trigger_runs(self.organization, self.deployment, trigger, scan_forward=True)
        return [run["run_id"] for run in page["entries"]]

    def files(self, channel: str) -> list[tuple[str, str, bytes, dict[str, str]]]:
        """Return name, type, content and other metadata of the files of a channel, oldest first."""
        found = []
        for file in self.platform.look.files(channel):
            metadata = dict(file.metadata)
            content = self.platform.look.content(channel, file.file_id)
            found.append((metadata.pop("x-abeja-meta-filename", ""), file.content_type, content, metadata))
        return found

    def delete_version(self, version: str) -> None:
        """Delete a version of the code."""
        DeploymentsAPI().delete_deployment_version(self.organization, self.deployment, version)
