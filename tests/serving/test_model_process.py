"""A model in a process of its own: when it is ready, how it is lost, and that nothing of it is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.child_process import NotStarted
from abeja_emulator.runtime.launcher import abeja_emulator_serving as serving
from abeja_emulator.serving import model_process
from abeja_emulator.serving.messages import ModelGone
from abeja_emulator.serving.model_process import ModelProcess, NotReady
from tests.programs import load_program
from tests.runtime.test_child_process import await_death
from tests.runtime.test_launcher import interpreter
from tests.serving.models import ITERATOR, RUNTIME, ModelCalling, Served, asking, json_of, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

runtime = pytest.importorskip("abejaruntime36", reason="the published runtime is not installed")


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start a process; at the end it is closed, and has left nothing."""
    served: list[Served] = []

    def begin_one(text: str = RUNTIME, **options: Any) -> Served:
        served.append(start(tmp_path / str(len(served)), text, **options))
        return served[-1]

    yield begin_one
    for each in served:
        each.process.close()
        assert list(each.folder.iterdir()) == []


@pytest.fixture
def serve(begin: Callable[..., Served]) -> Callable[..., Served]:
    """Start a process and wait until it is ready."""

    def serve_one(text: str = RUNTIME, **options: Any) -> Served:
        served = begin(text, **options)
        served.process.wait_ready(60)
        return served

    return serve_one


# -- how it is lost -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calling", "expression", "code", "how"),
    [
        (ModelCalling.RUNTIME, "sys.exit(3)", 3, "its process ended with exit code 3"),
        (ModelCalling.RUNTIME, "os._exit(0)", 0, "its process ended with exit code 0"),
        (ModelCalling.RUNTIME, "os.kill(os.getpid(), signal.SIGKILL)", 137, "its process was killed by SIGKILL"),
        (ModelCalling.ITERATOR, "sys.exit(4)", 4, "its process ended with exit code 4"),
    ],
)
def test_a_process_that_ends_in_a_request(
    serve: Callable[..., Served], calling: ModelCalling, expression: str, code: int, how: str
) -> None:
    """Is lost for this request and each later one, and the text says how it ended."""
    old = calling is ModelCalling.ITERATOR
    served = serve(ITERATOR if old else RUNTIME, calling=calling)
    request = json_of(f'{{"say": "{expression}"}}') if old else asking(expression)
    for _ in range(2):
        with pytest.raises(ModelGone) as raised:
            served.process.ask(request)
        assert str(raised.value) == f"contact with the model was lost: {how}"
    assert served.process.has_ended(60)
    assert served.process.code == code


def test_a_handler_that_hangs_is_killed(serve: Callable[..., Served]) -> None:
    """With its process, which nothing else would ever free."""
    served = serve()
    with pytest.raises(ModelGone, match=r"gave no answer within 0.2 s, and its process was killed"):
        served.process.ask(asking("time.sleep(1000)"), 0.2)
    assert served.process.code == 137
    with pytest.raises(ModelGone, match="its process was killed by SIGKILL"):
        served.process.ask(asking("{}"))


def test_the_limit_of_an_answer_passes_by_the_platforms_clock(serve: Callable[..., Served]) -> None:
    """A test of a handler that hangs need not wait for 30 s."""
    clock = Clock()
    served = serve(clock=clock)

    def advance() -> None:
        served.await_line("busy")
        clock.advance(29)
        clock.advance(1)

    thread = threading.Thread(target=advance)
    thread.start()
    with pytest.raises(ModelGone, match="gave no answer within 30 s"):
        served.process.ask(asking("say('busy') or time.sleep(1000)"), 30)
    thread.join()
    assert served.process.code == 137


def test_without_a_limit_the_clock_ends_nothing(serve: Callable[..., Served]) -> None:
    """A run may take as long as it does."""
    clock = Clock()
    served = serve(clock=clock)
    go = served.folder / "go"

    def advance() -> None:
        served.await_line("busy")
        clock.advance(10_000_000)
        go.touch()

    thread = threading.Thread(target=advance)
    thread.start()
    waits = f"any(os.path.exists({str(go)!r}) for _ in iter(int, 1))"
    answer = served.process.ask(asking(f"say('busy') or {waits} and {{'content': 'x'}}"), None)
    thread.join()
    go.unlink()
    assert answer.body == b"x"


