"""Every refused call is in some record and fails something: its test, or the run."""

from __future__ import annotations

import pytest

CALL = """
import threading
import pytest, requests

def call(host):
    try:
        requests.get(f"https://{host}.example/", timeout=5)
    except Exception as error:
        return error
"""

QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests that can call unknown hosts."""
    pytester.makepyfile(test_it=CALL + tests)
    return pytester.runpytest_subprocess("--abeja-emulate", *QUIET, *options)


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_in_the_teardown_of_a_fixture(pytester: pytest.Pytester, scope: str) -> None:
    """Of any scope; what the last test takes down is its own."""
    tests = f"""
@pytest.fixture(scope="{scope}")
def fixture(abeja):
    yield
    call("teardown")

def test_it(fixture):
    pass
"""
    result = run(pytester, tests, "--abeja-report", "report.html")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_it*", "refused GET https://teardown.example/ *", "*1 to hosts that are*"]
    )
    page = (pytester.path / "report.html").read_text(encoding="utf-8")
    assert page.count("teardown.example/") == 1
    assert '<span class="error">error</span> test_it.py::test_it' in page


def test_in_the_teardown_of_a_test_that_failed(pytester: pytest.Pytester) -> None:
    """It has its reason already, and the call is shown."""
    tests = """
@pytest.fixture
def fixture():
    yield
    call("teardown")

def test_fails(fixture):
    assert call("body") is None
"""
    result = run(pytester, tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*2 to hosts that are not emulated", "test_it.py::test_fails", "  refused *body*", "  refused *teardown*"]
    )


def test_a_test_that_is_expected_to_fail(pytester: pytest.Pytester) -> None:
    """Fails once, as expected, with the call in its record."""
    tests = """
@pytest.mark.xfail(strict=True)
def test_it():
    assert call("body") is None
"""
    result = run(pytester, tests, "--abeja-report", "report.html")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["*1 to hosts that are not emulated"])
    assert ">xfailed</span>" in (pytester.path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
@pytest.mark.parametrize("place", ["test_it.py", "conftest.py"])
def test_outside_of_any_test(pytester: pytest.Pytester, place: str, workers: list[str]) -> None:
    """At an import: shown once, and the run fails although every test passes."""
    source = CALL + "\ncall('import')\n"
    tests = "def test_one(): pass\ndef test_two(): pass\n"
    if place == "conftest.py":
        pytester.makeconftest(source)
        source = ""
    pytester.makepyfile(test_it=source + tests)
    result = pytester.runpytest_subprocess("--abeja-emulate", *QUIET, *workers)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["(outside of any test)", "  refused GET https://import.example/ *"])
    assert result.stdout.str().count("refused GET") == 1


def test_outside_of_any_test_on_a_machine_without_a_network(pytester: pytest.Pytester) -> None:
    """Is shown, and fails nothing."""
    result = run(pytester, "call('import')\ndef test_it(): pass", "--abeja-unknown-host", "connection-error")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["(outside of any test)", "  refused *import.example*"])


def test_what_an_earlier_test_left_running_fails_no_other(pytester: pytest.Pytester) -> None:
    """A thread, and one that it starts, call while an innocent test runs: the run fails, and names the first test."""
    tests = """
go, done = threading.Event(), threading.Event()

def late():
    go.wait(20)
    call("thread")
    inner = threading.Thread(target=call, args=("inner",))
    inner.start()
    inner.join(20)
    done.set()

def test_leaves_it_running():
    threading.Thread(target=late).start()

def test_is_innocent():
    go.set()
    assert done.wait(20)
"""
    result = run(pytester, tests)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    by = "by what test_it.py::test_leaves_it_running left running"
    result.stdout.fnmatch_lines(
        [
            "(outside of any test)",
            f"  refused GET https://thread.example/ * {by}: *",
            f"  refused GET https://inner.example/ * {by}: *",
        ]
    )


@pytest.mark.parametrize("way", [["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def test_a_refused_call_can_be_expected(pytester: pytest.Pytester, way: list[str]) -> None:
    """The test looks at them itself; before and after there is nothing."""
    tests = """
