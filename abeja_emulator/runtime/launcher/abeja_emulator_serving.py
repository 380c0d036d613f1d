"""Serves a model in a process of its own, for whoever asks through a unix socket.

Standard library only, Python 3.6 to 3.13, beside `abeja_emulator_launcher.py`, which starts it. There are two
generations of model handlers (behaviour.md, 2.1):

* `runtime`: images from 19.04 on. The published `abejaruntime` of the interpreter does all of it, with its own
  `main`; only the installation of requirements is left out, as for jobs.
* `iterator`: images up to 18.10. No runtime of theirs was published, so this one is ours. It speaks the same frames.

Both take `HANDLER` (`main:handler` by default), `CONTEXT` and `ABEJA_IPC_PATH` from the environment. Whoever waits for
a model need not look for it again and again: a datagram comes to the socket beside `ABEJA_IPC_PATH`, if there is one.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Callable, Optional

    #: What a message says.
    Message = dict[str, Any]

#: The socket on which the proxy asks (runtime, run.py).
IPC_PATH = "ABEJA_IPC_PATH"
#: Behind that path: the socket, if there is one, that is told when the model takes requests.
READY = ".ready"
#: What is served when nobody says it (runtime, run.py).
HANDLER = "main:handler"

#: Begins each message, before its length (runtime, server_protocol.py).
MAGIC = b"\xab\xe9\xa0\x01"
#: What is said of an error of the handler (runtime, server_protocol.py).
UNEXPECTED = "unexpected error occurred"

_IMAGES = ("image/jpeg", "image/png")
_CHUNK = 262144
_BAD_REQUEST = 400
_INTERNAL_SERVER_ERROR = 500


class Refusal(Exception):
    """A request that does not reach the handler.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main(launcher: "Any", parent: "Any", calling: str) -> int:
    """Serve the model that the environment describes until a signal says stop, and return the exit code.

    Args:
        launcher: the module beside this one.
        parent: is told why the model cannot be served.
        calling: `runtime` or `iterator`.
    """
    try:
        (_run_published if calling == "runtime" else _run_iterations)(launcher, parent)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a module raises when it is imported
        launcher.fail(parent, error, calling)
        return 1
    return 0


# -- images from 19.04 on -----------------------------------------------------------------------


def _run_published(launcher: "Any", parent: "Any") -> None:
    launcher.make_way()
    # In an image nothing of the user's stands in the way of the runtime's imports; it adds the folder itself, later.
    sys.path.remove("")
    _check_context(launcher)
    runtime = _imported(launcher)
    # Each start would ask a package index, and change an interpreter that is the user's.
    setattr(sys.modules["abejaruntime36.model.model"], "_install_packages", launcher.say_requirements)  # noqa: B010 - no type of it has it
    runtime.asyncio = _TellingAsyncio(runtime.asyncio)
    try:
        runtime.main()
    except SystemExit as stop:
        # It has logged the error, and ends with 1.
        why = getattr(stop.__context__, "message", None)
        if type(stop.__context__).__name__ == "ModelSetupException" and why:
            parent.tell(str(why))
        raise
    except FileNotFoundError as error:
        # From Python 3.13 on its server removes the socket when it is closed, and then it finds none to remove.
        if error.filename != os.environ.get(IPC_PATH):
            raise
        if isinstance(error.__context__, SystemExit):
            raise error.__context__ from None


def _check_context(launcher: "Any") -> None:
    """Check that `CONTEXT` is JSON; the runtime would say no more than where it is not.

    Raises:
        JobError: when it is not.
    """
    text = os.environ.get("CONTEXT", "{}")
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"the variable CONTEXT is {text!r}, which is not JSON: {error}"
        raise launcher.JobError(message) from None


def _imported(launcher: "Any") -> "Any":
    """Return the module `run` of the published runtime.

    Raises:
        JobError: when it cannot be imported; it says what to install.
    """
    # Of what it imports, NumPy above all, next to nothing is garbage. To look for it takes a tenth of the time; only to
    # put that off, without `freeze` (Python 3.7), saves nothing.
    collects = gc.isenabled() and hasattr(gc, "freeze")
    if collects:
        gc.disable()
    try:
        return importlib.import_module("abejaruntime36.run")
    except ImportError as error:
        raise launcher.JobError(missing(error, sys.executable, sys.version_info[:2])) from None
    finally:
        if collects:
            gc.freeze()
            gc.enable()


class _TellingAsyncio:
    """`asyncio` as the runtime finds it, whose loop tells when a socket is there that it was to open at once."""

    def __init__(self, module: "Any") -> None:
        self._module = module

    def get_event_loop(self) -> "Any":
        """Return the loop, which will tell."""
        loop = self._module.get_event_loop()
        # What the runtime has it do next, to open the socket, comes between the two.
        loop.call_soon(loop.call_soon, _tell_ready)
        return loop

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._module, name)


