"""`pytest --abeja-fault-sweep`, as somebody runs it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.pytest_options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

#: One test of each verdict; what is made for the module is made once, whatever a sweep does.
TESTS = """
    import threading, unittest
    import pytest
    from abeja.datasets import Client

    MADE = []

    def make(name):
        dataset = Client().datasets.create(name, "custom", {})
        dataset.dataset_items.create(source_data=[], attributes={"name": "データ"})
        return dataset

    @pytest.fixture(scope="module", autouse=True)
    def known(abeja):
        MADE.append(make("known"))
        assert len(MADE) == 1
        yield MADE[0]
        print("the module is torn down")

    def read():
        return len(list(Client().datasets.list()))

    def test_survives():
        try:
            read()
        except Exception:
            pass

    def test_right():
        assert read() == 1

    class TestWrong:
        runs = 0

        def test_wrong(self):
            self.runs += 1
            assert self.runs == 1
            try:
                number = read()
            except Exception:
                number = None
            assert {1: "one"}[number]

    class TestTwice(unittest.TestCase):
        def setUp(self):
            self.dataset = make("new")

        def test_twice(self):
            assert self.dataset.dataset_id

    def count(context):
        print(read())

    def test_job(abeja_train):
        assert abeja_train(count).status == "Complete"

    def answer(request, context):
        return {"status_code": 200, "content_type": "application/json", "content": {"number": read()}}

    def test_served(abeja_serve):
        assert abeja_serve(answer).post(b"{}", content_type="application/json").status_code == 200

    def test_quiet(): pass

    @pytest.mark.skip
    def test_skipped(): read()

    @pytest.mark.xfail
    def test_expected(): assert read() == 2
    """

HANGS = """
    import threading
    from abeja.datasets import Client

    def test_hangs(abeja):
        try:
            Client().datasets.list()
        except Exception:
            threading.Event().wait()
    """

#: A module whose end fails, and a test that does not survive its first run.
ENDS = """
    import os, signal
    import pytest
    from abeja.datasets import Client

    @pytest.fixture(scope="module")
    def known(abeja):
        yield
        raise RuntimeError("the module cannot be torn down")

    def test_module(known):
        Client().datasets.list()

    def test_fails(known):
        Client().datasets.list()
        assert not "once"
    """
INTERRUPTED = """
    import os, signal
    from abeja.datasets import Client

    RUNS = []

    def test_interrupted(abeja):
        RUNS.append(1)
        if len(RUNS) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        Client().datasets.list()
    """

SWEEP = ("--abeja-fault-sweep", "-p", "no:cacheprovider", "-p", "no:randomly")


def verdicts(path: Path) -> dict[tuple[str, str], str]:
    """Return what is in the file of a sweep: by test and fault the verdict."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        (line["test"].rpartition("::")[2], line["line"]): line["verdict"] for line in lines if line["type"] == "run"
    }


def test_each_verdict(pytester: pytest.Pytester) -> None:
    """Every call and fault of every test has its own, tests are reported as ever, and the run fails for what is bad."""
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*SWEEP, "--abeja-sweep-file", "runs", "--abeja-sweep-report", "sweep.html")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=7, skipped=1, xfailed=1)
    found = verdicts(pytester.path / "runs")
    once, lasting = "list_datasets status=503 calls=1", "list_datasets status=503 calls=1-"
    assert {name: (found[name, once], found[name, lasting]) for name, line in found if line == once} == {
        "test_survives": ("survives", "survives"),
        "test_right": ("survives", "right exception"),
        "test_wrong": ("survives", "wrong exception"),
        "test_job": ("survives", "right exception"),
        "test_served": ("survives", "right exception"),
    }
    assert {line: verdict for (name, line), verdict in found.items() if name == "test_twice"} == {
        "create_dataset status=503 calls=1": "survives",
        "create_dataset status=503 calls=1-": "right exception",
        "create_dataset lost calls=1": "right exception",
        "create_dataset_item status=503 calls=1": "survives",
        "create_dataset_item status=503 calls=1-": "right exception",
        "create_dataset_item lost calls=1": "duplicates data",
    }
    result.stdout.fnmatch_lines(
        [
            "*::test_wrong: 1 call, 2 runs, limit * s: 1 survives, 1 ends in a wrong exception",
            "  WRONG list_datasets status=503 calls=1-",
            "    KeyError: None",
            "  TWICE create_dataset_item lost calls=1",
            "    dataset item 1 was made twice: *",
            "*::test_quiet: no sweep: it makes no calls of the platform",
            "*::test_skipped: no sweep: it is skipped",
            "*::test_expected: no sweep: it is expected to fail",
            "sweep: 2 failed (wrong exception, duplicates data); if that may be: --abeja-sweep-allow wrong,duplicates",
        ]
    )
    page = (pytester.path / "sweep.html").read_text(encoding="utf-8")
    assert len(re.findall("<section>", page)) == 9
    assert '<td class="twice">' in page


