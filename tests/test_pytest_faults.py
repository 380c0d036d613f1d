"""Faults of a test and of a run: whose they are, and what is said of those that never fired."""

from __future__ import annotations

import pytest

from abeja_emulator.pytest_faults import run_sentence

TESTS = """
import os
import pytest
from abeja.datasets import APIClient
from abeja.exceptions import HttpError

def get(dataset):
    return APIClient(max_retry_count=1).get_dataset(os.environ["ABEJA_ORGANIZATION_ID"], dataset)["name"]

@pytest.fixture
def flowers(abeja_dataset):
    return abeja_dataset([], name="flowers")

def test_fixture(flowers, abeja_faults):
    abeja_faults.add("get_dataset", status=503, calls="1-2")
    with pytest.raises(HttpError):
        get(flowers)
    assert get(flowers) == "flowers"

def test_those_of_another_test_are_gone(flowers, abeja_faults):
    assert abeja_faults.all() == abeja_faults.fired == []
    assert get(flowers) == "flowers"

@pytest.mark.abeja(faults="get_dataset status=404")
class TestMarker:
    def test_of_a_class(self, flowers):
        with pytest.raises(HttpError):
            get(flowers)

    @pytest.mark.abeja(faults=["get_dataset status=400", "get_dataset status=401 calls=2"])
    def test_the_nearest_wins(self, flowers):
        for status in (400, 401):
            with pytest.raises(HttpError, match=str(status)):
                get(flowers)

    @pytest.mark.abeja(faults=[])
    def test_none(self, flowers):
        assert get(flowers) == "flowers"

def test_unfired(abeja_faults):
    abeja_faults.add("get_dataset", status=503)

def test_allowed(abeja_faults):
    abeja_faults.add("get_dataset", status=503, optional=True)

def test_failed_already(abeja_faults):
    abeja_faults.add("get_dataset", status=503)
    assert False

@pytest.mark.abeja(auth="strict", faults="get_dataset sttus=404")
def test_wrong_line(abeja):
    pass

def test_nothing_is_left_of_a_wrong_marker(abeja):
    assert abeja.auth == "open"

@pytest.mark.abeja(faults=7)
def test_no_lines(abeja):
    pass
"""

PLAIN = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]


@pytest.mark.parametrize("options", [["--abeja-emulate"], [], ["--abeja-emulate", "-p", "xdist", "-n", "2"]], ids=str)
def test_faults_belong_to_their_test(pytester: pytest.Pytester, options: list[str]) -> None:
    """Those of fixture and marker; one that never fired fails a test that went well otherwise."""
    pytest.importorskip("abeja.datasets")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLAIN, *options)
    result.assert_outcomes(passed=8, failed=1, errors=3)
    shown = result.stdout.str()
    assert "a fault never fired, so the test has not seen what it is about: get_dataset status=503: " in shown
    assert "no call of get_dataset was made. If that may be: optional=True" in shown
    assert "there is no fault 'sttus'; did you mean 'status'?" in shown
    assert "@pytest.mark.abeja(faults=7): it must be lines such as ['get_dataset status=503 calls=1-2']" in shown
    assert "fault get_dataset status=503 calls=1-2: fired 2 times, 2 calls of the client because of it" in shown


def test_faults_of_a_run(pytester: pytest.Pytester) -> None:
    """They fire anew in every test, and fail the run only when they fired in none of them."""
    pytest.importorskip("abeja.datasets")
    pytester.makepyfile(TESTS.partition("def test_fixture")[0] + "\ndef test_one(flowers):\n    get(flowers)\n")
    pytester.makeini("[pytest]\nabeja_faults = get_dataset status=503 calls=1")
    again = pytester.runpytest_subprocess(*PLAIN, "--abeja-emulate", "--abeja-fault", "delete_dataset lost optional")
    again.assert_outcomes(passed=1)
    assert again.ret == 0
    again.stdout.fnmatch_lines(["*fault get_dataset status=503 calls=1: fired once, 1 call of the client*"])
    never = pytester.runpytest_subprocess(*PLAIN, "--abeja-emulate", "--abeja-fault", "delete_dataset lost")
    never.assert_outcomes(passed=1)
    assert never.ret == 1
    never.stdout.fnmatch_lines(["*--abeja-fault: in no test fired 'delete_dataset lost'"])
    wrong = pytester.runpytest_subprocess(*PLAIN, "--abeja-emulate", "--abeja-fault", "delete_datset lost")
    assert wrong.ret == 4
    assert "abeja_fault: no operation of the platform is called 'delete_datset'" in "\n".join(wrong.errlines)


def test_muted_no_fault_fires(pytester: pytest.Pytester) -> None:
    """A test of a failure fails then, one that allows for it does not, and nothing is said of what never fired."""
    pytest.importorskip("abeja.datasets")
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(*PLAIN, "--abeja-emulate", "--abeja-mute-faults")
    result.assert_outcomes(passed=5, failed=4, errors=2)
    assert result.stdout.str().count("DID NOT RAISE") >= 3


@pytest.mark.parametrize(
    ("line", "fails"),
    [
        (" delete_dataset lost ", False),
        ("get_dataset lost", True),
        ("get_dataset lost optional", False),
        ("get_dataset status=503 message='it is optional here'", True),
    ],
)
def test_a_fault_of_a_run_has_to_fire_in_one_of_its_tests(line: str, *, fails: bool) -> None:
    """Unless its line says the word, and not only has it in a text."""
    assert bool(run_sentence([line], ["delete_dataset lost"])) == fails
