"""A child in a session of its own: its log as it comes, its exit code, and how all of it is ended."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import abeja_emulator
from abeja_emulator.clock import Clock
from abeja_emulator.runtime import child_process
from abeja_emulator.runtime.child_process import (
    ChildProcess,
    NotStarted,
    launcher_command,
    launcher_variables,
)
from abeja_emulator.runtime.images import Calling
from tests.runtime.test_launcher import MINORS, interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import LogLine

LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows whose processes are whose")


class Child:
    """A child and the lines it has written so far."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], **options: Any) -> None:
        self.lines: list[LogLine] = []
        self._news = threading.Condition()
        self.process = ChildProcess(command, folder, environment, self._take, Clock(), **options)

    def _take(self, lines: list[LogLine]) -> None:
        with self._news:
            self.lines += lines
            self._news.notify_all()

    @property
    def log(self) -> list[str]:
        """The messages of its lines."""
        return [line.message for line in self.lines]

    def await_line(self, text: str) -> None:
        """Wait until it has written a line."""
        with self._news:
            assert self._news.wait_for(lambda: text in self.log, 60), self.log


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start a program, given as its text, in an interpreter; whatever is left is killed."""
    children: list[Child] = []

    def start_program(text: str, *, command: list[str] | None = None, **options: Any) -> Child:
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONUNBUFFERED": "x", "PYTHONIOENCODING": "utf-8"}
        child = Child(command or [sys.executable, "-c", text], tmp_path, environment, **options)
        children.append(child)
        return child

    yield start_program
    for child in children:
        child.process.kill()
        assert child.process.has_ended(60)


@pytest.fixture
def launch(tmp_path: Path, write: Callable[..., Path]) -> Iterator[Callable[..., Child]]:
    """Start a handler with the launcher, given as the text of its module; whatever is left is killed."""
    children: list[Child] = []

    def start_handler(text: str, python: str = sys.executable, **options: Any) -> Child:
        source = write("train.py", text).parent
        environment = {**os.environ, **launcher_variables(Calling.DICT), "PYTHONUNBUFFERED": "x"}
        child = Child(launcher_command(python), source, {**environment, "HANDLER": "train:handler"}, **options)
        children.append(child)
        return child

    yield start_handler
    for child in children:
        child.process.kill()
        assert child.process.has_ended(60)


def await_death(pid: int) -> None:
    """Wait until a process that was killed is gone, which takes the system a moment."""
    end = time.monotonic() + 60
    while lives(pid):
        assert time.monotonic() < end, f"process {pid} lives on"


def lives(pid: int) -> bool:
    """Return whether a process is there and no zombie, which some machines never take away."""
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(status.strip()) and not status.strip().startswith("Z")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("raise SystemExit(-1)", 255),
        ("import os; os._exit(120)", 120),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 11)", 139),
        ("import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), 2)", 130),
    ],
)
def test_exit_codes_are_those_of_a_shell(start: Callable[..., Child], text: str, code: int) -> None:
    """A signal is 128 and its number; all of the log is there by then, and no zombie is left."""
    child = start(f"print('first'); {text}")
    assert child.process.wait() == child.process.wait() == child.process.code == code
    assert child.log == ["first"]
    assert repr(child.process) == f"<ChildProcess {child.process.pid}: exit code {code}>"
    with pytest.raises(ChildProcessError):
        os.waitpid(child.process.pid, os.WNOHANG)


@pytest.mark.parametrize(
    ("text", "code"),
    [("os.kill(os.getpid(), 9)", 137), ("os.kill(os.getpid(), 2)", 130), ("os._exit(120)", 120), ("sys.exit(7)", 7)],
)
def test_the_launcher_passes_on_how_its_handler_ends(launch: Callable[..., Child], text: str, code: int) -> None:
    """Although that runs in a child of its own."""
    child = launch(f"import os, sys\ndef handler(context): {text}")
    assert child.process.wait() == code, child.log
    assert child.process.message is None


def test_it_is_told_why_a_handler_failed(launch: Callable[..., Child], tmp_path: Path) -> None:
    """In one line, unless the handler has closed, or opened anew, what that goes through."""
    child = launch("def handler(context): raise ValueError('第一\\nsecond')")
    assert child.process.wait() == 1
    assert child.process.message == "ValueError: 第一"
    text = """
        import os
        def handler(context):
            os.closerange(3, 64)
            files = [open("file%d" % number, "w") for number in range(20)]
            raise ValueError
    """
    child = launch(text)
    assert child.process.wait() == 1
    assert child.process.message is None
    assert [file.read_bytes() for file in (tmp_path / "source").glob("file*")] == [b""] * 20


def test_what_it_writes_is_its_log(start: Callable[..., Child]) -> None:
    """Standard output as INFO and standard error as WARNING, as it comes and to the last byte; its input is empty."""
    text = """
