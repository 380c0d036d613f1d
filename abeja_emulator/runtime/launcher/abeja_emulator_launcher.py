"""Runs the handler of a training job, or serves a model, in a process of its own, as the platform's runner does.

Standard library only, Python 3.6 to 3.13: the interpreter is the user's choice, and nothing of this
package need be installed there. It is started as `python abeja_emulator_start.py` (the file beside this one, which
runs this one in its own place) in the unpacked source directory with the environment of the job, and takes
everything else from there:

* `HANDLER`, `CONTEXT` and `DATASETS`, as the platform sets them (behaviour.md, 1.3);
* the variables below, which say what the image and the platform's clock would.

The handler finds a `__main__` without our names, and our folder is not on its path. What it can see of
us is the file in `sys.argv[0]`, which a program that starts itself again needs, and for the same reason
the variables stay. Taken away are `ABEJA_EMULATOR_PARENT`, which names an open file of this process, and those of
`abeja_emulator_confinement.py`, which confine it and all that it starts once.

The lines about a failed handler are those of `runtime/training.py`, which does the same in process. Models are
served by `abeja_emulator_serving.py`.
"""

import gc
import importlib
import json
import os
import re
import signal
import sys
import time
import traceback
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType, TracebackType
    from typing import Any, Callable, NoReturn, Optional

#: How the image calls a handler: `object`, `dict` (the default) or `script` a job's, `iterator` or `runtime` a model's.
CALLING = "ABEJA_EMULATOR_CALLING"
#: `skip` (the default): requirements are not installed, and that is said; `installed`: nothing is said.
REQUIREMENTS = "ABEJA_EMULATOR_REQUIREMENTS"
#: Seconds by which the platform's clock is ahead of the machine's.
CLOCK_OFFSET = "ABEJA_EMULATOR_CLOCK_OFFSET"
#: Seed of `random` and of NumPy's global generator.
RANDOM_SEED = "ABEJA_EMULATOR_RANDOM_SEED"
#: Descriptor of a socket to whoever started this: it sends one byte when the handler may begin, is told why
#: the handler failed, and its end is the end of this process and of all in its group.
PARENT = "ABEJA_EMULATOR_PARENT"
#: Marks a process and all that it starts; whoever started this one gives a mark that is nobody else's.
MARK = "ABEJA_EMULATOR_CHILD"
#: The variables that confine the process, see `abeja_emulator_confinement.py`; it takes them away.
_CONFINED = tuple("ABEJA_EMULATOR_" + name for name in ("RESULT_DIR_SIZE", "STORAGE_SIZE", "READ_ONLY", "NETWORK"))

#: Levels below the source directory at which `.abeja` is looked for (runner, py36.py).
_DEPTH = 3
#: Folders that hold no source and may be large.
_SKIPPED = (".git", ".venv", ".tox", "node_modules", "__pycache__")
_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
#: Rounds of looking for what a handler has started, and seconds between two.
_ROUNDS = 200
_MOMENT = 0.005
#: As a shell shows an end by a signal, and by SIGINT.
_SIGNALLED = 128
_INTERRUPTED = 130
#: How images call the handler of a job, and that of a model.
_JOB_CALLINGS = ("object", "dict", "script")
_MODEL_CALLINGS = ("iterator", "runtime")
#: So much of a message is sent to the parent.
_MESSAGE_LIMIT = 8192


class JobError(ValueError):
    """What the platform would not run; its text is a sentence for the log."""


class Context:
    """The context of images up to 18.10.

    Attributes:
        datasets: alias → dataset id.
    """

    def __init__(self, entries: "dict[str, Any]") -> None:
        self.datasets = {}  # type: dict[str, str]
        vars(self).update(entries)

    def __repr__(self) -> str:
        return f"Context(datasets={self.datasets!r})"


