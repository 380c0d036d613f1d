"""A model in a process of its own, asked through a unix socket as the runner asks it."""

from __future__ import annotations

# Not the module above it, which tests may have blocked.
import _socket
import os
import shutil
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.child_process import GRACE, ChildProcess, launcher_command, launcher_variables, signal_of
from abeja_emulator.runtime.images import Calling, ModelCalling
from abeja_emulator.runtime.launcher import abeja_emulator_launcher as launcher
from abeja_emulator.runtime.launcher import abeja_emulator_serving as serving
from abeja_emulator.serving import frames
from abeja_emulator.serving.body_files import DiskBodyFiles
from abeja_emulator.serving.deadline import Deadline
from abeja_emulator.serving.messages import TIMEOUT, ModelGone
from abeja_emulator.serving.runtime_messages import answer_of, written
from abeja_emulator.transports.child.abeja_emulator_child_time import job_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from abeja_emulator.clock import Clock
    from abeja_emulator.runtime.log_stream import Sink
    from abeja_emulator.services.training.records import LogLine
    from abeja_emulator.serving.messages import ModelAnswer, ModelRequest

#: Bytes that the path of a unix socket may have, on macOS; Linux takes four more.
_PATH_LIMIT = 103
#: So many of them `multiprocessing` wants below TMPDIR, for sockets of its own.
_NAMES = 36
#: Has room when the system's folder for temporary files has none.
_SHORT = Path("/tmp")  # noqa: S108 - mkdtemp makes a name that is nobody else's
#: Seconds between two looks whether somebody still wants the model, and whether it takes requests untold.
_MOMENT = 0.01
#: Seconds that a loop which is about to run may take to close a connection.
_PATIENCE = 1.0
#: Seconds in which the end of a process that has closed its socket is known.
_DEATH = 10.0
#: Lines of the log that say why a model did not start.
_LAST_LINES = 20


class NotReady(RuntimeError):
    """A model that takes no requests, and will not by itself; the text says why."""


