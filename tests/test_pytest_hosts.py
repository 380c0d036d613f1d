"""Services and runs that tests make with the SDK run in children, and live as long as what made them."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("abejaruntime36", reason="models need the extra 'serving'")

MODEL = """
import os
from abeja.datalake import Client

def handler(request, context):
    channel = os.environ["CHANNEL"]
    return {"content": {"pid": os.getpid(), "channel": Client().get_channel(channel).name}}
"""

MAKES = """
import io, os, time, zipfile
import pytest, requests
from abeja.deployments import APIClient as Deployments
from abeja.runs import APIClient as Runs
from abeja.services import APIClient as Services

class Maker:
    def __init__(self, abeja):
        self.organization = abeja.organization.id
        deployments = Deployments()
        deployment = deployments.create_deployment(self.organization, "mine")["deployment_id"]
        version = deployments.create_deployment_version(
            self.organization, deployment, "1", "main:handler", "abeja-inc/all-cpu:19.10"
        )
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.write("main.py")
        requests.put(version["upload_url"], data=archive.getvalue())
        self.code = (self.organization, deployment, version["version_id"])
        self.environment = {"CHANNEL": abeja.seed.channel("files")}

    def service(self):
        return Services().create_service(*self.code, environment=self.environment)["service_id"]

    def run(self, **more):
        environment = {**self.environment, **more}
        return Runs().create_run(*self.code, {"x": 1}, environment=environment, retry_count=0)["run_id"]

    def ask(self, service):
        return Services().request_service(*self.code[:2], service, json={}).json()
"""

QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests that can make services and runs."""
    pytester.makepyfile(test_it=MAKES + tests, main=MODEL)
    return pytester.runpytest_subprocess(*options, *QUIET)


@pytest.mark.parametrize("options", [["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def test_a_service_and_a_run_of_one_test(pytester: pytest.Pytester, options: list[str]) -> None:
    """Both see the state of the test; the processes are gone when it has ended."""
    result = run(
        pytester,
        """
def test_both(abeja, abeja_services, abeja_runs):
    maker = Maker(abeja)
    service, run = maker.service(), maker.run()
    assert abeja_services.wait(service, 60).status == "READY", abeja.look.service_log(service)
    answer = maker.ask(service)
    assert answer["channel"] == "files"
    with open("pid", "w") as file:
        file.write(str(answer["pid"]))
    assert abeja_runs.wait(run, 60).status == "SUCCEEDED", abeja.look.run_log(run)

def test_after():
    with open("pid") as file:
        pid = file.read()
    # One that nobody reaps is as dead.
    assert not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z"
""",
        *options,
    )
    result.assert_outcomes(passed=2)


def test_a_service_of_a_module_answers_in_each_test(pytester: pytest.Pytester) -> None:
    """It is one process, which may call the platform in every test, also where the fixture did not wait for it."""
    result = run(
        pytester,
        """
@pytest.fixture(scope="module")
def maker(abeja):
    return Maker(abeja)

@pytest.fixture(scope="module")
def service(maker):
    return maker.service()

PIDS = set()

@pytest.mark.parametrize("number", range(3))
def test_answers(abeja, abeja_services, maker, service, number):
    assert abeja_services.wait(service, 60).status == "READY"
    answer = maker.ask(service)
    assert answer["channel"] == "files", abeja.look.service_log(service)
    PIDS.add(answer["pid"])
    assert len(PIDS) == 1
""",
        "--abeja-emulate",
    )
    result.assert_outcomes(passed=3)


def test_a_run_that_a_wider_fixture_leaves_running(pytester: pytest.Pytester) -> None:
    """Is refused with a sentence that says what to do: what it did during a test would go with that test."""
    result = run(
        pytester,
        """
@pytest.fixture(scope="module")
def submitted(abeja):
    return Maker(abeja).run()

def test_it(submitted): pass
""",
        "--abeja-emulate",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*the fixture submitted, of scope module, leaves run run-* running*abeja_runs.wait(run_id)*"]
    )


def test_held(pytester: pytest.Pytester) -> None:
    """The marker and the variable hold runs as they hold jobs; what waits at the end of a test never runs."""
    result = run(
        pytester,
        """
@pytest.mark.abeja(jobs="held")
def test_by_the_marker(abeja, abeja_runs):
    run = Maker(abeja).run()
    assert abeja_runs.queued() == [run]
    assert abeja.look.run(run).status == "SUBMITTED"
    abeja_runs.release(run)
    assert abeja_runs.wait(run, 60).status == "SUCCEEDED", abeja.look.run_log(run)

def test_by_the_variable(abeja, abeja_runs):
    run = Maker(abeja).run(ABEJA_EMULATOR_JOB_MODE="held")
    assert abeja_runs.queued() == [run]

def test_nothing_is_left(abeja_runs):
    assert abeja_runs.queued() == []
""",
        "--abeja-emulate",
    )
    result.assert_outcomes(passed=3)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_unused_hosts_start_nothing(pytester: pytest.Pytester) -> None:
    """A run without services has no thread and no process of theirs."""
    result = run(
        pytester,
        """
import threading

def test_it(abeja_services, abeja_runs):
    assert [each.name for each in threading.enumerate() if "service" in each.name or "run" in each.name] == []
""",
        "--abeja-emulate",
    )
    result.assert_outcomes(passed=1)


def test_the_limit_of_an_answer(pytester: pytest.Pytester) -> None:
    """The configuration says it for all tests, a test for itself; what is no time is refused at the start."""
    tests = """
def test_changes_it(abeja_services):
    assert abeja_services.answer_timeout == 7
    abeja_services.answer_timeout = 2
    with pytest.raises(ValueError, match="must be a number of seconds over 0"):
        abeja_services.answer_timeout = 0

def test_has_it_again(abeja_services):
    assert abeja_services.answer_timeout == 7
"""
    run(pytester, tests, "--abeja-emulate", "-o", "abeja_answer_timeout=7").assert_outcomes(passed=2)
    result = pytester.runpytest_subprocess(*QUIET, "--abeja-emulate", "--abeja-answer-timeout", "soon")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "abeja_answer_timeout: 'soon' is no number of seconds" in result.stderr.str()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="abeja_fs needs Python 3.11")
@pytest.mark.parametrize("options", [["-p", "pyfakefs.pytest_plugin"], []], ids=["with its plugin", "without"])
def test_no_model_runs_under_a_faked_file_system_and_the_next_one_does(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    """A sentence says why; it is not the emulator that fails."""
    pytest.importorskip("pyfakefs")
    tests = """
@pytest.fixture
def maker(abeja):
    return Maker(abeja)

def test_faked(abeja, maker, abeja_services, abeja_fs):
    service = maker.service()
    assert abeja_services.wait(service, 60).status == "FAILED"
    assert "a file system of its own" in abeja.look.service_log(service)[-1].message

def test_real(abeja_services, maker):
    assert abeja_services.wait(maker.service(), 60).status == "READY"
"""
    run(pytester, tests, "--abeja-emulate", *options).assert_outcomes(passed=2)