import os, sys
print(repr(sys.stdin.read()))
os.write(1, b"caf\\xe9\\n")
print("error", file=sys.stderr)
print("y" * 200000)
print("last", end="")
""".replace("\\\\", "\\")
    child = start(text)
    assert child.process.wait() == 0
    lines = [(line.log_level, line.message) for line in child.lines]
    assert [line for line in lines if line[0] == "INFO"] == [
        ("INFO", message) for message in ("''", "caf\ufffd", "y" * 200000, "last")
    ]
    assert [line for line in lines if line[0] != "INFO"] == [("WARNING", "error")]


def test_lines_are_there_while_it_runs(start: Callable[..., Child]) -> None:
    """Without another line to push them."""
    child = start("import time; print('ready'); time.sleep(1000)")
    child.await_line("ready")
    assert child.process.code is None
    assert not child.process.has_ended()
    assert repr(child.process).endswith("running>")


def test_many_lines_are_few_batches(tmp_path: Path) -> None:
    """200,000 lines are nowhere near as many transactions."""
    batches: list[list[LogLine]] = []
    command = [sys.executable, "-c", "print('\\n'.join(map(str, range(200000))))"]
    assert ChildProcess(command, tmp_path, {}, batches.append, Clock()).wait() == 0
    assert [line.message for batch in batches for line in batch] == [str(number) for number in range(200_000)]
    assert len(batches) <= 200


@pytest.mark.parametrize("minor", MINORS)
def test_stop_ends_a_handler_at_once(launch: Callable[..., Child], minor: int) -> None:
    """No `finally` of it runs, and no grace passes, in any interpreter."""
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} here")
    text = """
        import time
        def handler(context):
            print("ready")
            try:
                time.sleep(1000)
            finally:
                print("finally")
    """
    child = launch(text, python)
    child.await_line("ready")
    child.process.stop(1000)
    assert (child.process.wait(), child.log) == (130, ["ready"])


def test_a_handler_that_takes_sigint_gets_it_once(launch: Callable[..., Child]) -> None:
    """And may save what it has; also when whoever started it had signals blocked."""
    text = """
        import signal, sys
        def save(*_):
            print("saved")
        def handler(context):
            print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            signal.signal(signal.SIGINT, save)
            print("ready")
            signal.pause()
            sys.exit(5)
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
    try:
        child = launch(text)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    child.await_line("ready")
    child.process.stop(1000)
    assert (child.process.wait(), child.log) == (5, ["set()", "ready", "saved"])


DEAF = "import signal, time; signal.signal(2, signal.SIG_IGN); print('ready', flush=True); time.sleep(1000)"


def test_stop_kills_what_ignores_sigint_after_its_grace(start: Callable[..., Child]) -> None:
    """The grace passes as the caller says, who is told meanwhile whether there is still somebody to wait for."""
    child = start(DEAF)
    child.await_line("ready")
    seen: list[tuple[float, bool]] = []
    child.process.stop(wait=lambda seconds, is_dead: seen.append((seconds, is_dead())))
    assert (child.process.code, seen) == (137, [(25.0, False)])
    child = start(DEAF)
    child.process.stop(0, wait=lambda seconds, is_dead: seen.append((seconds, is_dead())))
    assert (child.process.code, len(seen)) == (137, 1)