class ModelProcess:
    """A child that serves a model. It is a `Model`.

    It is started at once, and takes requests when `wait_ready` has returned. Methods may be called from any thread.

    Args:
        python: interpreter of the child; images from 19.04 on need `abejaruntime` in it.
        source: its working directory, the unpacked source.
        folder: where the process may leave files; what it makes there is gone after `close`. Where its path is too
            long for sockets, they and a link to it are in the system's folder for temporary files.
        environment: all of its environment, but for what the launcher and the runtime take. `HANDLER` is
            `main:handler` and `CONTEXT` empty where it does not say. `TMPDIR` is the process's own.
        sink: takes the lines of its log, see `ChildProcess`.
        clock: of the Platform.
        calling: how the image calls a handler.
        installed: whether the interpreter has the packages of `requirements.txt`; else the log says that it has not.
        random_seed: seed of `random` and NumPy.
        on_start: see `ChildProcess`.
        on_end: the same.

    Raises:
        NotStarted: when there is no such interpreter or directory.
    """

    _now = staticmethod(time.monotonic)

    def __init__(  # noqa: PLR0913, PLR0917 - what a process is made of
        self,
        python: str | os.PathLike[str],
        source: str | os.PathLike[str],
        folder: Path,
        environment: Mapping[str, str],
        sink: Sink,
        clock: Clock,
        *,
        calling: ModelCalling = ModelCalling.RUNTIME,
        installed: bool = False,
        random_seed: int | None = None,
        on_start: Callable[[int], object] | None = None,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        self._clock = clock
        self._work = job_of(environment)
        self._sink = sink
        self._on_end = on_end
        self._was_ready = False
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._places: list[Path] = []
        self._word: Any = None
        try:
            temporary = self._make_places(folder)
            variables = {
                # What a request prints is to be in the log soon after it, and not when a buffer is full; as for jobs.
                "PYTHONUNBUFFERED": "x",
                # Python 3.6 would write ASCII where no language is set, as in many a service.
                "PYTHONIOENCODING": "utf-8",
                **environment,
                "HANDLER": environment.get("HANDLER") or serving.HANDLER,
                "CONTEXT": environment.get("CONTEXT") or "{}",
                "TMPDIR": str(temporary),
                serving.IPC_PATH: self._socket,
                **launcher_variables(
                    Calling.DICT, installed=installed, clock_offset=clock.offset, random_seed=random_seed
                ),
                launcher.CALLING: calling.value,
            }
            self._child = ChildProcess(
                launcher_command(python), source, variables, self._take, clock, on_start, self._ended
            )
        except BaseException:
            self._remove()
            raise

    @property
    def pid(self) -> int:
        """Process id, which is also that of its group."""
        return self._child.pid

    @property
    def code(self) -> int | None:
        """Exit code, or None while it lives; see `ChildProcess.code`."""
        return self._child.code

    def has_ended(self, timeout: float = 0.0) -> bool:
        """Return whether it has ended, or does so within `timeout` real seconds."""
        return self._child.has_ended(timeout)

    def wait_ready(self, timeout: float | None = None, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait until it takes requests. Whatever happens, it is the caller's to close.

        Args:
            timeout: real seconds; None waits as long as the process lives.
            stopped: returns whether nobody wants it any more.

        Raises:
            NotReady: when it has ended, is stopped, or takes longer; the text says which, and why it has ended.
        """
        end = None if timeout is None else self._now() + timeout
        with self._clock.working(self._work):
            while not self._serves():
                self._await_word(_MOMENT)
                if self._child.has_ended():
                    raise NotReady(self._why_it_ended())
                if stopped():
                    message = "the model was stopped before it took requests"
                    raise NotReady(message)
                if end is not None and self._now() >= end:
                    message = f"the model takes no requests after {timeout:g} s: its import takes longer, or hangs"
                    raise NotReady(message)
        self._was_ready = True

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Ask, and return the answer; see `Model`.

        One that takes too long is killed with its process: nothing else ends a handler that hangs. So is one whose
        answer nobody waits for any more, since an exception has ended that.
        """
        if self._child.has_ended():
            raise ModelGone(self._lost())
        deadline = Deadline(self._clock, timeout)
        with written(request, self._bodies) as message, self._clock.working(self._work):
            try:
                reply = self._exchange(frames.encode(message), deadline)
            except TimeoutError:
                self._child.kill()
                self._child.has_ended(_DEATH)
                text = f"the model gave no answer within {timeout:g} s, and its process was killed"
                raise ModelGone(text) from None
            except (OSError, ModelGone) as error:
                raise self._gone(error) from error
            except BaseException:
                # Who asks has gone, by Ctrl-C or a test's limit of time; the next one would wait for this answer.
                self._child.kill()
                raise
        return answer_of(reply, self._bodies)

    def kill(self) -> None:
        """Send SIGKILL to it and its group; nothing happens when it is dead. It is still to be closed."""
        self._child.kill()

    def close(self) -> None:
        """End the process: SIGINT, and SIGKILL after 25 s by the Platform's clock (runner, config.go).

        One that `wait_ready` has not seen ready is killed at once. It is dead when this returns, as is all that it has
        started, and its files are gone.
        """
        # A signal that comes while its server starts is lost in the runtime's loop. A virtual clock leaves it the time.
        with self._clock.working(self._work):
            self._child.stop(GRACE if self._was_ready else 0, self._clock.wait)
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ModelProcess of {self._child!r}>"

    # -- its socket -----------------------------------------------------------------------------

    def _serves(self) -> bool:
        """Return whether its loop runs: it closes a connection on which nothing is asked."""
        connection = _unix_socket()
        try:
            connection.settimeout(_PATIENCE)
            connection.connect(self._socket)
            connection.shutdown(_socket.SHUT_WR)
            return not connection.recv(1)
        except OSError:
            return False
        finally:
            connection.close()

    def _await_word(self, timeout: float) -> bool:
        """Wait until the launcher tells that the model takes requests; return whether that came in so many seconds."""
        with suppress(OSError):
            self._word.settimeout(timeout)
            return bool(self._word.recv(1))
        return False

    def _exchange(self, frame: bytes, deadline: Deadline) -> dict[str, Any]:
        connection = _unix_socket()

        def in_time(action: Callable[[Any], Any], argument: Any) -> Any:
            while True:
                connection.settimeout(deadline.wait())
                with suppress(_socket.timeout):
                    return action(argument)

        try:
            in_time(connection.connect, self._socket)
            rest = memoryview(frame)
            while rest:
                rest = rest[in_time(connection.send, rest) :]
            return frames.read(lambda size: in_time(connection.recv, size))
        finally:
            connection.close()

    def _gone(self, error: Exception) -> ModelGone:
        """Return what to say of an exchange that broke off: how the process ended, if that is why."""
        # Its sockets are closed a moment before it is known how it ended, and not all at once.
        if not self._serves() and self._child.has_ended(_DEATH):
            return ModelGone(self._lost())
        if isinstance(error, ModelGone):
            return error
        return ModelGone(f"contact with the model was lost: {error}")

    def _lost(self) -> str:
        return f"contact with the model was lost: {_in_words(self._child.code)}"

    # -- its log and its end --------------------------------------------------------------------

    def _take(self, lines: list[LogLine]) -> None:
        self._last += [line.message for line in lines]
        self._sink(lines)

    def _ended(self) -> None:
        # `close` waits by this clock.
        self._clock.wake()
        if self._on_end is not None:
            self._on_end()

    def _why_it_ended(self) -> str:
        how = f"the model cannot be served: {_in_words(self._child.code)}"
        if self._child.message:
            return f"the model cannot be served: {self._child.message}"
        return "\n".join([f"{how}; its log ends:", *self._last]) if self._last else f"{how}, and its log is empty"

    # -- its files ------------------------------------------------------------------------------

    def _make_places(self, folder: Path) -> Path:
        """Make the folders of the process, which only this user may enter, and return its TMPDIR."""
        folder.mkdir(parents=True, exist_ok=True)
        place = self._made_in(folder.resolve())
        (place / "requests").mkdir()
        self._bodies = DiskBodyFiles(place / "requests")
        (place / "tmp").mkdir()
        short = place
        if not _has_room(place):
            system = Path(tempfile.gettempdir())
            short = self._made_in(system if _has_room(system / place.name) else _SHORT)
            # The files are where they are to be, and their paths short enough for sockets.
            (short / "tmp").symlink_to(place / "tmp")
        self._socket = str(short / "s")
        self._word = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        self._word.bind(self._socket + serving.READY)
        return short / "tmp"

    def _made_in(self, folder: Path) -> Path:
        self._places.append(Path(tempfile.mkdtemp(prefix="model-", dir=folder)))
        return self._places[-1]

    def _remove(self) -> None:
        if self._word is not None:
            self._word.close()
        for place in self._places:
            shutil.rmtree(place, ignore_errors=True)


def _unix_socket() -> Any:
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)


def _has_room(place: Path) -> bool:
    """Return whether sockets below a folder have paths that are short enough."""
    return len(os.fsencode(place / "tmp")) + _NAMES <= _PATH_LIMIT


def _in_words(code: int | None) -> str:
    if code is None:
        return "its process has ended"
    name = signal_of(code)
    return f"its process was killed by {name}" if name else f"its process ended with exit code {code}"
