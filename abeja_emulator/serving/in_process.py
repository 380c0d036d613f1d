"""A model in this process: breakpoints and coverage work, and the answers are the runtime's own."""

from __future__ import annotations

import importlib
import io
import logging
import os
import sys
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.images import Context, ModelCalling
from abeja_emulator.runtime.launcher import abeja_emulator_serving as serving
from abeja_emulator.runtime.tracebacks import user_traceback
from abeja_emulator.serving import frames
from abeja_emulator.serving.messages import TIMEOUT, ModelGone
from abeja_emulator.serving.runtime_messages import answer_of, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Self

    from abeja_emulator.serving.messages import ModelAnswer, ModelRequest

#: From this Python on a class that the runtime asks about is deprecated at each question.
_BYTE_STRING_DEPRECATED = (3, 12)


class RuntimeMissing(ImportError):
    """The published runtime, `abejaruntime`, cannot be imported here; the text says what to install."""


class InProcessModel:
    """A handler that is called in the thread that asks. It is a `Model`.

    From 19.04 on the protocol of the published runtime does all between the bytes of a request and those of an
    answer; up to 18.10 what the launcher does in a child. What the runtime logs, a traceback for instance, goes to
    `sys.stdout` as it is at that moment.

    A handler that ends the runtime with `sys.exit` ends this model. What is no `Exception` and no `SystemExit`, such
    as Ctrl-C or a skip of pytest, is the person's and not the handler's: it goes on to who asks.

    Args:
        handler: is called with what its generation takes.
        context: what the variable `CONTEXT` says on the platform; empty by default.
        calling: how the image calls a handler.

    Attributes:
        exception: what the last request raised in the handler, or of its answer when that was made into bytes;
            None when nothing was raised.

    Raises:
        RuntimeMissing: when the runtime cannot be imported.
    """

    def __init__(
        self,
        handler: Callable[[Any, Any], Any],
        context: Mapping[str, Any] | None = None,
        *,
        calling: ModelCalling = ModelCalling.RUNTIME,
    ) -> None:
        self.exception: BaseException | None = None
        self._handler = handler
        self._context = dict(context or {})
        self._protocol: Any = _protocol() if calling is ModelCalling.RUNTIME else None
        # The runtime calls a handler within its loop, so that `asyncio.run` fails there; it is to fail here, too.
        self._loop: Any = None if self._protocol is None else _make_loop()
        self._gone: str | None = None

    def ask(self, request: ModelRequest, timeout: float | None = TIMEOUT) -> ModelAnswer:
        """Ask, and return the answer; see `Model`. A handler here may take its time: it may stand at a breakpoint."""
        del timeout
        if self._gone is not None:
            raise ModelGone(self._gone)
        self.exception = None
        with written(request) as message:
            try:
                protocol = self._protocol
                reply = self._by_launcher(message) if protocol is None else self._by_runtime(protocol, message)
            except SystemExit as stop:
                self._gone = f"contact with the model was lost: its handler ended the process with {_exit(stop)}"
                raise ModelGone(self._gone) from stop
        return answer_of(reply)

    def close(self) -> None:
        """End the model; it answers no more."""
        self._gone = "the model was closed"
        if self._loop is not None:
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _by_runtime(self, make: Callable[[Any], Any], message: dict[str, Any]) -> dict[str, Any]:
        transport = _Transport()
        protocol = make(self._call)
        files = _observed(protocol)
        with self._noted_errors(), _running(self._loop):
            protocol.connection_made(transport)
            try:
                protocol.data_received(frames.encode(message))
            except Exception as error:
                # As asyncio does in a child: the connection is closed, and the process lives on.
                logging.getLogger("asyncio").exception("Fatal error: protocol.data_received() call failed.")
                self.exception = self.exception or error
                # In a child they end with the process.
                for file in files:
                    Path(file).unlink()
                if not transport.sent().getvalue():
                    text = f"the runtime closed the connection without an answer: {type(error).__name__}: {error}"
                    raise ModelGone(text) from error
            protocol.connection_lost(None)
        return frames.read(transport.sent().read)

    def _by_launcher(self, message: dict[str, Any]) -> dict[str, Any]:
        entries = dict(self._context)
        context = Context(entries.pop("datasets", {}), entries)
        return serving.answer_to(message, self._handler, context, self._note)

    def _call(self, request: Any, context: Any) -> Any:
        """Call the handler; the context that the runtime has read from this process's environment is not its own."""
        del context
        try:
            return self._handler(request, self._context)
        except BaseException as error:
            self._note(error)
            raise

    def _note(self, error: BaseException) -> None:
        self.exception = error

    @contextmanager
    def _noted_errors(self) -> Iterator[None]:
        """Note what the runtime logs of this thread: an error of an answer that cannot be made into bytes.

        The log shows it from the user's own frames on.
        """
        logger = logging.getLogger("runtime")
        notes = _Notes(self, threading.get_ident())
        logger.addHandler(notes)
        logger.addFilter(notes.shorten)
        try:
            yield
        finally:
            logger.removeFilter(notes.shorten)
            logger.removeHandler(notes)


