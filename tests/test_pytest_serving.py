"""What a test asks of `abeja_serve`: from a trained model to answers, scopes, reports, a sentence for wrong uses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.variables import VariableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.serving.served import Served

pytest.importorskip("abejaruntime36.version", reason="the published runtime is not installed")

TRAIN = """
import json, os

def handler(context):
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.json"), "w") as file:
        json.dump({"threshold": float(os.environ["THRESHOLD"])}, file)
"""

MAIN = """
import json, os

with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.json")) as file:
    MODEL = json.load(file)
print("loaded", MODEL)

def handler(request, context):
    value = json.loads(request.read())["value"]
    return {"content": {"label": value > MODEL["threshold"]}, "content_type": "application/json"}
"""

QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


@pytest.fixture(params=[["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Emulate for the whole run, or for the tests that ask."""
    chosen: list[str] = request.param
    return [*chosen, *QUIET]


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests beside a handler that trains and one that answers."""
    pytester.makepyfile(test_it=f"import pytest\n{tests}", train=TRAIN, main=MAIN)
    return pytester.runpytest_subprocess(*options)


def test_from_training_to_answers(pytester: pytest.Pytester, options: list[str]) -> None:
    """One test trains a model and asks it."""
    tests = """
def test_it(abeja_train, abeja_serve):
    job = abeja_train("train:handler", environment={"THRESHOLD": 0.5})
    assert job.status == "Complete", job.log

    served = abeja_serve("main:handler", result_dir=job)

    answer = served.post(json={"value": 0.7})
    assert answer.status_code == 200, served.log
    assert answer.json() == {"label": True}
    assert served.post(json={"value": 0.3}).json() == {"label": False}
    assert served.post(json={}).json() == {"status": "unexpected error occurred"}
    assert isinstance(served.exception, KeyError)
    assert served.log.startswith("loaded {'threshold': 0.5}")
