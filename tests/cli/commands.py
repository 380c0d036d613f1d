"""The real command, run as a person runs it: in a process of its own, with a shell's environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "fixtures"

#: A command that takes longer has hung.
TIMEOUT = 120

#: Handlers of the tests; `Statistics` needs no data.
HANDLERS = """
import os
import signal
import sys
import time

from abeja.train.client import Client
from abeja.train.statistics import Statistics

RESULT = os.environ["ABEJA_TRAINING_RESULT_DIR"]


def report(epoch, epochs=3):
    statistics = Statistics(num_epochs=epochs, epoch=epoch)
    statistics.add_stage("train", accuracy=epoch / 10.0, loss=1.0 / epoch)
    Client().update_statistics(statistics)


def quick(context):
    print("it begins")
    sys.stderr.write("take care\\n")
    for epoch in (1, 2, 3):
        report(epoch)
    os.makedirs(os.path.join(RESULT, "logs"))
    for name in ("model.bin", os.path.join("logs", "events")):
        with open(os.path.join(RESULT, name), "w") as file:
            file.write(os.environ.get("CONTENT", "trained"))


def fails(context):
    raise ValueError("no such thing")


def waits(context):
    # By default the platform's launcher dies of it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    report(1)
    print("it waits")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        with open(os.path.join(RESULT, "partial"), "w") as file:
            file.write("half")
        print("it was asked to end")
        raise


def stubborn(context):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("it waits")
    while True:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            print("it does not listen")


def by_attribute(context):
    print("train is {}".format(context.datasets["train"]))
"""


def shell_environment(home: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment of a shell that knows nothing of this test run; None takes a variable away."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ABEJA_", "TRAINING_", "PYTEST_")) and not name.lower().endswith("_proxy")
    }
    environment.update(HOME=str(home), PYTHONPATH=str(ROOT), XDG_CACHE_HOME=str(home / "cache"), TERM="xterm")
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


class Commands:
    """Runs commands in a folder.

    Args:
        folder: their working directory.
        home: the user's folder.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.environment: dict[str, str | None] = {}

    def __call__(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and check its exit code."""
        done = subprocess.run(
            self.line(*arguments),
            cwd=self.folder,
            env=shell_environment(self.home, self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: object, code: int = 0) -> Any:
        """Run a command with `--json`, and return what it prints."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def events(self, *arguments: object, code: int = 0) -> list[dict[str, Any]]:
        """Run a command with `--json` that prints an object a line."""
        return [json.loads(line) for line in self(*arguments, "--json", code=code).stdout.splitlines()]

    def refused(self, *arguments: object, code: int) -> str:
        """Run a command that cannot do it, check that it says so in one plain sentence, and return that."""
        done = self(*arguments, code=code)
        assert done.stderr.startswith("abeja-emulator"), done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def start(self, *arguments: object) -> Process:
        """Start a command."""
        return Process(
            subprocess.Popen(
                self.line(*arguments),
                cwd=self.folder,
                env=shell_environment(self.home, self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )

    def serve(self, *arguments: object) -> Server:
        """Start a server on any free port, and wait until it says where it is."""
        return Server(self.start("serve", "--port", "0", "--json", *arguments))

    @staticmethod
    def line(*arguments: object) -> list[str]:
        """Return a command line."""
        return [sys.executable, "-m", "abeja_emulator", *map(str, arguments)]


class Process:
    """A command that runs.

    Attributes:
        popen: its process.
    """

    def __init__(self, popen: subprocess.Popen[str]) -> None:
        self.popen = popen

    def wait_for(self, text: str) -> list[str]:
        """Read its stdout up to a line with that text, and return all of them."""
        assert self.popen.stdout is not None
        lines: list[str] = []
        for line in self.popen.stdout:
            lines.append(line.rstrip("\n"))
            if text in line:
                return lines
        raise AssertionError("\n".join([*lines, *self.end()]))

    def end(self, number: signal.Signals | None = None) -> tuple[str, str]:
        """Send it a signal, if one is given, wait for its end, and return the rest of stdout and of stderr."""
        if number is not None:
            self.popen.send_signal(number)
        return self.popen.communicate(timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.popen.poll() is None:
            # Killed, it would leave its folder behind.
            self.popen.terminate()
            try:
                self.end()
            finally:
                self.popen.kill()
        for stream in (self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()


class Server(Process):
    """A server that answers.

    Attributes:
        url: where it is.
        variables: what its clients need.
    """

    def __init__(self, process: Process) -> None:
        super().__init__(process.popen)
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            raise AssertionError(self.end()[1])
        told = json.loads(line)
        self.url: str = told["url"]
        self.variables: dict[str, str] = told["variables"]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it with a signal, and return its exit code and the rest of stderr."""
        _, said = self.end(number)
        return self.popen.returncode, said
