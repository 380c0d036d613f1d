"""A child in a session of its own: what it prints becomes log lines, and nothing of it is left when it has ended.

All that the child starts ends with it, as on the platform, where a container does: its process group is
killed once it is dead, and on Linux whatever else has its mark in the environment, in whatever session.
Elsewhere what has left the group lives on.

It does not outlive this process either, however that ends (SIGKILL too), when it is the launcher: that one runs the
handler in a child of its own, and meanwhile waits for the end of a socket whose other end is here; then it kills
the group. This needs nothing but sockets and process groups, and works on Linux and macOS alike. Other commands
live on.
"""

from __future__ import annotations

import _socket
import errno
import os
import selectors
import signal
import struct
import subprocess
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.launcher import abeja_emulator_confinement as confinement
from abeja_emulator.runtime.launcher import abeja_emulator_launcher as launcher
from abeja_emulator.runtime.log_stream import STDERR, STDOUT, LogStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

    from abeja_emulator.clock import Clock
    from abeja_emulator.runtime.images import Calling
    from abeja_emulator.runtime.log_stream import Sink

    #: Takes a descriptor that a child hands over, by the name it gives it; whoever takes it closes it.
    Taker = Callable[[str, int], object]
    #: Lets seconds pass, until a question is answered with yes.
    Wait = Callable[[float, Callable[[], bool]], object]

#: Seconds between SIGINT and SIGKILL (runner, subprocess/runtime.go).
GRACE = 25.0

#: The program that runs a handler; a command is a Python and this, which begins the launcher.
LAUNCHER = Path(launcher.__file__).with_name("abeja_emulator_start.py")

#: Variable that marks a child and all that it starts.
MARK = launcher.MARK

_CHUNK = 65536
#: Seconds in which a dead child's streams are read to their end, whoever else writes to them.
_DRAIN = 1.0
#: Rounds of looking for what a child has started; what is killed may have started more meanwhile.
_ROUNDS = 200
_MOMENT = 0.005
_PROC = "/proc"
_SIGNALLED = 128
#: Descriptors that a launcher hands over, at most, and how the system writes one of them.
_HANDED = 8
_INTEGER = struct.Struct("i")
#: Lets no program that this process starts have them; Linux only, and nobody else hands any over.
_CLOSED = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


class NotStarted(RuntimeError):
    """The command of a child cannot be run; the text is a sentence for the log."""


def launcher_command(python: str | os.PathLike[str]) -> list[str]:
    """Return the command that runs a handler in an interpreter."""
    return [os.fspath(python), str(LAUNCHER)]


def launcher_variables(
    calling: Calling, *, installed: bool = False, clock_offset: float = 0.0, random_seed: int | None = None
) -> dict[str, str]:
    """Return the variables that the launcher takes besides those of the platform.

    Args:
        calling: how the image calls a handler.
        installed: whether the interpreter has the packages of `requirements.txt`.
        clock_offset: seconds by which the child's clock is ahead.
        random_seed: seed of `random` and NumPy.
    """
    variables = {
        launcher.CALLING: calling.value,
        launcher.REQUIREMENTS: "installed" if installed else "skip",
        launcher.CLOCK_OFFSET: repr(float(clock_offset)),
    }
    if random_seed is not None:
        variables[launcher.RANDOM_SEED] = str(random_seed)
    return variables


