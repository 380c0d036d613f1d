"""The launcher: what the platform's runner does with a handler, in every interpreter from Python 3.6 on."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime import handlers, images
from abeja_emulator.runtime.child_process import LAUNCHER, ChildProcess, launcher_command, launcher_variables
from abeja_emulator.runtime.images import Calling
from abeja_emulator.runtime.launcher import abeja_emulator_launcher as launcher
from abeja_emulator.runtime.training import SUCCESS
from abeja_emulator.runtime.variables import dataset_ids
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.services.training.records import LogLine

#: A day in 2100: by so much the clock is moved.
AHEAD = 90 * 366 * 86400.0

MINORS = range(6, 14)


@cache
def interpreter(minor: int) -> str | None:
    """Return a Python 3 of that minor version, this one if it is, or None."""
    if sys.version_info[1] == minor:
        return sys.executable
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"))
    found = [str(path) for path in installed] + [path for path in [shutil.which(f"python3.{minor}")] if path]
    for path in found:
        # One of pyenv may only be a stand-in that says there is none.
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


@pytest.fixture(params=MINORS, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    """Each Python from 3.6 to 3.13 that is here."""
    path = interpreter(request.param)
    if path is None:
        pytest.skip(f"there is no Python 3.{request.param} here")
    return path


def launch(source: Path, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the handler of a source directory with the launcher."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONIOENCODING": "utf-8", "HANDLER": "train:handler"}
    return subprocess.run(
        launcher_command(python),
        cwd=source,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


#: Text of the handler's module, variables, exit code, standard output, a part of standard error (None for nothing).
CONTRACT: dict[str, tuple[str, dict[str, str], int, str, str | None]] = {
    "return": ("def handler(context): return 'ignored'", {}, 0, "", None),
    "exception": ("def handler(context): raise RuntimeError('why')", {}, 1, "", "RuntimeError: why"),
    "exit 0": ("import sys\ndef handler(context): sys.exit(0)", {}, 0, "", None),
    "exit": ("import sys\ndef handler(context): sys.exit()", {}, 0, "", None),
    "exit 3": ("import sys\ndef handler(context): sys.exit(3)", {}, 3, "", None),
    "exit text": ("import sys\ndef handler(context): sys.exit('no data')", {}, 1, "", "no data"),
    "exit at import": ("import sys\nsys.exit(4)", {}, 4, "", None),
    "interrupt": ("def handler(context): raise KeyboardInterrupt", {}, 130, "", "KeyboardInterrupt"),
    "other": ("class Own(BaseException): pass\ndef handler(context): raise Own('x')", {}, 1, "", "train.Own: x"),
    "killed": ("import os\ndef handler(context): os.kill(os.getpid(), 9)", {}, -9, "", None),
    "no function": ("def other(): pass", {}, 1, "", "has no function 'handler'; its functions are other"),
    "not callable": ("handler = 1", {}, 1, "", "has no function 'handler'; it has no functions"),
    "no import": ("import nothing_of_that_name", {}, 1, "", "No module named 'nothing_of_that_name'"),
    "syntax": ("def handler(context:", {}, 1, "", "SyntaxError"),
    "no module": ("", {"HANDLER": "missing:handler"}, 1, "", "No module named 'missing'"),
    "no colon": ("", {"HANDLER": "train"}, 1, "", "write train:handler"),
    "dot": ("", {"HANDLER": "train.handler"}, 1, "", "exactly one colon; write train:handler\n"),
    "path": ("", {"HANDLER": "train.py"}, 1, "", "exactly one colon; write train:handler\n"),
    "two colons": ("", {"HANDLER": "train:a:b"}, 1, "", "with exactly one colon"),
    "no name": ("", {"HANDLER": ""}, 1, "", "the variable HANDLER is not set"),
    "calling": ("", {launcher.CALLING: "class"}, 1, "", "is 'class'; it is object, dict, script, iterator or runtime"),
    "offset": ("", {launcher.CLOCK_OFFSET: "soon"}, 1, "", "is 'soon', which is no number"),
    "context": (
        "def handler(context): print(sorted(context.items()), type(context) is dict)",
        {"CONTEXT": '{"b": 1, "datasets": 2}', "DATASETS": '{"a": 12, "c": " 7 "}'},
        0,
        "[('b', 1), ('datasets', {'a': '12', 'c': '7'})] True\n",
        None,
    ),
    "no context": ("handler = print", {"CONTEXT": "[1]"}, 1, "", "CONTEXT is '[1]', which is no JSON object"),
    "datasets no JSON": ("def handler(context): pass", {"DATASETS": "{"}, 1, "", "DATASETS is '{', which is not JSON"),
    "datasets no object": ("def handler(context): pass", {"DATASETS": "[]"}, 1, "", "which is no JSON object"),
    "dataset no integer": ("def handler(context): pass", {"DATASETS": '{"a": "x"}'}, 1, "", "'x', which is no integer"),
    "dataset a fraction": ("def handler(context): pass", {"DATASETS": '{"a": 1.0}'}, 1, "", "'1.0', which is no"),
    "object": (
        "def handler(context): print(context, context.b)",
        {"CONTEXT": '{"b": 1, "datasets": 2}', "DATASETS": '{"a": 12}', launcher.CALLING: "object"},
        0,
        "Context(datasets={'a': '12'}) 1\n",
        None,
    ),
    "hint for a dict": ("def handler(context): context.datasets", {}, 1, "", "write context['datasets'], or run"),
    "hint for an object": (
        "def handler(context): context['datasets']",
        {launcher.CALLING: "object"},
        1,
        "",
        "write context.datasets, or run",
    ),
    "arguments": (
        "import sys\ndef handler(context): print(sys.argv[1:], sys.path[0] == '', len(sys.argv))",
        {},
        0,
        "[] True 1\n",
        None,
    ),
    "names": (
        "import __main__\ndef handler(context): print([n for n in vars(__main__) if not n.startswith('__')])",
        {},
        0,
        "[]\n",
        None,
    ),
    "our folder": ("import abeja_emulator_launcher", {}, 1, "", "No module named 'abeja_emulator_launcher'"),
    "script": (
        "import sys\nif __name__ == '__main__': print(sys.argv[0] == __file__, __file__[-9:])",
        {launcher.CALLING: "script", "HANDLER": "train"},
        0,
        "True /train.py\n",
        None,
    ),
    "script file": ("print('ran')", {launcher.CALLING: "script", "HANDLER": "train.py"}, 0, "ran\n", None),
    "script raises": (
        "def f(): raise ValueError('no')\nf()",
        {launcher.CALLING: "script", "HANDLER": "train"},
        1,
        "",
        "ValueError: no",
    ),
    "script with a function": (
        "def handler(context): print(__name__, context)",
        {launcher.CALLING: "script"},
        0,
        "train {'datasets': {}}\n",
        None,
    ),
}
#: Rows that could differ between versions of Python.
EVERYWHERE = ["exception", "exit 3", "interrupt", "syntax", "no module", "context", "object", "names", "script raises"]


def check(python: str, row: str, write: Callable[..., Path]) -> None:
    """Run one row of the contract; the log shows nothing of ours or of the import system."""
    text, variables, code, output, error = CONTRACT[row]
    done = launch(write("train.py", text).parent, python, **variables)
    assert (done.returncode, done.stdout) == (code, output), done.stderr
    assert (error or "") in done.stderr
    assert bool(done.stderr) == (error is not None)
    assert not [name for name in (str(LAUNCHER.parent), "importlib", "runpy") if name in done.stderr]


@pytest.mark.parametrize("row", CONTRACT)
def test_the_contract(row: str, write: Callable[..., Path]) -> None:
    """Exit code and log of each kind of handler, as the runner was measured."""
    check(sys.executable, row, write)


@pytest.mark.parametrize("row", EVERYWHERE)
def test_the_contract_in_every_interpreter(python: str, row: str, write: Callable[..., Path]) -> None:
    """From Python 3.6 on, with nothing but its standard library."""
    check(python, row, write)


def test_it_runs_in_the_folder_above_dot_abeja(write: Callable[..., Path], tmp_path: Path) -> None:
    """Searched breadth first, up to three levels below the source directory; as in process."""
    text = "import os\ndef handler(context): print(os.path.relpath(os.getcwd(), os.environ['TOP']))"
    top = tmp_path / "source"
    for folder, expected in (
        ("a/b/c/d", "."),
        ("a/b/c", "a/b/c"),
        ("z/y", "z/y"),
        (".git", "z/y"),
        ("b", "b"),
        (".", "."),
    ):
        write("train.py", text)
        write(f"{folder}/train.py", text)
        (top / folder / ".abeja").mkdir()
        assert os.path.relpath(handlers.find_root(top), top) == expected
        assert launch(top, TOP=str(top.resolve())).stdout.strip() == expected


@pytest.mark.parametrize(
    ("files", "variables", "named"),
    [
        (["requirements.txt"], {}, "requirements.txt"),
        (["requirements.txt", "Pipfile"], {}, "Pipfile"),
        (["requirements.txt"], {launcher.REQUIREMENTS: "skip"}, "requirements.txt"),
        (["requirements.txt"], {launcher.REQUIREMENTS: "installed"}, None),
        ([], {}, None),
    ],
)
def test_requirements_are_not_installed_silently(
    write: Callable[..., Path], files: list[str], variables: dict[str, str], named: str | None
) -> None:
    """One sentence names the file that was passed over, and the job runs."""
    source = write("train.py", "def handler(context): print('ran')").parent
    for name in files:
        write(name, "nothing-of-that-name")
    done = launch(source, **variables)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr.startswith(f"abeja-emulator: {named} was not installed") if named else not done.stderr
    assert done.stderr.count("\n") == (named is not None)


CLOCKS = """
    import copy, datetime, json, logging, pickle, sys, time
    class Own(datetime.datetime):
        clock = time.time
    def handler(context):
        moment = datetime.datetime.now()
        logging.basicConfig(stream=sys.stdout, format="%(asctime)s")
        logging.warning("")
        utc = datetime.timezone.utc
        stamps = {
            "time": time.time(),
            "time_ns": time.time_ns() / 1e9 if hasattr(time, "time_ns") else time.time(),
            "gmtime": time.mktime(time.gmtime()) - time.mktime(time.gmtime(0)),
            "localtime": time.mktime(time.localtime()),
            "ctime": time.mktime(time.strptime(time.ctime())),
            "asctime": time.mktime(time.strptime(time.asctime())),
            "strftime": time.mktime(time.strptime(time.strftime("%Y %m %d %H %M %S"), "%Y %m %d %H %M %S")),
            "clock_gettime": time.clock_gettime(time.CLOCK_REALTIME),
            "now": moment.timestamp(),
            "aware": datetime.datetime.now(utc).timestamp(),
            "utcnow": datetime.datetime.utcnow().replace(tzinfo=utc).timestamp(),
            "today": datetime.datetime.today().timestamp(),
            "date": time.mktime(datetime.date.today().timetuple()),
            "subclass": Own.now().timestamp(),
            "attribute": Own(2000, 1, 1).clock(),
        }
        facts = [
            isinstance(moment, datetime.datetime), type(moment) is datetime.datetime, type(Own.now()) is Own,
            pickle.loads(pickle.dumps(moment)) == copy.copy(moment), pickle.loads(pickle.dumps(time.time)) is time.time,
            time.gmtime(0).tm_year == 1970, time.ctime(0).endswith("1970"), time.monotonic() < 2e9,
            isinstance(datetime.datetime(2000, 1, 1), datetime.date), time.strftime("%Y", time.gmtime(0)) == "1970",
        ]
        print(json.dumps([stamps, facts]))