def _tell_ready() -> None:
    """Tell whoever waits for the model that it takes requests; nothing happens when nobody does."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.setblocking(False)  # noqa: FBT003 - it takes no name
            teller.sendto(b"\n", os.environ.get(IPC_PATH, "") + READY)
    except OSError:
        return


def missing(error: ImportError, python: str, version: "tuple[int, ...]") -> str:
    """Return what to install when the published runtime cannot be imported.

    Args:
        error: what its import raised.
        python: path of the interpreter.
        version: of it, major and minor.
    """
    if (error.name or "").partition(".")[0] == "abejaruntime36":
        return (
            f"abejaruntime, which calls model handlers, is not installed in {python}; "
            f"install it: {python} -m pip install abejaruntime"
        )
    if error.name == "cgi":
        return (
            f"abejaruntime needs the module cgi, which Python {'.'.join(map(str, version))} has no more ({python}); "
            f"install it: {python} -m pip install legacy-cgi"
        )
    what = f"; install it: {python} -m pip install {error.name}" if error.name == "numpy" else ""
    return f"abejaruntime, which calls model handlers, cannot be imported in {python}: {error}{what}"


# -- images up to 18.10 -------------------------------------------------------------------------


def _run_iterations(launcher: "Any", parent: "Any") -> None:
    del parent
    path = os.environ.get(IPC_PATH)
    if not path:
        message = f"the variable {IPC_PATH} is not set; it names the socket on which a model is asked"
        raise launcher.JobError(message)
    os.chdir(launcher.find_root(os.getcwd()))
    launcher.say_requirements()
    launcher.make_way()
    handler = launcher.load_handler(os.environ.get("HANDLER") or HANDLER, "iterator")
    context = launcher.make_context("object")
    _serve(path, lambda message: answer_to(message, handler, context))


def answer_to(
    message: "Message",
    handler: "Callable[[Any, Any], Any]",
    context: "Any",
    note: "Optional[Callable[[Exception], object]]" = None,
) -> "Message":
    """Call a handler of an image up to 18.10, and return the message with its answer.

    Evidence: inferred, but for what JSON and images become (behaviour.md, 2.1). Words and codes of errors are those
    of the later runtime, and so is that several results are one a line: its `Response`, an iterator of contents,
    was made for handlers that yield.

    Args:
        message: the request.
        handler: is called with an iterator and the context.
        context: has an attribute `datasets`.
        note: is called with what the handler raised, after that was printed.
    """
    try:
        inputs = [_input_of(content, message) for content in message.get("contents") or []]
    except Refusal as refusal:
        print(f"ERROR: {refusal}", flush=True)  # noqa: T201 - a line for the log
        return _failure(refusal.status, str(refusal))
    try:
        body, content_type = _encoded(_results_of(handler(Inputs(inputs), context)))
    except Exception as error:  # noqa: BLE001 - whatever a handler raises fails its request
        print("ERROR: unexpected error occurred in user model.")  # noqa: T201 - a line for the log, as the later runtime's
        traceback.print_exception(type(error), error, _without_ours(error.__traceback__), file=sys.stdout)
        sys.stdout.flush()
        if note is not None:
            note(error)
        return _failure(_INTERNAL_SERVER_ERROR, UNEXPECTED)
    return {"content_type": content_type, "metadata": {}, "path": _to_file(body), "status_code": 200}


def _without_ours(trace: "Optional[TracebackType]") -> "Optional[TracebackType]":
    while trace is not None and trace.tb_frame.f_code.co_filename == answer_to.__code__.co_filename:
        trace = trace.tb_next
    return trace


class Inputs:
    """What a handler reads: an iterator.

    Templates ask whether `'http_method' in request` to tell the generations apart; of a bare iterator that would
    take the first element.
    """

    def __init__(self, elements: "list[Any]") -> None:
        self._rest = iter(elements)

    def __iter__(self) -> "Inputs":
        return self

    def __next__(self) -> "Any":
        return next(self._rest)

    def __contains__(self, key: object) -> bool:
        return False


def _input_of(content: "Message", message: "Message") -> "Any":
    """Return what the handler gets of one content: what JSON says, or an image.

    Raises:
        Refusal: when it is something else.
    """
    said = content.get("content_type") or message.get("content_type") or ""
    kind = str(said).partition(";")[0].strip().lower()
    if kind.startswith("video/"):
        text = f"a video ({kind}) is not given to handlers of images up to 18.10 here; send images or JSON"
        raise Refusal(_INTERNAL_SERVER_ERROR, text)
    if kind != "application/json" and kind not in _IMAGES:
        raise Refusal(_INTERNAL_SERVER_ERROR, f"unsupported content_type[{said}]")
    with open(content["path"], "rb") as file:
        body = file.read()
    if kind in _IMAGES:
        return _decoded(body)
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # the second of what is nested too deeply
        raise Refusal(_BAD_REQUEST, f"the body is not JSON: {error}") from None


def _decoded(body: bytes) -> "Any":
    """Return an image as an array of height × width × 3, red first, as it lies in the file, whatever EXIF says."""
    try:
        decode = _decoder()
    except ImportError as error:
        text = (
            f"an image needs NumPy and Pillow or OpenCV, and {sys.executable} has no {error.name}; "
            f"install them: {sys.executable} -m pip install numpy pillow"
        )
        raise Refusal(_INTERNAL_SERVER_ERROR, text) from None
    try:
        return decode(body)
    except Exception as error:  # noqa: BLE001 - both libraries raise all kinds of them
        raise Refusal(_BAD_REQUEST, f"the body is no image: {error}") from None


def _decoder() -> "Callable[[bytes], Any]":
    import numpy  # noqa: ICN001, PLC0415 - of the user's interpreter, if it has one

    try:
        from PIL import Image  # noqa: PLC0415 - the same
    except ImportError as without:
        try:
            opencv = importlib.import_module("cv2")
        except ImportError:
            raise without from None
        return lambda body: _by_opencv(opencv, numpy, body)
    return lambda body: _by_pillow(Image, numpy, body)


def _by_pillow(image: "Any", numpy: "Any", body: bytes) -> "Any":
    import io  # noqa: PLC0415 - the interpreter has it already

    with image.open(io.BytesIO(body)) as opened:
        return numpy.array(opened.convert("RGB"))


def _by_opencv(cv2: "Any", numpy: "Any", body: bytes) -> "Any":
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    array = cv2.imdecode(numpy.frombuffer(body, numpy.uint8), flags)
    if array is None:
        message = "OpenCV cannot decode it"
        raise ValueError(message)
    return cv2.cvtColor(array, cv2.COLOR_BGR2RGB)


def _results_of(returned: "Any") -> "Iterator[Any]":
    if isinstance(returned, (dict, list, tuple, str, bytes, bytearray)) or not hasattr(returned, "__iter__"):
        message = (
            f"the handler returned {type(returned).__name__}, and images up to 18.10 take what it yields: write yield "
            "in place of return, or serve it as images from 19.04 on do, such as abeja-inc/all-cpu:19.10"
        )
        raise TypeError(message)
    return iter(returned)


def _encoded(results: "Iterator[Any]") -> "tuple[bytes, str]":
    """Return the body that the results make, and its media type.

    Bytes stay as they are, one behind the other; a text or JSON begins a line.
    """
    pieces = []  # type: list[bytes]
    only_bytes = True
    for result in results:
        if isinstance(result, (bytes, bytearray)):
            pieces.append(bytes(result))
            continue
        only_bytes = False
        text = result if isinstance(result, str) else json.dumps(result)
        pieces.append((b"\n" if pieces else b"") + text.encode("utf-8"))
    return b"".join(pieces), "application/octet-stream" if pieces and only_bytes else "application/json"


def _to_file(body: bytes) -> "Optional[str]":
    if not body:
        return None
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(body)
    return file.name


def _failure(status: int, message: str) -> "Message":
    return {"content_type": "application/json", "error_message": message, "status_code": status}


def _serve(path: str, answer: "Callable[[Message], Message]") -> None:
    """Answer one connection after the other until SIGINT or SIGTERM comes; the request at hand is answered before."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stopped, stop = os.pipe()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os.write(stop, b"\n"))
        listener.bind(path)
        listener.listen(16)
        _tell_ready()
        while stopped not in select.select([listener.fileno(), stopped], [], [])[0]:
            connection = listener.accept()[0]
            with connection:
                _converse(connection, answer)
    finally:
        listener.close()
        if os.path.exists(path):
            os.remove(path)


def _converse(connection: socket.socket, answer: "Callable[[Message], Message]") -> None:
    try:
        while True:
            head = _read(connection, len(MAGIC) + 4)
            if len(head) < len(MAGIC) + 4 or not head.startswith(MAGIC):
                return
            length = struct.unpack(">I", head[len(MAGIC) :])[0]
            body = _read(connection, length)
            if len(body) < length:
                return
            reply = json.dumps(answer(json.loads(body.decode("utf-8")))).encode("utf-8")
            connection.sendall(MAGIC + struct.pack(">I", len(reply)) + reply)
    except OSError as error:
        print(f"ERROR: the proxy has gone: {error}", flush=True)  # noqa: T201 - a line for the log


def _read(connection: socket.socket, size: int) -> bytes:
    """Read so many bytes, or fewer when there are no more."""
    pieces = []
    while size > 0:
        piece = connection.recv(min(size, _CHUNK))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