def test_expects(abeja, abeja_refused):
    assert list(abeja_refused) == []
    assert "Unknown" in type(call("one")).__name__
    call("two")
    assert [each.host for each in abeja_refused] == ["one.example", "two.example"]
    assert abeja_refused[-1].url == "https://two.example/" and len(abeja_refused[:1]) == 1
    assert "https://two.example/" in repr(abeja_refused)

def test_is_another(abeja_refused):
    assert len(abeja_refused) == 0

def test_does_not_expect(abeja):
    call("three")
"""
    pytester.makepyfile(test_it=CALL + tests)
    result = pytester.runpytest_subprocess(*way, *QUIET)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_does_not_expect*", "*3 to hosts that are not emulated"])


def test_jobs_and_calls_of_a_teardown_are_in_the_record(pytester: pytest.Pytester) -> None:
    """Together with those of the test itself, and kept where jobs are kept."""
    tests = """
def handler(context):
    print("trained")

@pytest.fixture
def fixture(abeja, abeja_train):
    yield
    abeja_train(handler, definition="afterwards")
    requests.get("https://api.abeja.io/organizations/default-org", headers={"Authorization": "Bearer token-of-it"})

def test_it(fixture, abeja_train):
    abeja_train(handler, definition="body")
"""
    result = run(pytester, tests, "--abeja-keep", "kept")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["2 jobs (2 Complete), 1 call", "test_it.py::test_it [[]client]", "  body:1 *", "  afterwards:1 *"]
    )
    kept = pytester.path / "kept" / "test_it.py_test_it"
    assert len([path for path in kept.iterdir() if path.is_dir()]) == 2


def test_a_test_whose_name_looks_like_a_secret_is_in_error(pytester: pytest.Pytester) -> None:
    """Its record is found although its name is not shown."""
    tests = """
@pytest.mark.parametrize("header", ["Authorization: Bearer abcdefghijklmn"])
def test_it(abeja, header):
    call("body")
"""
    result = run(pytester, tests, "--abeja-report", "report.html")
    result.assert_outcomes(passed=1, errors=1)
    page = (pytester.path / "report.html").read_text(encoding="utf-8")
    assert '<span class="error">' in page
    assert '<span class="passed">' not in page
    assert "abcdefghijklmn" not in page


def test_a_module_fixture_without_the_whole_run(pytester: pytest.Pytester) -> None:
    """Pytest's own refusal comes with what to do."""
    pytester.makepyfile("""
        import pytest
        @pytest.fixture(scope="module")
        def dataset(abeja_train): pass
        def test_it(dataset): pass
    """)
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*", "*for the whole run: pytest --abeja-emulate"])


def test_under_xdist_nobody_else_is_told(pytester: pytest.Pytester) -> None:
    """The controller takes no part in what a worker's test answers for, or fails for as expected."""
    tests = """
def test_answers_for_it(abeja_refused):
    call("weights")
    assert [each.host for each in abeja_refused] == ["weights.example"]

@pytest.mark.xfail(strict=True)
def test_fails_as_expected(abeja):
    call("expected")
    assert 0
"""
    result = run(pytester, tests, "-p", "xdist", "-n", "2")
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == pytest.ExitCode.OK
    assert "outside of any test" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*2 to hosts that are not emulated"])


def test_a_teardown_that_skips_hides_nothing(pytester: pytest.Pytester) -> None:
    """The call of the test fails it all the same."""
    tests = """
@pytest.fixture
def skips():
    yield
    pytest.skip("no cleaning up here")

def test_it(skips):
    call("body")
"""
    result = run(pytester, tests)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["refused GET https://body.example/ *"])


