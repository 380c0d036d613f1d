"""A child with an environment of its own is led to the emulator all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.transports.child_processes import ChildProcesses
from abeja_emulator.transports.children import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.transports.loopback import Loopback

SCRIPT = """
import urllib.request
print(urllib.request.urlopen("https://api.abeja.io/hello").read().decode())
try:
    urllib.request.urlopen("https://example.com/")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture(autouse=True)
def _entered(loopback: Loopback) -> Iterator[None]:
    original = subprocess.Popen.__init__
    with ChildProcesses(child_environment(loopback.address, ["api.abeja.io"], base={})):
        yield
    assert subprocess.Popen.__init__ is original


def output(**options: Any) -> list[str]:
    """Return what the child prints."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60, **options)
    return str(done.stdout).split()


@pytest.mark.parametrize(
    "environment",
    [
        None,
        {},
        {"PATH": os.environ.get("PATH", "")},
        {"PYTHONPATH": "/elsewhere"},
        {b"PYTHONPATH": b"/elsewhere"},
    ],
)
def test_whatever_its_environment(environment: dict[Any, Any] | None) -> None:
    """It reaches the platform, and nothing else."""
    assert output(env=environment) == ["hello", "UnknownHostError"]


def test_a_path_that_was_set_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler may put its own folders there; they stay."""
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert output() == ["hello", "UnknownHostError"]
    command = [sys.executable, "-c", "import sys; print('/elsewhere' in sys.path)"]
    assert subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout == "True\n"
    assert os.environ["PYTHONPATH"] == "/elsewhere"


def test_arguments_without_names() -> None:
    """`Popen` takes its environment in the eleventh place, too."""
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, -1, None, None, subprocess.PIPE, None, None, True, False, None, {}) as child:  # noqa: FBT003
        assert child.stdout is not None
        assert child.stdout.read().split() == [b"hello", b"UnknownHostError"]


def test_a_child_that_was_led_elsewhere_stays_there(loopback: Loopback) -> None:
    """An emulator within an emulator has said already where its children go."""
    del loopback
    hook = ChildProcesses(child_environment(("127.0.0.1", 1), [], base={}))
    assert hook.complete({"ABEJA_EMULATOR_LOOPBACK": "127.0.0.1:2"})["ABEJA_EMULATOR_LOOPBACK"] == "127.0.0.1:2"