class _Transport:
    """What the protocol writes to."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep bytes."""
        self._pieces.append(bytes(data))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def sent(self) -> io.BytesIO:
        """Return all that was written."""
        return io.BytesIO(b"".join(self._pieces))


class _Notes(logging.Handler):
    """Gives the exceptions that one thread logs to a model."""

    def __init__(self, model: InProcessModel, thread: int) -> None:
        super().__init__()
        self._model = model
        self._thread = thread

    def shorten(self, record: logging.LogRecord) -> bool:
        """Leave out of a record's traceback what is ours and the runtime's; it is logged all the same."""
        if record.thread == self._thread and record.exc_info and record.exc_info[1] is not None:
            kind, error, trace = record.exc_info
            record.exc_info = kind, error, user_traceback(trace)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Note the exception of a record, unless the handler's own is known."""
        if record.thread == self._thread and record.exc_info and self._model.exception is None:
            self._model.exception = record.exc_info[1]


class _CurrentOutput:
    """A text stream that is `sys.stdout`, whatever that is at the moment."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)


def _protocol() -> Any:
    """Return the class with which the runtime talks to its proxy.

    Raises:
        RuntimeMissing: when it cannot be imported.
    """
    with warnings.catch_warnings():
        # Of `cgi`, which is deprecated, and of what stands in for it.
        warnings.simplefilter("ignore", DeprecationWarning)
        with _without_context():
            try:
                protocol: Any = importlib.import_module("abejaruntime36.server_protocol").SocketServerProtocol
            except ImportError as error:
                text = serving.missing(error, sys.executable, sys.version_info[:2])
                raise RuntimeMissing(text, name=error.name) from error
    for handler in logging.getLogger("runtime").handlers:
        # It keeps the stream there was when it was imported, which pytest may have closed since.
        if type(handler) is logging.StreamHandler and not isinstance(handler.stream, _CurrentOutput):
            stream: Any = _CurrentOutput()
            handler.setStream(stream)
    return protocol


def _make_loop() -> Any:
    """Return a loop of the kind that a child has, without its pair of sockets: a test may have blocked those.

    Nobody runs it, so that what a handler leaves there for later, which a child would do, is not done.
    """
    import asyncio  # noqa: PLC0415 - the runtime has imported it

    class Loop(asyncio.SelectorEventLoop):
        def _make_self_pipe(self) -> None:
            pass

        def _close_self_pipe(self) -> None:
            pass

        def _write_to_self(self) -> None:
            pass

        def __del__(self) -> None:
            # A model need not be closed.
            self.close()

    return Loop()


@contextmanager
def _running(loop: Any) -> Iterator[None]:
    """Let a loop be the one that runs in this thread, unless another does, as that of an asynchronous test."""
    import asyncio  # noqa: PLC0415 - the same

    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - this one asks whether there is one, and raises nothing
        yield
        return
    asyncio._set_running_loop(loop)  # noqa: SLF001 - its own way to say so
    try:
        yield
    finally:
        asyncio._set_running_loop(None)  # noqa: SLF001 - the same


@contextmanager
def _without_context() -> Iterator[None]:
    """Hide the variable `CONTEXT`, which the runtime parses when it is imported; here it may be of anybody."""
    before = os.environ.pop("CONTEXT", None)
    try:
        yield
    finally:
        if before is not None:
            os.environ["CONTEXT"] = before


def _observed(protocol: Any) -> list[str]:
    """Have a protocol keep to itself what it is warned about, and return the files that it is going to write."""
    files: list[str] = []
    to_file, transport_response = protocol._to_file, protocol._transport_response  # noqa: SLF001 - nothing else tells

    def observed_to_file(data: bytes) -> str | None:
        path: str | None = to_file(data)
        if path is not None:
            files.append(path)
        return path

    def silent_transport_response(response: Any) -> None:
        # Not around the handler, whose filters are to stay.
        with _silent_about_byte_string():
            transport_response(response)

    protocol._to_file = observed_to_file  # noqa: SLF001 - the same
    protocol._transport_response = silent_transport_response  # noqa: SLF001 - the same
    return files


@contextmanager
def _silent_about_byte_string() -> Iterator[None]:
    if sys.version_info < _BYTE_STRING_DEPRECATED:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'collections.abc.ByteString' is deprecated", DeprecationWarning)
        yield


def _exit(stop: SystemExit) -> str:
    return f"sys.exit({'' if stop.code is None else repr(stop.code)})"