"""
    run(pytester, tests, *options).assert_outcomes(passed=1)


def test_a_failure_shows_what_a_handler_has_raised(pytester: pytest.Pytester, options: list[str]) -> None:
    """In a section of its own, from the user's frames on, without secrets; and not what is in the output already."""
    tests = """
def test_fails(abeja_result_dir, abeja_serve, monkeypatch):
    (abeja_result_dir / "model.json").write_text('{"threshold": 1}')
    served = abeja_serve("main:handler")
    assert served.post(json={}).status_code == 200

def test_token(abeja_serve):
    def handler(request, context):
        import os
        raise ValueError(os.environ["PLATFORM_AUTH_TOKEN"])
    served = abeja_serve(handler)
    assert served.post(json={}).status_code == 200

def test_passes(abeja_serve):
    served = abeja_serve(lambda request, context: 1 / 0)
    assert served.post(json={}).status_code == 500

def test_fails_later(abeja_serve):
    assert abeja_serve(lambda request, context: {}).post(json={}).status_code == 201
"""
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*- ABEJA Platform: served model main:handler -*",
            "POST was answered with 500, see the captured stdout: KeyError: 'value'",
        ],
        consecutive=True,
    )
    assert result.stdout.str().count('value = json.loads(request.read())["value"]') == 1
    assert "in_process.py" not in result.stdout.str()
    result = pytester.runpytest_subprocess(*options, "-s")
    result.stdout.fnmatch_lines(
        [
            "*- ABEJA Platform: served model main:handler -*",
            "POST was answered with 500:",
            "Traceback (most recent call last):",
            '  File "*main.py", line *, in handler',
            '    value = json.loads(request.read())["value"]',
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(["*- ABEJA Platform: served model test_it:handler -*", "ValueError: (hidden)"])
    assert result.stdout.str().count("ABEJA Platform: served model") == 2


def test_an_import_that_fails_shows_the_users_own_frames(pytester: pytest.Pytester, options: list[str]) -> None:
    """The line of the test and that of the module, and what to do; not how we got from one to the other."""
    result = run(pytester, 'def test_it(abeja_serve): abeja_serve("main:handler")', *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>*abeja_serve("main:handler")*',
            "test_it.py:2:*",
            ">   with open(*",
            "E   FileNotFoundError:*model.json'",
            "main.py:3: FileNotFoundError",
        ]
    )
    result.stdout.re_match_lines([".*abeja-emulator: ABEJA_TRAINING_RESULT_DIR is .*, and holds nothing; say where .*"])
    assert "served_model.py" not in result.stdout.str()


def test_one_model_for_many_tests(pytester: pytest.Pytester) -> None:
    """It ends with the fixture that serves it; one that a test serves ends with the test."""
    tests = """
@pytest.fixture(scope="module")
def job(abeja_train):
    return abeja_train("train:handler", environment={"THRESHOLD": 0.5})

@pytest.fixture(scope="module")
def served(abeja_serve, job):
    served = abeja_serve("main:handler", result_dir=job)
    yield served
    assert served.post(json={"value": 1}).json() == {"label": True}
    KEPT.append(served)

KEPT = []

@pytest.fixture
def own(abeja_serve):
    served = abeja_serve(lambda request, context: {"content": "own"})
    KEPT.append(served)
    yield served
    assert served.post(json={}).text == "own"

@pytest.mark.parametrize("number", range(3))
def test_it(served, own, abeja_serve, number):
    assert served.post(json={"value": number}).json() == {"label": number > 0.5}
    assert served.log.count("loaded") == 1
    assert own.post(json={}).text == "own"
    KEPT.append(abeja_serve(lambda request, context: {}))
    assert KEPT[-1].post(json={}).status_code == 200
    assert [repr(each).endswith("closed>") for each in KEPT] == [True] * 2 * number + [False] * 2
"""
    pytester.makepyfile(
        test_last="""
        from test_it import KEPT
        def test_all_are_closed():
            assert len(KEPT) == 7
            assert all(repr(each).endswith("closed>") for each in KEPT)
        """
    )
    run(pytester, tests, "--abeja-emulate", *QUIET, "--import-mode=prepend").assert_outcomes(passed=4)


def test_in_workers(pytester: pytest.Pytester) -> None:
    """Of pytest-xdist; the section travels with the report."""
    tests = """
@pytest.mark.parametrize("number", range(4))
def test_it(abeja_serve, number):
    served = abeja_serve(lambda request, context: {"content": 6 // number})
    assert served.post(json={}).status_code == 200
"""
    result = run(
        pytester, tests, "--abeja-emulate", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "xdist", "-n", "2"
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*ABEJA Platform: served model test_it:<lambda>*", "*stdout: ZeroDivisionError: *"])


def test_who_leaves_the_debugger_leaves_the_run(pytester: pytest.Pytester, options: list[str]) -> None:
    """It is no exception of the handler."""
    tests = """
def test_it(abeja_serve):
    served = abeja_serve(lambda request, context: pytest.exit("enough"))
    served.post(json={})
def test_never(): pass
"""
    result = run(pytester, tests, *options)
    result.stdout.fnmatch_lines(["*Exit: enough*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes()


def test_without_the_runtime(pytester: pytest.Pytester, options: list[str]) -> None:
    """One sentence with the command to install it; images up to 18.10 need none."""
    pytester.makeconftest("import sys\nsys.modules['abejaruntime36'] = None")
    tests = """
def test_new(abeja_serve):
    abeja_serve("main:handler")

def test_old(abeja_serve):
    def handler(iterator, context):
        yield from iterator
    served = abeja_serve(handler, image="abeja-inc/all-cpu:18.10")
    assert served.post(json={"a": 1}).json() == {"a": 1}
"""
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [f"E*is not installed in {sys.executable}; install it: {sys.executable} -m pip install *"]
    )
    assert "in_process.py" not in result.stdout.str()


def nothing(request: Any, context: Any) -> dict[str, Any]:
    """Answer nothing."""
    del request, context
    return {}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"enviroment": {}},
            r"^abeja_serve takes a handler and, by name, .*not 'enviroment'; did you mean 'environment'\?$",
        ),
        ({"datasets": {}}, "source, context, not 'datasets'$"),
        ({"environment": ["A=1"]}, r"^abeja_serve\(environment=…\) must be a mapping such as"),
        ({"context": 5}, r"^abeja_serve\(context=…\) must be a mapping such as {'threshold': 0.5}, not 5$"),
        ({"context": {"a": {1}}}, r"^abeja_serve\(context=…\) is {'a': \{1\}}, and must be what JSON can say"),
        ({"image": 19.1}, r"^abeja_serve\(image=…\) must be text, not 19.1$"),
        ({"result_dir": 5}, r"^abeja_serve\(result_dir=…\) must be a folder or a job of abeja_train, not 5$"),
        ({"source": 5}, "^source is the name or path of a folder, not 5$"),
    ],
)
def test_options_that_cannot_be(abeja_serve: Callable[..., Served], options: dict[str, Any], sentence: str) -> None:
    """What is wrong, and what it takes."""
    with pytest.raises(TypeError, match=sentence):
        abeja_serve(nothing, **options)


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        ("nowhere", FileNotFoundError, "^result_dir='nowhere': there is no 'nowhere', nor fixtures/nowhere, in"),
        ("", ValueError, "^result_dir='': '' names no folder"),
        ("test_pytest_serving.py", NotADirectoryError, "^result_dir='test_pytest_serving.py' is no folder; name the"),
    ],
)
def test_result_directories_that_cannot_be(
    abeja_serve: Callable[..., Served], given: str, kind: type[Exception], sentence: str
) -> None:
    """What is wrong, and where was looked."""
    with pytest.raises(kind, match=sentence):
        abeja_serve(nothing, result_dir=given)