"""


def test_the_clock_is_ahead(python: str, write: Callable[..., Path]) -> None:
    """In every way in which a handler may read it, logging too; monotonic time and what datetime is stay."""
    # What was looked up before is not kept by the interpreter.
    write("sitecustomize.py", "import datetime\nfor _ in range(100): datetime.datetime.now()", "early")
    source = write("train.py", CLOCKS).parent
    before = time.time() + AHEAD
    done = launch(source, python, PYTHONPATH=str(source.parent / "early"), **{launcher.CLOCK_OFFSET: repr(AHEAD)})
    after = time.time() + AHEAD
    assert done.returncode == 0, done.stderr
    logged, line = done.stdout.splitlines()
    stamps, facts = json.loads(line)
    assert facts == [True] * len(facts)
    # Some know whole seconds only, and one of them whole days.
    wrong = {name: stamp for name, stamp in stamps.items() if not before - 1 <= stamp <= after + 1}
    assert set(wrong) <= {"date"}
    assert before - 86400 * 2 < stamps["date"] < after
    assert logged[:4] == str(datetime.datetime.fromtimestamp(before, datetime.timezone.utc).year)


def test_a_clock_that_is_not_ahead_is_left_alone(write: Callable[..., Path]) -> None:
    """Nothing is replaced."""
    text = "import time, sys\ndef handler(context): print(type(time.time).__name__, 'datetime' in sys.modules)"
    for variables in ({}, {launcher.CLOCK_OFFSET: ""}, {launcher.CLOCK_OFFSET: "0.0"}):
        assert launch(write("train.py", text).parent, **variables).stdout == "builtin_function_or_method False\n"


def test_a_seed_makes_random_repeat(python: str, write: Callable[..., Path]) -> None:
    """The same numbers for the same seed, in workers that multiprocessing spawns as well, and others without."""
    text = """
        import multiprocessing, random, time
        def draw(_):
            return random.random(), time.time() > 4e9
        def handler(context):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(random.random(), pool.map(draw, [0]))
                pool.close()
                pool.join()
    """
    source = write("train.py", text).parent
    settings = {launcher.CLOCK_OFFSET: repr(AHEAD)}
    drawn = [launch(source, python, **settings, **{launcher.RANDOM_SEED: seed}) for seed in ("1", "1", "")]
    assert [done.returncode for done in drawn] == [0, 0, 0], drawn[0].stderr
    first, again, without = [done.stdout for done in drawn]
    assert first == again != without
    assert "True" in first


def test_a_seed_reaches_numpy(write: Callable[..., Path]) -> None:
    """When the handler imports it, and however large the seed is."""
    pytest.importorskip("numpy")
    text = "import numpy\ndef handler(context): print(numpy.random.random(), numpy.random.__loader__.__class__)"
    source = write("train.py", text).parent
    first, again, other = (launch(source, **{launcher.RANDOM_SEED: seed}).stdout for seed in ("9" * 20, "9" * 20, "1"))
    assert first == again != other
    assert "Seeding" not in first


def test_functions_of_a_handler_reach_workers(python: str, write: Callable[..., Path]) -> None:
    """However they are started; a script's, which are those of `__main__`, too."""
    text = """
        import multiprocessing, os
        def square(number):
            return number * number, os.path.basename(os.getcwd())
        def handler(context):
            for method in ("fork", "spawn", "forkserver"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    print(pool.map(square, [3]), flush=True)
                    pool.close()
                    pool.join()
        if __name__ == "__main__":
            handler(None)
    """
    source = write("sub/train.py", text).parents[1]
    (source / "sub" / ".abeja").mkdir()
    expected = "[(9, 'sub')]\n" * 3
    assert launch(source, python).stdout == expected
    assert launch(source, python, HANDLER="train", **{launcher.CALLING: "script"}).stdout == expected