class Parent:
    """The process that started this one, or nobody."""

    def __init__(self, descriptor: "Optional[int]") -> None:
        self._identity = None if descriptor is None else _identity(descriptor)
        self._descriptor = None if self._identity is None else descriptor

    @staticmethod
    def of_environment() -> "Parent":
        """Return the parent that the environment names, if it does."""
        text = os.environ.pop(PARENT, "")
        return Parent(int(text) if text.isdigit() else None)

    def await_start(self) -> None:
        """Wait until the handler may begin; what is done then lasts until `go_on_in_child`'s child has ended."""
        if self._descriptor is None:
            return
        os.set_inheritable(self._descriptor, False)  # noqa: FBT003 - it takes no name
        if not os.read(self._descriptor, 1):
            os._exit(_INTERRUPTED)

    def go_on_in_child(self) -> None:
        """Go on in a child that does not outlive the parent.

        A process in between watches the socket and passes on how the child ends. It is not a thread of the
        handler's process, which would make each later fork one of a process with threads; nor a child of that,
        which would wait for it with all of its children.
        """
        if self._descriptor is None:
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        child = _fork()
        if child:
            _watch(child, self._descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    def sender(self, confinement: "Any") -> "Any":
        """Return what hands descriptors to the parent, or None when there is nobody."""
        return None if self._descriptor is None else confinement.sender(self._descriptor)

    def tell(self, message: str) -> None:
        """Tell why the handler failed; nothing happens when nobody listens."""
        # The handler may have closed all it found open, and opened something else.
        if self._descriptor is None or _identity(self._descriptor) != self._identity:
            return
        try:
            os.write(self._descriptor, message.encode("utf-8", "replace")[:_MESSAGE_LIMIT])
        except OSError:
            return


def _identity(descriptor: int) -> "Optional[tuple[int, int]]":
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _watch(child: int, descriptor: int) -> "NoReturn":
    """Wait for the child and end as it does, or kill all it has started when the parent's end of the socket closes."""
    code, last = 1, allocate_lock()
    try:
        # One that came before the child was there is meant for it; of a later one it has its own. It stays
        # blocked here.
        if signal.SIGINT in signal.sigpending():
            os.kill(child, signal.SIGINT)
        start_new_thread(_end_with_parent, (descriptor, last))
        status = os.waitpid(child, 0)[1]
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALLED + os.WTERMSIG(status)
    finally:
        # It may be dead because all are being killed; then that is done to its end, and with it ends this process.
        last.acquire()
        os._exit(code)


def _end_with_parent(descriptor: int, last: "Any") -> None:
    while os.read(descriptor, 1):
        pass
    last.acquire()
    try:
        _kill_marked()
    finally:
        os.killpg(0, signal.SIGKILL)


def _kill_marked() -> None:
    """Kill whatever else has our mark, in whatever session; only Linux shows whose processes are whose.

    It is what `runtime/child_process.py` does while there is a parent.
    """
    mark = "{}={}".format(MARK, os.environ.get(MARK) or "-").encode()
    for _ in range(_ROUNDS):
        marked = [pid for pid in _others() if mark in _environment_of(pid)]
        if not marked:
            return
        for pid in marked:
            _kill(pid)
        # They need a moment to be gone, and may have started others in it.
        time.sleep(_MOMENT)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:  # it is dead, or another's by now
        return


def _others() -> "list[int]":
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []


def _environment_of(pid: int) -> "list[bytes]":
    try:
        with open("/proc/{}/environ".format(pid), "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _fork() -> int:
    import warnings  # noqa: PLC0415 - most interpreters have it already

    # A `sitecustomize` may have started threads; what we do in the child is safe beside them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


class _Ahead:
    """A function of `time` that is ahead of the machine's.

    Not a function of Python: one that a class keeps as an attribute, as `logging.Formatter` does, would
    become its method, and the built-in does not.
    """

    __name__ = ""

    def __init__(self, original: "Any", function: "Callable[..., Any]") -> None:
        self._function = function
        self.__module__ = "time"
        self.__name__ = self.__qualname__ = original.__name__
        self.__doc__ = original.__doc__
        self.__wrapped__ = original

    def __call__(self, *args: "Any") -> "Any":
        return self._function(*args)

    def __reduce__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return repr(self.__wrapped__)


def move_clock(seconds: float) -> None:
    """Let `time` and `datetime` of this process be ahead; monotonic clocks stay.

    Where sleeps are those of the platform's clock, it says after each of them how far it is ahead.
    """
    sleep = time.sleep  # type: Any

    def ahead() -> float:
        return max(seconds, getattr(sleep, "offset", 0.0))

    if seconds or hasattr(sleep, "offset"):
        for name, function in _functions_ahead(ahead):
            if hasattr(time, name):
                setattr(time, name, _Ahead(getattr(time, name), function))
        _move_datetime()


def _functions_ahead(ahead: "Callable[[], float]") -> "Iterator[tuple[str, Callable[..., Any]]]":
    original = dict(vars(time))  # type: dict[str, Any]

    def nanoseconds() -> int:
        return round(ahead() * 10**9)

    def of(name: str) -> "Callable[..., Any]":
        def convert(moment: "Any" = None) -> "Any":
            return original[name](now() if moment is None else moment)

        return convert

    def now() -> float:
        return original["time"]() + ahead()  # type: ignore[no-any-return]

    def formatted(name: str, taken: int) -> "Callable[..., Any]":
        def form(*args: "Any") -> "Any":
            return original[name](*(args if len(args) != taken else (*args, original["localtime"](now()))))

        return form

    def clock(name: str, more: "Callable[[], float]") -> "Callable[..., Any]":
        def read(number: int) -> "Any":
            return original[name](number) + (more() if number == original["CLOCK_REALTIME"] else 0)

        return read

    yield "time", now
    yield "time_ns", lambda: original["time_ns"]() + nanoseconds()
    for name in ("gmtime", "localtime", "ctime"):
        yield name, of(name)
    yield "asctime", formatted("asctime", 0)
    yield "strftime", formatted("strftime", 1)
    yield "clock_gettime", clock("clock_gettime", ahead)
    yield "clock_gettime_ns", clock("clock_gettime_ns", nanoseconds)


def _move_datetime() -> None:
    """Let `datetime.now` and `utcnow` read our `time.time`, as `today` of both classes does by itself.

    The class stays the one there is: a subclass in its place would be another type to all that was made in C.
    """
    import datetime  # noqa: PLC0415 - only when the clock is moved

    def now(cls: "Any", tz: "Any" = None) -> "Any":
        return cls.fromtimestamp(time.time(), tz)

    def utcnow(cls: "Any") -> "Any":
        return cls.fromtimestamp(time.time(), datetime.timezone.utc).replace(tzinfo=None)

    attributes = {"now": classmethod(now), "utcnow": classmethod(utcnow)}
    try:
        for name, value in attributes.items():
            setattr(datetime.datetime, name, value)
    except TypeError:
        # Written in C, it takes no attributes; behind the read-only view of them is a dictionary.
        for owned in gc.get_referents(vars(datetime.datetime)):
            if isinstance(owned, dict):
                owned.update(attributes)
        _forget_lookups(datetime.datetime)


def _forget_lookups(cls: type) -> None:
    """Let the interpreter look up the attributes of a class afresh."""
    try:
        import ctypes  # noqa: PLC0415 - only when the clock is moved
    except ImportError:
        return  # built without libffi; nobody has looked them up before us, most likely
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


def seed_generators(seed: int) -> None:
    """Seed `random` now, and NumPy's global generator now or when it is imported."""
    import random  # noqa: PLC0415 - only when there is a seed

    random.seed(seed)
    if "numpy.random" in sys.modules:
        _seed_numpy(sys.modules["numpy.random"], seed)
        return
    sys.meta_path.insert(0, _SeedingFinder(seed))


def _seed_numpy(module: "Any", seed: int) -> None:
    module.seed(seed % 2**32)


class _SeedingFinder:
    """Sees `numpy.random` when it is imported, and has it seeded."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def find_spec(
        self, name: str, path: "Optional[Sequence[str]]" = None, target: "Optional[ModuleType]" = None
    ) -> "Optional[ModuleSpec]":
        """Find that one module as everybody else finds it, with our loader around its own."""
        if name != "numpy.random":
            return None
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    loader = _SeedingLoader(spec.loader, self._seed)  # type: Any
                    spec.loader = loader
                return spec  # type: ignore[no-any-return]
        return None


class _SeedingLoader:
    """Loads a module as its own loader does, then seeds it."""

    def __init__(self, loader: "Any", seed: int) -> None:
        self._loader = loader
        self._seed = seed

    def create_module(self, spec: "ModuleSpec") -> "Optional[ModuleType]":
        """Create the module as its own loader does."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: "Any") -> None:
        """Run the module with its own loader in place, and seed it."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        _seed_numpy(module, self._seed)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)


def apply_settings() -> None:
    """Move the clock and seed the generators as the environment says."""
    move_clock(_number(CLOCK_OFFSET, float) or 0.0)
    seed = _number(RANDOM_SEED, int)
    if seed is not None:
        seed_generators(seed)


def _number(name: str, kind: "Callable[[str], Any]") -> "Any":
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        message = f"the variable {name} is {text!r}, which is no number"
        raise JobError(message) from None


def confine(parent: Parent) -> None:
    """Confine this process and all that it starts, if the environment says so.

    It is done before the handler's process is there, in the one that watches it: what a folder in memory holds can be
    seen from there, and from where its descriptor was handed to, however the handler ends.

    Raises:
        JobError: when the system does not allow it.
    """
    if not any(os.environ.get(name) for name in _CONFINED):
        return
    module = _imported_from_here("abeja_emulator_confinement")
    try:
        module.confine(parent.sender(module))
    except module.Refused as error:
        raise JobError(str(error)) from None


def find_root(source: str) -> str:
    """Return the folder that holds `.abeja`, searched breadth first up to three levels down, or `source`."""
    level = [source]
    for depth in range(_DEPTH + 1):
        for folder in level:
            if os.path.isdir(os.path.join(folder, ".abeja")):
                return folder
        if depth < _DEPTH:
            level = [child for folder in level for child in _folders(folder)]
    return source


def _folders(folder: str) -> "list[str]":
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # one that may not be read, such as the volume of a database, holds no source
        return []
    return [os.path.join(folder, name) for name in sorted(found) if name not in _SKIPPED]


def requirements_sentence() -> "Optional[str]":
    """Return what to say about requirements that were not installed."""
    if os.environ.get(REQUIREMENTS, "skip") == "installed":
        return None
    for name in ("Pipfile", "requirements.txt"):
        if os.path.isfile(name):
            return (
                f"abeja-emulator: {name} was not installed, as it is only when one asks for it; "
                f"the {_kind()} has the packages of {sys.executable}"
            )
    return None


def _kind() -> str:
    return "model" if os.environ.get(CALLING) in _MODEL_CALLINGS else "job"


def say_requirements() -> None:
    """Say it, if there is something to say."""
    sentence = requirements_sentence()
    if sentence is not None:
        say(sentence)


def load_handler(name: "Optional[str]", calling: str) -> "Callable[[Any], Any]":
    """Import the handler's module and return the function; a script is its own function.

    Raises:
        JobError: when the name is not `module:function`, or the module has no such function.
        ImportError: when there is no such module, or it cannot import another.
    """
    if not name:
        message = "the variable HANDLER is not set; a version names its handler as module:function"
        raise JobError(message)
    if calling == "script" and ":" not in name:
        return lambda _: run_script(name[:-3] if name.endswith(".py") else name)
    module_name, _, attribute = name.partition(":")
    if not (module_name and attribute) or ":" in attribute:
        message = (
            f"handler {name!r} is not of the form module:function with exactly one colon; write {_as_handler(name)}"
        )
        raise JobError(message)
    module = importlib.import_module(module_name)
    function = getattr(module, attribute, None)
    if not callable(function):
        place = getattr(module, "__file__", None) or "a folder"
        message = f"module {module_name!r} ({place}) has no function {attribute!r}; {_functions_of(module)}"
        raise JobError(message)
    return function  # type: ignore[no-any-return]


def _as_handler(name: str) -> str:
    """Return what may be meant by a name that is no handler's; `train.handler` is a function, if it is no module."""
    module, _, rest = name.partition(":")
    function = rest.partition(":")[0]
    plain = (module[:-3] if module.endswith(".py") else module).strip("/").replace("/", ".").lstrip(".") or "train"
    front, _, last = plain.rpartition(".")
    path = os.path.join(*plain.split("."))
    if front and not function and not (os.path.isfile(path + ".py") or os.path.isdir(path)):
        return f"{front}:{last}"
    return f"{plain}:{function or 'handler'}"


def _functions_of(module: "ModuleType") -> str:
    names = [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__ and name[0] != "_"
    ]
    return f"its functions are {', '.join(names)}" if names else "it has no functions"


def run_script(name: str) -> None:
    """Run a module as `python -m` does: in `__main__`, where it stays until the process ends."""
    import runpy  # noqa: PLC0415 - only for scripts, and it is imported already

    details = runpy._get_module_details(name)  # type: ignore[attr-defined]  # noqa: SLF001 - what run_module itself does
    spec, code = details[1:]
    main = sys.modules["__main__"]
    main.__file__ = sys.argv[0] = spec.origin
    main.__cached__ = spec.cached  # type: ignore[attr-defined]
    main.__loader__ = spec.loader
    main.__package__ = spec.parent
    main.__spec__ = spec
    exec(code, vars(main))  # noqa: S102 - the user's program


def make_context(calling: str) -> "Any":
    """Return what the handler is called with.

    Raises:
        JobError: when `CONTEXT` or `DATASETS` is not what the platform takes.
    """
    entries = _json_object("CONTEXT")
    entries["datasets"] = _dataset_ids()
    return Context(entries) if calling == "object" else entries


def _dataset_ids() -> "dict[str, str]":
    found = {}
    for alias, value in _json_object("DATASETS").items():
        identifier = str(value)
        if not _INTEGER.fullmatch(identifier):
            message = (
                f"dataset {alias!r} has the id {identifier!r}, which is no integer; pass the id of a dataset, "
                "such as abeja_dataset('name') returns"
            )
            raise JobError(message)
        found[alias] = identifier.strip()
    return found


def _json_object(name: str) -> "dict[str, Any]":
    text = os.environ.get(name)
    if not text:
        return {}
    try:
        entries = json.loads(text)
    except ValueError as error:
        message = f"the variable {name} is {text!r}, which is not JSON: {error}"
        raise JobError(message) from error
    if not isinstance(entries, dict):
        message = f"the variable {name} is {text!r}, which is no JSON object"
        raise JobError(message)
    return entries


def hint_for(error: BaseException, calling: str) -> "Optional[str]":
    """Return what to do about an error of a handler that was written for images of the other generation."""
    if not isinstance(error, (AttributeError, TypeError)):
        return None
    if calling == "dict" and "'dict' object has no attribute 'datasets'" in str(error):
        return (
            "abeja-emulator: images from 19.04 on call a handler with a dict: write context['datasets'], "
            "or run this one as its image does, with image='abeja-inc/all-cpu:18.10'"
        )
    if calling == "object" and "'Context' object is not subscriptable" in str(error):
        return (
            "abeja-emulator: images up to 18.10 call a handler with an object: write context.datasets, "
            "or run this one as its image does, with image='abeja-inc/all-cpu:19.10'"
        )
    return None


def calling_of_environment() -> str:
    """Return how the image calls a handler.

    Raises:
        JobError: when the environment says something else.
    """
    calling = os.environ.get(CALLING) or "dict"
    if calling not in _JOB_CALLINGS + _MODEL_CALLINGS:
        message = f"the variable {CALLING} is {calling!r}; it is object, dict, script, iterator or runtime"
        raise JobError(message)
    if calling == "script":
        import runpy  # noqa: F401, PLC0415 - now, while the user's modules cannot stand in its way
    return calling


def call(parent: Parent, calling: str) -> int:
    """Import the handler and call it; what it returns is ignored. Return the exit code.

    What `sys.exit` raises goes through: the interpreter knows what to do with it.
    """
    try:
        function = load_handler(os.environ.get("HANDLER"), calling)
        function(make_context(calling))
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises fails its job
        fail(parent, error, calling)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def fail(parent: Parent, error: BaseException, calling: str = "") -> None:
    """Print what the log shows of an error, and tell the parent."""
    _report(error, calling)
    parent.tell(_in_one_line(error))


def _report(error: BaseException, calling: str) -> None:
    trace = _user_frames(error.__traceback__)
    if isinstance(error, JobError) and trace is None:
        say(str(error))
        return
    traceback.print_exception(type(error), error, trace)
    hint = hint_for(error, calling)
    if hint is not None:
        say(hint)


def say(sentence: str) -> None:
    """Print a sentence for the log."""
    print(sentence, file=sys.stderr)  # noqa: T201 - that is how it gets there


def _user_frames(trace: "Optional[TracebackType]") -> "Optional[TracebackType]":
    """Return a traceback from the user's own frames on: above them are ours and the import system's."""
    machinery = {importlib.__file__, getattr(sys.modules.get("runpy"), "__file__", None)}
    here = os.path.dirname(os.path.realpath(__file__))
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        ours = os.path.dirname(os.path.realpath(file)) == here
        if not ours and file not in machinery and not file.startswith(("<frozen importlib", "<frozen runpy")):
            return trace
        trace = trace.tb_next
    return None


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, JobError):
        return str(error)
    kind = type(error)
    package = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    name = package + kind.__qualname__
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - a job ends, whatever its exceptions can say of themselves
        text = "(it has no text)"
    return f"{name}: {text.splitlines()[0]}" if text else name


def take_signals() -> None:
    """Let SIGINT end this process at once, without `finally`, as the runner does; and let it arrive at all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Whoever started this may have had a thread without signals do it.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def make_way() -> None:
    """Leave `__main__` and the path to the handler."""
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == here:
        del sys.path[0]
    sys.path.insert(0, "")
    main = type(sys)("__main__")
    # Workers that `multiprocessing` spawns begin as this process did, for the sake of clock and seed.
    main.__file__ = os.path.abspath(__file__)
    sys.modules["__main__"] = main
    # It notes the directory for its workers when it is imported, which a `sitecustomize` may have done.
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]


def main() -> int:
    """Run the job that the environment describes and return the exit code."""
    take_signals()
    parent = Parent.of_environment()
    parent.await_start()
    try:
        confine(parent)
        parent.go_on_in_child()
        calling = calling_of_environment()
        apply_settings()
    except JobError as error:
        fail(parent, error)
        return 1
    if calling in _MODEL_CALLINGS:
        return _serve(parent, calling)
    os.chdir(find_root(os.getcwd()))
    say_requirements()
    make_way()
    return call(parent, calling)


def _serve(parent: Parent, calling: str) -> int:
    """Serve a model and return the exit code."""
    serving = _imported_from_here("abeja_emulator_serving")
    return serving.main(sys.modules[__name__], parent, calling)  # type: ignore[no-any-return]


def _imported_from_here(name: str) -> "Any":
    """Import a module of this folder, of which the user finds no name."""
    # It is on the path already, but for an interpreter that was told to trust no folder.
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    module = importlib.import_module(name)
    del sys.path[0], sys.modules[name]
    return module


if __name__ == "__main__":
    sys.exit(main())
elif __name__ == "__mp_main__":
    apply_settings()
