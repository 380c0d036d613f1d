"""A job that does nothing, from the call that creates it to Complete, beside an empty script in that interpreter."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests

from abeja_emulator import Platform
from abeja_emulator.server import Server
from abeja_emulator.services.training.records import TrainingJob

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS = 31
HANDLER = "def handler(context):\n    pass\n"
ENDS = ("Complete", "Failed", "Stopped")


def archive(files: Mapping[str, str]) -> bytes:
    """Return a source archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return content.getvalue()


class Jobs:
    """Jobs of one version, made through the API of a server and run by it."""

    def __init__(self, server: Server, session: requests.Session) -> None:
        organization = server.variables()["ABEJA_ORGANIZATION_ID"]
        self._definitions = f"{server.url}/organizations/{organization}/training/definitions"
        self._session = session
        self._ended = threading.Event()
        self._status = ""
        server.platform.world.listeners.append(self._note)
        self._call("", json={"name": "nothing"})
        parameters = {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
        files = {
            "parameters": ("params.json", json.dumps(parameters), "application/json"),
            "source_code": ("source_code.zip", archive({"train.py": HANDLER}), "application/zip"),
        }
        self._call("/nothing/versions", files=files)

    def run(self) -> float:
        """Return the seconds from the call that creates a job to the moment in which it is Complete."""
        self._ended.clear()
        start = time.perf_counter()
        self._call("/nothing/versions/1/jobs", json={})
        assert self._ended.wait(60), self._status
        taken = time.perf_counter() - start
        assert self._status == "Complete", self._status
        return taken

    def _note(self, record: Any) -> None:
        # Not by asking for the job again and again: that would take processor time from it.
        if isinstance(record, TrainingJob):
            self._status = record.status
            if record.status in ENDS:
                self._ended.set()

    def _call(self, path: str, **content: Any) -> None:
        answer = self._session.post(self._definitions + path, timeout=60, **content)
        assert answer.ok, answer.text


def run_script(script: Path) -> float:
    """Return the seconds that an interpreter takes for an empty script."""
    start = time.perf_counter()
    subprocess.run([sys.executable, str(script)], check=True)  # noqa: S603 - ours
    return time.perf_counter() - start


def rows() -> list[tuple[str, str, str, str]]:
    """Return the rows of the table; each round of one is next to the other's."""
    with TemporaryDirectory() as folder, Platform() as platform, Server(platform) as server:
        script = Path(folder) / "empty.py"
        script.touch()
        with requests.Session() as session:
            session.headers["Authorization"] = "Bearer anything"
            jobs = Jobs(server, session)
            jobs.run()
            run_script(script)
            taken = [(jobs.run() * 1e3, run_script(script) * 1e3) for _ in range(ROUNDS)]
    job, empty = (median(times) for times in zip(*taken))
    added = median(ours - theirs for ours, theirs in taken)
    shown = f"job {job:.0f} ms, empty script {empty:.0f} ms"
    return [
        ("a job that does nothing, created → Complete, over an empty script", shown, f"+{added:.0f} ms", "≤ 150 ms")
    ]


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