class ChildProcess:
    """A command that runs.

    All methods may be called from any thread.

    Args:
        command: what to run; see `launcher_command`.
        cwd: its working directory.
        environment: all of its environment.
        sink: takes the lines of its log in batches, in a thread of ours; a line waits for others for a tenth
            of a second. If it raises, the rest of the log is read and dropped, and `wait` raises the same.
        clock: of the Platform, for the time of a line.
        on_start: called with the child's process id before the launcher goes on, in time for limits; of
            other commands, as early as can be. If it raises, the child is killed and the constructor raises the same.
        on_end: called once the child and its group are dead and the log is complete, before `wait` returns.
        on_handed: takes what the launcher hands over when it has confined the child, in a thread of ours, also
            after the child's death, but before `wait` returns. None: a child that is not confined, whatever its
            environment says. See `abeja_emulator_confinement.py`.

    Attributes:
        pid: process id of the child, which is also that of its group and session.
        confined: whether the launcher has confined the child as its environment says; known when `wait` returns.

    Raises:
        NotStarted: when there is no such program or directory, or it must not be run.
    """

    _now = staticmethod(time.monotonic)

    def __init__(  # noqa: PLR0913, PLR0917 - what a process is made of
        self,
        command: Sequence[str],
        cwd: str | os.PathLike[str],
        environment: Mapping[str, str],
        sink: Sink,
        clock: Clock,
        on_start: Callable[[int], object] | None = None,
        on_end: Callable[[], object] | None = None,
        on_handed: Taker | None = None,
    ) -> None:
        self._log = LogStream(clock, sink)
        self._on_end = on_end
        self._on_handed = on_handed
        self._heard = b""
        self.confined = False
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._reaped = False
        self._code: int | None = None
        self._message: str | None = None
        self._error: BaseException | None = None
        self._dead = threading.Event()
        self._ended = threading.Event()
        # Not those of the module above, which tests may have blocked.
        self._ours, theirs = _socket.socketpair()
        self._ours.settimeout(0)
        self._wake, self._woken = _socket.socketpair()
        try:
            self._process = self._start(command, cwd, environment, theirs)
        except BaseException:
            for end in (self._ours, self._wake, self._woken):
                end.close()
            raise
        finally:
            theirs.close()
        self.pid = self._process.pid
        threading.Thread(target=self._run, name=f"abeja-emulator-log-{self.pid}", daemon=True).start()
        threading.Thread(target=self._reap, name=f"abeja-emulator-reap-{self.pid}", daemon=True).start()
        try:
            if on_start is not None:
                on_start(self.pid)
        except BaseException:
            self.kill()
            self._ended.wait()
            raise
        self._tell_to_begin()

    @property
    def code(self) -> int | None:
        """Exit code, or None while it lives; 128 and the number of the signal that killed it, as a shell says it."""
        return self._code

    @property
    def message(self) -> str | None:
        """Why the handler failed, in one line, when the launcher could say that; known when `wait` returns."""
        return self._message

    def wait(self) -> int:
        """Wait until all of the child has ended and its log is complete, and return its `code`.

        It raises what the sink, or `on_end`, raised, if one of them did.

        Raises:
            ChildProcessError: when this process does not learn how its children end.
        """
        self._ended.wait()
        if self._error is not None:
            raise self._error
        if self._code is None:
            message = (
                f"how process {self.pid} ended is not known: this process ignores SIGCHLD, or something in it "
                "waits for children that are not its own; let it do neither"
            )
            raise ChildProcessError(message)
        return self._code

    def has_ended(self, timeout: float = 0.0) -> bool:
        """Return whether all has ended, or does so within `timeout` seconds."""
        return self._ended.wait(timeout)

    def stop(self, grace: float = GRACE, wait: Wait | None = None) -> None:
        """Send SIGINT to the child's group, SIGKILL after `grace` seconds, and wait until all has ended.

        The launcher dies of SIGINT at once; other commands may take their time.

        Args:
            grace: 0 for SIGKILL at once.
            wait: called as `wait(grace, is_dead)` to let the grace pass; in real seconds by default. It may
                return early when `is_dead()`, and `on_end` tells when to ask again.
        """
        if grace > 0:
            self._signal(signal.SIGINT)
            if wait is None:
                self._dead.wait(grace)
            else:
                wait(grace, self._dead.is_set)
        self.kill()
        self._ended.wait()

    def kill(self) -> None:
        """Send SIGKILL to the child's group; nothing happens when it is dead."""
        self._signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        self._ended.wait()

    def __repr__(self) -> str:
        state = "running" if self._code is None else f"exit code {self._code}"
        return f"<ChildProcess {self.pid}: {state}>"

    def _start(
        self, command: Sequence[str], cwd: str | os.PathLike[str], environment: Mapping[str, str], theirs: Any
    ) -> subprocess.Popen[bytes]:
        variables = {**environment, MARK: self._mark, launcher.PARENT: str(theirs.fileno())}
        if self._on_handed is None:
            # Confined, its result would be lost and the platform out of reach.
            for name in confinement.VARIABLES:
                variables.pop(name, None)
        try:
            return subprocess.Popen(  # noqa: S603 - the user's own
                list(command),
                cwd=cwd,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        except (OSError, ValueError) as error:
            message = f"{command[0]} could not be started in {os.fspath(cwd)}: {_reason(error, variables)}"
            raise NotStarted(message) from error

    def _tell_to_begin(self) -> None:
        with suppress(OSError):  # it may be dead by now, and this end closed
            self._ours.send(b"\n")

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            # Once it is reaped its number may be somebody else's.
            if not self._reaped:
                self._signal_group(number)

    def _signal_group(self, number: signal.Signals) -> None:
        # macOS answers so when only a zombie is left in the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _reap(self) -> None:
        """Wait for the child's death, and take with it what it has started."""
        known = True
        if hasattr(os, "waitid"):
            # Its number stays its own until it is reaped, below.
            try:
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                known = False
        else:
            self._process.wait()
        with self._lock:
            self._signal_group(signal.SIGKILL)
            code = self._process.wait()
            self._reaped = True
        self._code = _shell_code(code) if known else None
        _kill_marked(self._mark)
        self._dead.set()
        # Its other end becomes readable.
        self._wake.close()

    def _run(self) -> None:
        try:
            self._pump()
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            self._error = error
            self.kill()
            self._dead.wait()
        self._keep(self._log.end)
        self._message = self._received_message()
        if self._on_end is not None:
            self._attempt(self._on_end)
        for end in (self._ours, self._woken, self._process.stdout, self._process.stderr):
            if end is not None:
                end.close()
        self._ended.set()

    def _pump(self) -> None:
        """Read what the child writes until it is dead and has nothing left to read."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(self._ours, selectors.EVENT_READ, self._ours)
            for stream, level in ((self._process.stdout, STDOUT), (self._process.stderr, STDERR)):
                if stream is not None:
                    selector.register(stream, selectors.EVENT_READ, level)
            while not self._dead.is_set():
                self._read(selector, self._log.due_in())
            # A process that has got away may hold the streams open, and write to them for ever.
            selector.unregister(self._woken)
            if self._ours in selector.get_map():
                selector.unregister(self._ours)
            end = self._now() + _DRAIN
            while selector.get_map() and self._read(selector, 0) and self._now() < end:
                pass

    def _read(self, selector: selectors.BaseSelector, timeout: float | None) -> bool:
        """Read once what is there, or comes within `timeout` seconds; tell whether anything was there."""
        events = selector.select(timeout)
        for key, _ in events:
            if key.data is None:
                continue
            if key.data is self._ours:
                if not self._hear():
                    selector.unregister(self._ours)
                continue
            data = os.read(key.fd, _CHUNK)
            if data:
                self._keep(self._log.write, key.data, data)
            else:
                selector.unregister(key.fileobj)
        if not events:
            self._keep(self._log.flush)
        return bool(events)

    def _keep(self, action: Callable[..., object], *arguments: Any) -> None:
        """Do something with the log, unless something has failed: the child must not wait for ever to be read."""
        if self._error is None:
            self._attempt(action, *arguments)

    def _attempt(self, action: Callable[..., object], *arguments: Any) -> None:
        try:
            action(*arguments)
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it
            self._error = self._error or error

    def _received_message(self) -> str | None:
        while self._hear():
            pass
        return self._heard.decode("utf-8", "replace") or None

    def _hear(self) -> bool:
        """Take what the launcher has said or handed over; tell whether there was anything."""
        with suppress(OSError):
            data, ancillary, _, _ = self._ours.recvmsg(_CHUNK, _socket.CMSG_SPACE(_HANDED * _INTEGER.size), _CLOSED)
            descriptors = [found for *_, packed in ancillary for (found,) in _INTEGER.iter_unpack(packed)]
            handed, end, text = data.partition(b"\n") if data.startswith(confinement.HANDED) else (b"", b"", data)
            if end:
                self.confined = True
                names = handed[len(confinement.HANDED) :].decode().split()
                for name, descriptor in zip(names, descriptors):
                    self._take(name, descriptor)
            self._heard += text
            return bool(data)
        return False

    def _take(self, name: str, descriptor: int) -> None:
        if self._on_handed is None:
            os.close(descriptor)  # it did not come from our launcher
        else:
            self._attempt(self._on_handed, name, descriptor)


def _reason(error: Exception, variables: Mapping[str, str]) -> str:
    """Return why a command could not be started; of an environment that is too large, what in it is."""
    if not (isinstance(error, OSError) and error.errno == errno.E2BIG):
        return str(error)
    sizes = {name: len(os.fsencode(f"{name}={value}")) for name, value in variables.items()}
    longest = max(sizes, key=lambda name: sizes[name])
    return (
        f"its variables are longer than this system takes ({sum(sizes.values()):,} bytes, {longest} alone "
        f"{sizes[longest]:,}); put what is long into a file"
    )


def signal_of(code: int) -> str | None:
    """Return the name of the signal that has killed a child of that exit code, such as `SIGKILL`, or None."""
    with suppress(ValueError):
        return signal.Signals(code - _SIGNALLED).name
    return None


def _shell_code(code: int) -> int:
    return code if code >= 0 else _SIGNALLED - code


def _kill_marked(mark: str) -> None:
    """Kill what has left the group of the child; only Linux shows whose processes are whose."""
    for _ in range(_ROUNDS):
        pids = [pid for pid in _pids() if mark.encode() in _environment_of(pid)]
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        # They need a moment to be gone, and may have started others in it.
        time.sleep(_MOMENT)


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - names are all we need
    except OSError:
        return []


def _environment_of(pid: int) -> bytes:
    try:
        return Path(_PROC, str(pid), "environ").read_bytes()
    except OSError:
        return b""