def test_a_handler_may_start_itself_again(write: Callable[..., Path]) -> None:
    """As those do that want another environment: the image's way of calling is still known."""
    text = """
        import os, sys
        def handler(context):
            if not os.environ.get("AGAIN"):
                os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "AGAIN": "1"})
            print(context)
    """
    done = launch(write("train.py", text).parent, **{launcher.CALLING: "object"})
    assert (done.returncode, done.stdout) == (0, "Context(datasets={})\n"), done.stderr


def test_it_reaches_the_platform(python: str, abeja: Platform, write: Callable[..., Path]) -> None:
    """Through the loopback, from an interpreter in which nothing is installed, and its own children do so too."""
    text = """
        import os, subprocess, sys, urllib.request
        def fetch():
            url = "https://api.abeja.io/organizations/%s/datasets" % os.environ["ABEJA_ORGANIZATION_ID"]
            headers = {"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"]}
            print(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode(), flush=True)
        def handler(context):
            fetch()
            subprocess.check_call([sys.executable, "-c", "import train; train.fetch()"])
    """
    done = launch(write("train.py", text).parent, python, **{**os.environ, "HANDLER": "train:handler"})
    assert (done.returncode, done.stdout) == (0, "[]\n[]\n"), done.stderr
    abeja.assert_called("list_datasets", times=2)