def test_one_whose_answer_nobody_waits_for_any_more_is_killed(serve: Callable[..., Served]) -> None:
    """As after Ctrl-C, or when a test has a limit of time: it would keep whoever asks next waiting."""
    served = serve()

    def interrupt() -> None:
        served.await_line("busy")
        os.kill(os.getpid(), signal.SIGUSR1)

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupted)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            served.process.ask(asking("say('busy') or time.sleep(1000)"))
    finally:
        thread.join(60)
        signal.signal(signal.SIGUSR1, before)
    assert served.process.has_ended(60)
    assert served.process.code == 137


def test_kill(serve: Callable[..., Served]) -> None:
    """Whoever asks at that moment hears of it, and it can still be closed."""
    served = serve()
    told: list[str] = []

    def ask() -> None:
        try:
            served.process.ask(asking("[say('begun'), time.sleep(1000)]"))
        except ModelGone as error:
            told.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    served.await_line("begun")
    served.process.kill()
    thread.join(60)
    assert told == ["contact with the model was lost: its process was killed by SIGKILL"]


# -- how it ends --------------------------------------------------------------------------------


class Grace(Clock):
    """A clock by which any time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, seconds: float, until: Callable[[], bool]) -> bool:
        """Note it."""
        self.waited.append(seconds)
        return until()


GRANDCHILD = "[__import__('subprocess').Popen([sys.executable, '-c', 'import time; time.sleep(1000)']).pid]"


@pytest.mark.parametrize("calling", ModelCalling)
def test_close(serve: Callable[..., Served], calling: ModelCalling) -> None:
    """The runtime ends in its own way, with what it has started; a second time nothing happens."""
    old = calling is ModelCalling.ITERATOR
    served = serve(ITERATOR if old else RUNTIME, calling=calling)
    request = json_of(f'{{"say": "{GRANDCHILD}"}}') if old else asking(f"{{'content': {GRANDCHILD}}}")
    grandchild = int(served.process.ask(request).body)
    served.process.close()
    assert served.process.code == 0
    assert ("WARNING: runtime: signal [SIGINT] received" in served.log) is not old
    await_death(grandchild)
    served.process.close()
    with pytest.raises(ModelGone, match="contact with the model was lost: its process ended with exit code 0"):
        served.process.ask(request)


def test_a_handler_that_is_busy_has_25_seconds(serve: Callable[..., Served]) -> None:
    """By the Platform's clock; then it is killed."""
    clock = Grace()
    served = serve(clock=clock)

    def ask() -> None:
        with suppress(ModelGone):
            served.process.ask(asking("[say('busy'), time.sleep(1000)]"))

    thread = threading.Thread(target=ask)
    thread.start()
    served.await_line("busy")
    served.process.close()
    thread.join(60)
    assert (served.process.code, clock.waited) == (137, [25.0])


def test_a_folder_with_a_long_path(tmp_path: Path) -> None:
    """Is no place for sockets, not for those of the handler either; the other place is as empty afterwards."""
    folder = tmp_path / ("x" * 90)
    folder.mkdir()
    served = start(folder, RUNTIME)
    try:
        served.process.wait_ready(60)
        expression = "{'content': [os.environ['TMPDIR'], os.environ['ABEJA_IPC_PATH']]}"
        paths = [Path(line) for line in served.process.ask(asking(expression)).body.decode().splitlines()]
        assert all(len(str(path)) + 30 <= 103 and path.exists() for path in paths)
        assert paths[0].parent.stat().st_mode & 0o777 == 0o700
        # The files themselves are where they were to be.
        assert served.folder in paths[0].resolve().parents
    finally:
        served.process.close()
    assert not paths[0].parent.exists()
    assert list(served.folder.iterdir()) == []