def test_two_workers_share_a_test_and_a_later_sweep_goes_on(pytester: pytest.Pytester) -> None:
    """Together they find what one finds; with a budget some is left out, which the next run catches up on."""
    pytester.makepyfile(TESTS)
    allowed = (*SWEEP, "--abeja-sweep-file", "runs", "--abeja-sweep-allow", "wrong,duplicates", "-k", "Twice or right")
    first = pytester.runpytest_subprocess(*allowed, "--abeja-sweep-budget", "3")
    assert first.ret == pytest.ExitCode.OK
    first.stdout.fnmatch_lines(["5 runs did not happen; --abeja-sweep-resume goes on with them"])
    early = verdicts(pytester.path / "runs")
    assert len(early) == 3
    workers = pytester.runpytest_subprocess(*allowed, "--abeja-sweep-resume", "-p", "xdist", "-n", "2")
    assert workers.ret == pytest.ExitCode.OK
    workers.assert_outcomes(passed=2)
    lines = [json.loads(line) for line in (pytester.path / "runs").read_text(encoding="utf-8").splitlines()]
    runs = [line for line in lines if line["type"] == "run"]
    assert len(runs) == 8
    assert {(line["test"].rpartition("::")[2], line["line"]) for line in runs if line["kept"]} == set(early)
    parts = {line["part"]: line["planned"] for line in lines if line["type"] == "base" and "twice" in line["test"]}
    assert parts == {0: 3, 1: 3}
    assert "duplicates data" in verdicts(pytester.path / "runs").values()


def test_what_hangs_is_ended(pytester: pytest.Pytester) -> None:
    """And the next run begins; the place is named."""
    pytester.makepyfile(HANGS)
    result = pytester.runpytest_subprocess(
        *SWEEP,
        "--abeja-sweep-limit",
        "2",
        "--abeja-sweep-faults",
        "status=400",
        "--abeja-sweep-faults",
        "closed calls=1-",
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*::test_hangs: 1 call, 2 runs, limit 2 s: 2 hang",
            "  HANGS list_datasets closed=before calls=1-",
            "    it took longer than 2 s, in *.py:8",
        ]
    )


def test_the_end_of_a_module_is_reported_once(pytester: pytest.Pytester) -> None:
    """With the test that is the last to use it, in spite of all runs; a test that fails anyway is not swept."""
    pytester.makepyfile(ENDS)
    result = pytester.runpytest_subprocess(*SWEEP)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*::test_module: 1 call, 2 runs, *: 1 survives, 1 ends in the right exception",
            "*::test_fails: no sweep: it fails without a fault",
            "ERROR *::test_fails - RuntimeError*",
        ]
    )


def test_what_was_found_before_an_interrupt_is_kept(pytester: pytest.Pytester) -> None:
    """And shown; what did not happen is counted."""
    pytester.makepyfile(INTERRUPTED)
    result = pytester.runpytest_subprocess(*SWEEP, "--abeja-sweep-file", "runs")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert list(verdicts(pytester.path / "runs").values()) == ["survives"]
    result.stdout.fnmatch_lines(["*::test_interrupted: 1 call, 1 run, *: 1 survives; 1 left out"])


def test_wrong_options_are_refused(pytester: pytest.Pytester) -> None:
    """With a sentence, before anything runs."""
    pytester.makepyfile("def test_it(): pass")
    for option, value, said in (
        ("--abeja-sweep-budget", "soon", "*neither a number of runs, such as 200, nor a time*"),
        ("--abeja-sweep-limit", "0", "*must be a number of seconds*"),
        ("--abeja-sweep-faults", "get_dataset lost", "*a fault begins with what goes wrong*"),
        ("--abeja-sweep-allow", "all", "*must be some of wrong,hangs,duplicates"),
        ("--abeja-sweep-report", ".", "*is a folder; name a file"),
        ("--abeja-sweep-resume", "", "*needs pytest's cache, which is switched off*"),
        ("--pdb", "", "*leave --pdb out"),
    ):
        result = pytester.runpytest_inprocess(*filter(None, [option, value]), *SWEEP)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([said])
    result = pytester.runpytest_inprocess("--abeja-sweep-budget", "5")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--abeja-sweep-budget is about a sweep, and there is none; add --abeja-fault-sweep"])


def test_options_of_a_sweep_are_no_configuration() -> None:
    """A project that is swept by default would take minutes for every run."""
    assert {option.on for option in OPTIONS if "sweep" in option.key} == {"command"}
