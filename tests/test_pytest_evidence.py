"""A test run says how well what a test relied on is known, and fails where that is not well enough."""

from __future__ import annotations

import pytest

#: What is called is known from a client, from the reference, and as a conclusion of ours.
TESTS = """
import pytest
from abeja.datasets import APIClient

def test_client(abeja):
    APIClient().list_datasets(abeja.organization.id)

def test_documented(abeja):
    api, organization = APIClient(), abeja.organization.id
    api.list_datasets(organization)
    api.create_dataset(organization, "dogs", "classification", {})

@pytest.mark.abeja(min_evidence="inferred")
def test_good_enough(abeja):
    APIClient().create_dataset(abeja.organization.id, "dogs", "classification", {})

def test_calls_nothing(abeja):
    pass

def test_forgotten(abeja):
    api, organization = APIClient(), abeja.organization.id
    api.create_dataset(organization, "dogs", "classification", {})
    abeja.journal._entries.clear()
    api.list_datasets(organization)
"""


@pytest.fixture(params=[["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Emulate for the whole run, or for the tests that ask."""
    chosen: list[str] = request.param
    return [*chosen, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


def test_by_default_it_is_only_said(pytester: pytest.Pytester, options: list[str]) -> None:
    """Whatever is known of an operation, its tests pass; the summary counts tests by their weakest evidence."""
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        ["the weakest evidence a test relied on: 3 tests documented (create_dataset), 1 test client"]
    )


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_too_little_is_known(pytester: pytest.Pytester, options: list[str], workers: list[str]) -> None:
    """Tests that rely on less fail at their teardown, with the operations by name; not one that says it will do."""
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest_subprocess(*options, *workers, "--abeja-min-evidence", "client")
    result.assert_outcomes(passed=5, errors=2)
    for line in (
        "*of the grade client or better: create_dataset (documented); docs/coverage.md *",
        "*ERROR test_it.py::test_documented*",
        "*ERROR test_it.py::test_forgotten*",
    ):
        result.stdout.fnmatch_lines([line])


def test_configuration(pytester: pytest.Pytester, options: list[str]) -> None:
    """The key does the same, the option wins over it, and what is no grade is said to be none."""
    pytester.makepyfile(test_it=TESTS)
    pytester.makeini("[pytest]\nabeja_min_evidence = recorded\n")
    pytester.runpytest_subprocess(*options, "-k", "test_client").assert_outcomes(passed=1, errors=1)
    chosen = (*options, "-k", "test_client", "--abeja-min-evidence", "client")
    pytester.runpytest_subprocess(*chosen).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nabeja_min_evidence = rumour\n")
    result = pytester.runpytest_subprocess(*options)
    assert "abeja_min_evidence is 'rumour'; it must be recorded, client, documented or inferred" in (
        result.stdout.str() + result.stderr.str()
    )


def test_a_test_that_failed_anyway_fails_once(pytester: pytest.Pytester, options: list[str]) -> None:
    """Its own failure is what matters."""
    pytester.makepyfile(
        """
        from abeja.datasets import APIClient

        def test_it(abeja):
            APIClient().create_dataset(abeja.organization.id, "dogs", "classification", {})
            assert False
        """
    )
    pytester.runpytest_subprocess(*options, "--abeja-min-evidence", "client").assert_outcomes(failed=1)