def test_a_long_summary_hides_nothing(pytester: pytest.Pytester) -> None:
    """Jobs beyond the first ones are counted only; what fails the run is listed first."""
    tests = """
call("import")

@pytest.mark.parametrize("number", range(22))
def test_it(abeja_train, number):
    abeja_train(lambda context: None)
"""
    result = run(pytester, tests)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["(outside of any test)", "  refused GET https://import.example/ *", "(more jobs than*"]
    )


def test_subtests_are_parts_of_their_test(pytester: pytest.Pytester) -> None:
    """Its record has what all of them did."""
    tests = """
import unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def take(self, abeja_train):
        self.train = abeja_train

    def test_it(self):
        for number in range(3):
            with self.subTest(number=number):
                self.train(lambda context: None, definition=f"part-{number}")
        self.train(lambda context: None, definition="after")
"""
    result = run(pytester, tests)
    result.stdout.fnmatch_lines(
        ["4 jobs (4 Complete), *", "  part-0:1 *", "  part-1:1 *", "  part-2:1 *", "  after:1 *"]
    )


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_another_guard_that_puts_back_what_it_knew(pytester: pytest.Pytester, workers: list[str]) -> None:
    """As pytest-socket does after each test: every test is guarded all the same."""
    tests = """
import socket
real = socket.socket.connect

@pytest.fixture(autouse=True)
def other_guard():
    yield
    connect = socket.socket.connect
    socket.socket.connect = getattr(connect, "__wrapped__", connect)

@pytest.mark.parametrize("number", range(4))
def test_it(abeja_refused, number):
    with socket.socket() as sock, pytest.raises(Exception, match="nothing else leaves"):
        sock.settimeout(1)
        sock.connect(("192.0.2.9", 443))
    assert len(abeja_refused) == 1
"""
    run(pytester, tests, *workers).assert_outcomes(passed=4)


def test_no_secret_is_in_a_sentence(pytester: pytest.Pytester) -> None:
    """Neither in the error at a teardown nor in what is outside of any test, nor that of a job that is gone."""
    tests = """
import os
kept = []

def quiet(url):
    try:
        requests.get(url, timeout=5)
    except Exception:
        pass

def first(context):
    kept.append(os.environ["PLATFORM_AUTH_TOKEN"])

def second(context):
    print("still", kept[0])

def test_one(abeja, abeja_train):
    abeja_train(first)
    kept.append(abeja.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"])
    with open("secrets.txt", "w") as file:
        file.write(" ".join(kept))

def test_two(abeja_train):
    abeja_train(second)
    quiet(f"https://weights.example/{kept[1]}/x")

@pytest.fixture(scope="module", autouse=True)
def at_the_end():
    yield
    threading.Thread(target=quiet, args=(f"https://late.example/{kept[1]}/x",)).start()
"""
    # What a test prints is shown by pytest itself, as it is.
    options = ("--abeja-report", "report.html", "--abeja-keep", "kept", "--show-capture=no")
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=2, errors=1)
    seen = [result.stdout.str(), (pytester.path / "report.html").read_text(encoding="utf-8")]
    seen += [path.read_text(encoding="utf-8") for path in (pytester.path / "kept").rglob("*") if path.is_file()]
    secrets = (pytester.path / "secrets.txt").read_text(encoding="utf-8").split()
    assert len(secrets) == 2
    assert not [secret for secret in secrets for text in seen if secret in text]


def test_files_of_the_current_job_belong_to_the_test_that_wrote_them(pytester: pytest.Pytester) -> None:
    """And to none after it."""
    tests = """
import os

def test_writes(abeja_context):
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.bin"), "w") as file:
        file.write("x")

def test_trains(abeja_train):
    abeja_train(lambda context: None)
"""
    result = run(pytester, tests)
    result.stdout.fnmatch_lines(["2 jobs (*"])
    assert result.stdout.str().count("model.bin") == 1