#: Rows of the contract whose outcome must be the same in process and in a process of its own.
_SAME = ["return", "exception", "exit 0", "exit", "exit 3", "exit text", "exit at import"]
_SAME += ["no function", "not callable", "no import", "syntax", "hint for a dict"]

#: Sources for the same, by name.
SOURCES = {
    **{name: CONTRACT[name][0] for name in _SAME},
    "exit 256": "import sys\ndef handler(context): sys.exit(256)",
    "exit 120": "import sys\ndef handler(context): sys.exit(120)",
    "exit -1": "import sys\ndef handler(context): sys.exit(-1)",
    "exit True": "import sys\ndef handler(context): sys.exit(True)",
    "no text": "def handler(context): raise KeyError",
    "own": "class Own(Exception): pass\ndef handler(context): raise Own('a\\nb')",
    "cause": "def handler(context):\n    try: 1 / 0\n    except ZeroDivisionError as e: raise ValueError('v') from e",
    "broken": "class B(Exception):\n    def __str__(self): raise ValueError\ndef handler(context): raise B",
    "bar": "import sys\ndef handler(context):\n    for n in (1, 2): sys.stdout.write('\\r%d' % n)\n    print()",
    "open": "import sys\ndef handler(context): print('a\\n\\nb', end=''); print('c', file=sys.stderr)",
    "levels": 'def handler(context): print(\'{"log_level": "ERROR", "message": "m"}\\n{"log_level": 1}\\n{\')',
    "long": "def handler(context): print('x' * 300000); print('after')",
    "japanese": "def handler(context): print('学習')",
    "relative": "from . import other",
    "main": "import __main__\ndef handler(context): print(hasattr(__main__, 'JobError'))",
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_outcome_is_that_of_a_job_in_process(
    name: str, run: Callable[..., TrainedJob], abeja: Platform, tmp_path: Path
) -> None:
    """Complete or Failed, the message that says why, and the log of either stream."""
    job = run(SOURCES[name])
    with abeja.world.store.reading():
        expected = Jobs(abeja.world).log_lines(job.id)
    lines: list[LogLine] = []
    environment = {**os.environ, "HANDLER": "train:handler", **launcher_variables(Calling.DICT), "PYTHONUTF8": "1"}
    child = ChildProcess(launcher_command(sys.executable), tmp_path / "source", environment, lines.extend, abeja.clock)
    code = child.wait()
    assert ("Complete" if code in SUCCESS else "Failed") == job.status
    assert (child.message or (None if code in SUCCESS else f"exit code {code}")) == job.status_message
    for level in ("INFO", "WARNING", "ERROR"):
        assert _messages(lines, level) == _messages(expected, level)


def _messages(lines: list[LogLine], level: str) -> list[str]:
    # Where pytest brings the backport of exception groups, this process has its words.
    backport = ("<exception str() failed>", "<unprintable B object>")
    return [line.message.replace(*backport) for line in lines if line.log_level == level]


def test_hints_are_those_of_a_job_in_process() -> None:
    """Word for word."""
    errors = [
        AttributeError("'dict' object has no attribute 'datasets'"),
        TypeError("'Context' object is not subscriptable"),
        ValueError("'Context' object is not subscriptable"),
    ]
    for calling in Calling:
        assert [launcher.hint_for(error, calling.value) for error in errors] == [
            images.hint_for(error, calling) for error in errors
        ]


_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.integers()))


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3))
def test_dataset_ids_are_taken_as_in_process(datasets: dict[str, Any]) -> None:
    """The same ids, or the same sentence."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASETS", json.dumps(datasets))
        patch.delenv("CONTEXT", raising=False)
        assert _outcome(lambda: launcher.make_context("dict")["datasets"]) == _outcome(lambda: dataset_ids(datasets))


def _outcome(function: Callable[[], Mapping[str, str]]) -> Any:
    try:
        return function()
    except ValueError as error:
        return str(error)