# -- when it is ready ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calling", "text", "variables", "why"),
    [
        ("runtime", "import nothing_of_that_name", {}, "Couldn't import a module named [main] specified in"),
        ("runtime", "def other(): pass", {}, "Couldn't import a function named [handler] specified in"),
        ("runtime", "", {"HANDLER": "main"}, 'handler needs one ":" separator'),
        ("runtime", "raise ValueError('why')", {}, "the model cannot be served: ValueError: why"),
        ("runtime", "import sys; print('read'); sys.exit(3)", {}, "ended with exit code 3; its log ends:\nINFO: start"),
        ("runtime", "", {"CONTEXT": "no"}, "served: the variable CONTEXT is 'no', which is not JSON: Expecting value"),
        ("iterator", "import nothing_of_that_name", {}, "No module named 'nothing_of_that_name'"),
        ("iterator", "def other(): pass", {}, "has no function 'handler'; its functions are other"),
        ("iterator", "import os; os._exit(0)", {}, "ended with exit code 0, and its log is empty"),
        ("iterator", "handler = print", {"CONTEXT": "no"}, "served: the variable CONTEXT is 'no', which is not JSON"),
    ],
)
def test_a_model_that_cannot_be_served(
    begin: Callable[..., Served], calling: str, text: str, variables: dict[str, str], why: str
) -> None:
    """The reason is that of the runtime or of the module."""
    served = begin(text, calling=ModelCalling(calling), variables=variables)
    with pytest.raises(NotReady) as raised:
        served.process.wait_ready(60)
    assert why in str(raised.value)
    assert ("\n" in str(raised.value)) == ("\n" in why)
    with pytest.raises(ModelGone, match="contact with the model was lost: its process"):
        served.process.ask(asking("{}"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "abejaruntime36",
            f"is not installed in {sys.executable}; install it: {sys.executable} -m pip install abejaruntime",
        ),
        ("cgi", "-m pip install legacy-cgi"),
    ],
)
def test_an_interpreter_without_the_runtime(begin: Callable[..., Served], tmp_path: Path, name: str, why: str) -> None:
    """The reason says what to install where."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{name!r}] = None")
    served = begin(variables={"PYTHONPATH": str(tmp_path)})
    with pytest.raises(NotReady) as raised:
        served.process.wait_ready(60)
    assert str(raised.value).endswith(why)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("calling", list(ModelCalling))
def test_it_says_itself_when_it_takes_requests(
    begin: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, calling: ModelCalling
) -> None:
    """So that nobody need look again and again; its loop runs by then, or in a moment."""
    monkeypatch.setattr(model_process, "_MOMENT", 60)
    words: list[bool] = []
    wait = ModelProcess._await_word
    monkeypatch.setattr(ModelProcess, "_await_word", lambda self, timeout: words.append(wait(self, timeout)))
    served = begin(ITERATOR if calling is ModelCalling.ITERATOR else RUNTIME, calling=calling)
    served.process.wait_ready()
    assert words == [True]


def test_one_that_cannot_say_so_is_looked_for(begin: Callable[..., Served]) -> None:
    """Its loop may be of a kind that we do not know, or nobody listens."""
    served = begin()
    os.unlink(served.process._socket + serving.READY)  # noqa: PTH108 - a text there
    served.process.wait_ready(60)
    assert served.process.ask(asking("{'content': 'x'}")).body == b"x"


def test_garbage_is_collected_in_it(serve: Callable[..., Served]) -> None:
    """The launcher lets it be while the runtime is imported, whose objects stay; those of the model are looked at."""
    text = RUNTIME + "import gc, weakref\nclass Node: pass\n"
    lost = (
        "(lambda node: (setattr(node, 'own', node), weakref.ref(node))[1])(Node())",
        "(gc.collect(), gc.isenabled(), gc.get_freeze_count() > 10_000, lost())",
    )
    answer = serve(text).process.ask(asking(f"(lambda lost: {{'content': str({lost[1]}[1:])}})({lost[0]})"))
    assert answer.body == b"(True, True, None)"


def test_a_module_that_takes_its_time(begin: Callable[..., Served]) -> None:
    """Is waited for as long as is said, and as somebody wants it; it is killed at once."""
    clock = Grace()
    served = begin("import time; print('importing'); time.sleep(1000)", clock=clock)
    served.await_line("importing")
    with pytest.raises(NotReady, match="takes no requests after 0 s: its import takes longer, or hangs"):
        served.process.wait_ready(0)
    with pytest.raises(NotReady, match="was stopped before it took requests"):
        served.process.wait_ready(None, lambda: True)
    served.process.close()
    assert (served.process.code, clock.waited) == (137, [])


@pytest.mark.parametrize(("python", "source"), [("/nowhere/python", "."), (sys.executable, "/nowhere")])
def test_what_cannot_be_started(tmp_path: Path, python: str, source: str) -> None:
    """It says so, and leaves nothing."""
    with pytest.raises(NotStarted):
        ModelProcess(python, source, tmp_path, {}, print, Clock())
    assert list(tmp_path.iterdir()) == []


# -- what it finds ------------------------------------------------------------------------------


def test_a_process_of_a_service(serve: Callable[..., Served], tmp_path: Path) -> None:
    """Working directory, names, clock and seed as a job has them; requirements are left alone, and that is said."""
    started: list[int] = []
    ended: list[bool] = []
    text = RUNTIME + (
        "import random\n"
        "drawn = random.random()\n"
        "def names():\n    import __main__\n    return [n for n in vars(__main__) if not n.startswith('__')]\n"
        "def other(request, context): return handler(request, context)\n"
    )
    clock = Clock()
    clock.advance(50 * 366 * 86400)
    options = {"clock": clock, "random_seed": 7, "on_start": started.append, "on_end": lambda: ended.append(True)}
    source = "drawn, names(), time.time() > 3e9, os.path.basename(os.getcwd()), sys.path[0], os.environ['HANDLER']"
    modules = "[name for name in sys.modules if name.startswith('abeja_emulator')]"
    seen = []
    for number in range(2):
        (tmp_path / str(number) / "source").mkdir(parents=True)
        # The runtime's own imports are done before the folder is on the path.
        (tmp_path / str(number) / "source" / "csv.py").write_text("raise ValueError")
        served = serve(text, variables={"HANDLER": "main:other"}, **options)
        seen.append(served.process.ask(asking(f"{{'content': [repr([{source}, {modules}])]}}")).body.decode())
        assert eval(seen[-1])[1:] == [[], True, "source", "", "main:other", []]  # noqa: S307 - our own
        served.process.close()
    assert seen[0] == seen[1]
    assert (len(started), ended) == (2, [True, True])


def test_requirements_are_left_alone(serve: Callable[..., Served], tmp_path: Path) -> None:
    """In the folder that holds `.abeja`; one sentence says so, unless they were installed before."""
    source = tmp_path / "1" / "source"
    for folder in (tmp_path / "0" / "source" / "inner", source / "inner"):
        (folder / ".abeja").mkdir(parents=True)
        (folder / "requirements.txt").write_text("nothing-of-that-name")
        (folder / "main.py").write_text(RUNTIME)
    served = [serve("raise ValueError"), serve("raise ValueError", installed=True)]
    for each in served:
        answer = each.process.ask(asking("{'content': os.path.basename(os.getcwd())}"))
        assert answer.body == b"inner"
        each.process.close()
    said = [[line for line in each.log if "requirements" in line or "nstall" in line] for each in served]
    assert [len(lines) for lines in said] == [1, 0]
    assert said[0][0].startswith("abeja-emulator: requirements.txt was not installed")
    assert said[0][0].endswith(f"the model has the packages of {sys.executable}")


#: Environments of `make clients` with the runtime and the NumPy that a Python 3 of that minor version gets.
EQUIPPED = {6: "py36", 7: "py37"}


def equipped(minor: int, packages: Path) -> tuple[str, dict[str, str]]:
    """Return a Python 3 of a minor version, and variables with which it finds the runtime.

    It is that of an environment which has the runtime. Else one that has nothing: it is lent this one's runtime, and
    something in the place of NumPy.
    """
    clients = load_program("make_clients")
    if minor in EQUIPPED and clients.is_made(EQUIPPED[minor]):
        return str(clients.python_of(EQUIPPED[minor])), {}
    python = interpreter(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} here")
    if python == sys.executable:
        return python, {}
    packages.mkdir()
    (packages / "abejaruntime36").symlink_to(Path(runtime.__file__).parent)
    (packages / "numpy.py").write_text("class ndarray: pass\nclass integer: pass\nclass floating: pass\n")
    if minor >= 13:
        (packages / "cgi.py").write_text("def parse_header(text): return text, {}\n")
    return python, {"PYTHONPATH": str(packages)}


@pytest.mark.parametrize("minor", [6, 7, 9, 12, 13])
def test_every_interpreter(serve: Callable[..., Served], tmp_path: Path, minor: int) -> None:
    """The oldest, and those from which on something is different; its NumPy too, where it has one."""
    python, variables = equipped(minor, tmp_path / "packages")
    served = serve(python=python, variables=variables)
    assert served.process.ask(asking("{'content': sys.version_info[1]}")).body == str(minor).encode()
    if not variables:
        expression = "{'content': {'a': numpy.arange(2), 'b': numpy.float32(0.5), 'c': numpy.int64(3)}}"
        assert served.process.ask(asking(expression)).body == b'{"a": [0, 1], "b": 0.5, "c": 3}'
    answer = served.process.ask(asking("{'status_code': http.HTTPStatus.CREATED, 'content': [{'a': '犬'}, say('x')]}"))
    assert (answer.status, answer.body) == (201, b'{"a": "\\u72ac"}\n{}')
    assert served.process.ask(asking("throw(ValueError())")).error == "unexpected error occurred"
    old = serve(ITERATOR, python=python, calling=ModelCalling.ITERATOR)
    assert old.process.ask(json_of('{"say": "[value, context.datasets]"}')).body.startswith(b'{"say": ')
    for each in (served, old):
        each.process.close()
        assert each.process.code == 0