def test_stop_of_what_has_ended_changes_nothing(start: Callable[..., Child]) -> None:
    """Nor does `kill`, and it may be stopped by many at once."""
    child = start("pass")
    assert child.process.wait() == 0
    child.process.stop()
    child.process.kill()
    assert child.process.wait() == 0
    child = start("import time; time.sleep(1000)")
    threads = [threading.Thread(target=child.process.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert child.process.has_ended()
    with start("import time; time.sleep(1000)").process as process:
        assert process.code is None
    assert process.code == 137


@pytest.mark.parametrize("session", [False, pytest.param(True, marks=LINUX)])
@pytest.mark.parametrize("end", ["", "time.sleep(1000)"])
def test_grandchildren_end_with_it(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch, end: str, *, session: bool
) -> None:
    """When it has returned and when it is stopped, also those that ignore SIGINT, hold the log open, or got away."""
    if not session:
        # The group is enough where a system does not show whose processes are whose.
        monkeypatch.setattr(child_process, "_PROC", "/nowhere")
    child = start(
        "import subprocess, sys, time\n"
        f"other = subprocess.Popen([sys.executable, '-c', {DEAF!r}], stdout=-1, start_new_session={session})\n"
        f"other.stdout.readline(); print('pid', other.pid); print('ready'); {end}"
    )
    child.await_line("ready")
    if end:
        child.process.stop(1000)
    child.process.wait()
    await_death(int(child.log[0].split()[1]))


@LINUX
@pytest.mark.parametrize("writes", ["time.sleep(1000)", "[os.write(1, b'x' * 1000) for _ in iter(int, 1)]"])
def test_nobody_waits_for_the_log_of_a_stranger(start: Callable[..., Child], writes: str) -> None:
    """One that has left its session and its mark behind and holds the log open; it may even write to it for ever."""
    child = start(
        "import subprocess, sys\n"
        f"text = {'import os, time; ' + writes!r}\n"
        "other = subprocess.Popen([sys.executable, '-c', text], env={'A': 'b'}, start_new_session=True)\n"
        "print(other.pid, flush=True); sys.stdout.flush()"
    )
    try:
        assert child.process.wait() == 0
    finally:
        os.kill(int(child.log[0].partition("x")[0]), signal.SIGKILL)


def test_it_does_not_outlive_this_process(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Even when that is killed: the handler's end of a named pipe closes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = """
        import os, time
        def handler(context):
            with open(os.environ["PIPE"], "w") as pipe:
                pipe.write("ready\\n")
                pipe.flush()
                time.sleep(1000)
    """
    source = write("train.py", text).parent
    parent_text = f"""
import os, sys
from abeja_emulator.clock import Clock
from abeja_emulator.runtime.child_process import ChildProcess, launcher_command
environment = {{**os.environ, "HANDLER": "train:handler", "PIPE": {str(pipe)!r}}}
ChildProcess(launcher_command(sys.executable), {str(source)!r}, environment, print, Clock()).wait()
"""
    package = Path(abeja_emulator.__file__).parents[1]
    parent = subprocess.Popen([sys.executable, "-c", parent_text], env={**os.environ, "PYTHONPATH": str(package)})
    with pipe.open() as end:
        assert end.readline() == "ready\n"
        parent.kill()
        parent.wait()
        assert end.read() == ""


@LINUX
def test_what_has_left_the_group_does_not_outlive_this_process_either(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    """A process in a session of its own, and what it has started, end when this one is killed; a stranger does not."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = """
        import os, subprocess, sys, time
        def handler(context):
            inner = (
                f"import time; pipe = open({os.environ['PIPE']!r}, 'w')\\n"
                "print(1, file=pipe, flush=True); time.sleep(1000)"
            )
            outer = (
                f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {inner!r}])\\n"
                "time.sleep(1000)"
            )
            subprocess.Popen([sys.executable, "-c", outer], start_new_session=True)
            time.sleep(1000)
    """
    source = write("train.py", text).parent
    parent_text = f"""
import os, sys
from abeja_emulator.clock import Clock
from abeja_emulator.runtime.child_process import ChildProcess, launcher_command
environment = {{**os.environ, "HANDLER": "train:handler", "PIPE": {str(pipe)!r}}}
ChildProcess(launcher_command(sys.executable), {str(source)!r}, environment, print, Clock()).wait()
"""
    package = Path(abeja_emulator.__file__).parents[1]
    marked = {**os.environ, "PYTHONPATH": str(package), child_process.MARK: "of another"}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=marked, stdin=subprocess.PIPE) as stranger:
        parent = subprocess.Popen([sys.executable, "-c", parent_text], env=marked)
        with pipe.open() as end:
            assert end.readline() == "1\n"
            parent.kill()
            parent.wait()
            assert end.read() == ""
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_limits_are_there_before_the_handler(launch: Callable[..., Child], tmp_path: Path) -> None:
    """`on_start` ends before it begins; its child has what was given to the process."""
    text = """
        import os, resource
        print(os.path.exists("started"), resource.getrlimit(resource.RLIMIT_CORE)[0])
        def handler(context): pass
    """
    pids: list[int] = []

    def limit(pid: int) -> None:
        pids.append(pid)
        if hasattr(resource, "prlimit"):
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        (tmp_path / "source" / "started").touch()

    child = launch(text, on_start=limit)
    assert (child.process.wait(), pids) == (0, [child.process.pid])
    assert child.log == ["True 0"] if hasattr(resource, "prlimit") else child.log[0].startswith("True")


def test_a_handler_that_cannot_be_limited_does_not_run(launch: Callable[..., Child], tmp_path: Path) -> None:
    """What `on_start` raised comes out, and the child is gone."""
    pids: list[int] = []

    def refuse(pid: int) -> None:
        pids.append(pid)
        raise PermissionError

    with pytest.raises(PermissionError):
        launch("open('ran', 'w')\ndef handler(context): pass", on_start=refuse)
    await_death(pids[0])
    assert not (tmp_path / "source" / "ran").exists()


def test_it_has_a_session_of_its_own_and_nothing_else(launch: Callable[..., Child]) -> None:
    """No child to wait for, no other thread, nothing but one more open file, and none of our variables for it."""
    text = """
        import os, threading
        def handler(context):
            print(os.getsid(0) == os.getpgrp() == os.getppid(), threading.active_count())
            print("ABEJA_EMULATOR_PARENT" in os.environ, [n for n in range(3, 64) if is_inherited(n)])
            os.wait()
        def is_inherited(number):
            try:
                return os.get_inheritable(number)
            except OSError:
                return False
    """
    child = launch(text)
    assert (child.process.wait(), child.process.message) == (1, "ChildProcessError: [Errno 10] No child processes")
    assert child.log[:2] == ["True 1", "False []"]


def test_a_sink_that_fails_does_not_stop_the_child(tmp_path: Path) -> None:
    """It may write as much as it likes; `wait` raises what the sink raised."""

    def sink(lines: list[LogLine]) -> None:
        raise OSError(len(lines))

    command = [sys.executable, "-c", "for _ in range(100): print('x' * 100000, flush=True)"]
    told: list[str] = []
    child = ChildProcess(command, tmp_path, {}, sink, Clock(), on_end=lambda: told.append("end"))
    with pytest.raises(OSError, match="1"):
        child.wait()
    assert (child.code, told) == (0, ["end"])


def test_an_exit_code_that_is_not_known_is_no_success(tmp_path: Path) -> None:
    """A program that ignores SIGCHLD hears nothing of how its children end."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = ChildProcess([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, {}, print, Clock())
        with pytest.raises(ChildProcessError, match="ignores SIGCHLD"):
            child.wait()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_somebody_is_told_of_the_end(start: Callable[..., Child]) -> None:
    """Once, when the log is complete and before `wait` returns."""
    told: list[list[str]] = []
    known = threading.Event()
    children: list[Child] = []

    def tell() -> None:
        assert known.wait(60)
        told.append(list(children[0].log))

    children.append(start("print('last')", on_end=tell))
    assert not children[0].process.has_ended()
    known.set()
    children[0].process.wait()
    assert told == [["last"]]


@pytest.mark.parametrize(
    ("command", "folder", "environment", "reason"),
    [
        (["/nowhere/python"], ".", {}, "/nowhere/python could not be started in .: .*No such file"),
        ([sys.executable], "/nowhere", {}, "could not be started in /nowhere: .*No such file"),
        ([sys.executable], ".", {"A": "\0"}, "null byte"),
        (["/"], ".", {}, "Permission denied"),
    ],
)
def test_what_cannot_be_started(command: list[str], folder: str, environment: dict[str, str], reason: str) -> None:
    """It says what and why, and leaves nothing open."""
    before = _open_files()
    with pytest.raises(NotStarted, match=reason):
        ChildProcess(command, folder, environment, print, Clock())
    assert _open_files() <= before


def test_an_environment_that_is_too_large_says_what_is_in_it(tmp_path: Path) -> None:
    """A variable of some megabytes, which no system takes."""
    environment = {"SMALL": "x", "LARGE": "x" * 8_000_000}
    words = (
        r"longer than this system takes \(8,0\d\d,\d{3} bytes, LARGE alone 8,000,006\); put what is long into a file"
    )
    with pytest.raises(NotStarted, match=words):
        ChildProcess(["true"], tmp_path, environment, print, Clock())


def test_nothing_stays_open(start: Callable[..., Child]) -> None:
    """Ten children later there are as many open files, and as many threads of ours, as before."""
    before = _open_files()
    for _ in range(10):
        start("print()").process.wait()
    for thread in threading.enumerate():
        if thread.name.startswith("abeja-emulator-"):
            thread.join(60)
    assert _open_files() <= before


def _open_files() -> set[int]:
    """Return which file numbers are open; the listing's own is not among them."""
    found = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - names are all we need
    return {number for number in found if _is_open(number)}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_it_reaches_the_platform(abeja: Platform, start: Callable[..., Child]) -> None:
    """With an environment that says nothing about it."""
    url = f"https://api.abeja.io/organizations/{abeja.organization.id}"
    child = start(f"import urllib.request; urllib.request.urlopen({url!r})")
    assert child.process.wait() == 1
    assert "HTTP Error 401" in child.log[-1]