def test_a_result_directory_beside_the_test(abeja_serve: Callable[..., Served], tmp_path: Path) -> None:
    """A relative path is looked for where datasets are; any path will do."""
    assert abeja_serve(nothing, result_dir="serving").result_dir.name == "serving"
    assert abeja_serve(nothing, result_dir=tmp_path).result_dir == tmp_path.resolve()


@pytest.mark.parametrize("handler", [None, 1.5, ["main:handler"]])
def test_handlers_that_cannot_be(abeja_serve: Callable[..., Served], handler: Any) -> None:
    """A handler is a name, a path or a function."""
    with pytest.raises(TypeError, match=r"^a handler is 'module:function', a path to a .py file or a function, not "):
        abeja_serve(handler)


def test_a_variable_that_only_the_platform_sets(abeja_serve: Callable[..., Served]) -> None:
    with pytest.raises(VariableError, match="PLATFORM_AUTH_TOKEN is set by the platform itself"):
        abeja_serve(nothing, environment={"PLATFORM_AUTH_TOKEN": "x"})


def test_a_job_without_a_result(abeja_serve: Callable[..., Served], abeja_train: Callable[..., TrainedJob]) -> None:
    """It says what the job has logged at last."""
    job = abeja_train(lambda _: print("nothing learned"))
    job.result_dir.rmdir()
    with pytest.raises(FileNotFoundError, match="the job has left no result; its log ends: nothing learned"):
        abeja_serve(nothing, result_dir=job)


@pytest.mark.abeja(environment={"A": 1, "B": 1})
def test_what_the_marker_says_lies_below(abeja_serve: Callable[..., Served]) -> None:
    """Its variables hold for models as for jobs."""

    def handler(request: Any, context: Any) -> dict[str, Any]:
        import os

        del request, context
        return {"content": os.environ["A"] + os.environ["B"]}

    assert abeja_serve(handler, environment={"B": 2}).post(json={}).text == "12"


def test_random_numbers_repeat_with_a_seed(pytester: pytest.Pytester, options: list[str]) -> None:
    """Each model begins with it and goes on where it was; the test's own numbers are nobody else's."""
    tests = """
import random

def handler(request, context):
    return {"content": {"drawn": random.random()}}

def test_it(abeja_serve):
    one, other = abeja_serve(handler), abeja_serve(handler)
    drawn = [[each.post(json={}).json()["drawn"] for _ in range(2)] for each in (one, other)]
    random.seed(5)
    assert drawn[0] == drawn[1] == [random.random(), random.random()]
"""
    run(pytester, tests, *options, "--abeja-random-seed", "5").assert_outcomes(passed=1)
