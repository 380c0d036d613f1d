"""Jobs that a test makes with the SDK run in children, and end with the test."""

from __future__ import annotations

import sys

import pytest

HANDLER = """
import os, sys, time

def handler(context):
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.txt"), "w") as file:
        file.write("weights")
    print(os.getpid(), flush=True)
    time.sleep(float(os.environ.get("SECONDS_TO_TRAIN", "0")))
"""

MAKES = """
import io, os, pathlib, time, zipfile
import pytest
from abeja.training import APIClient

def maker(abeja, name):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write("train.py")
    archive.seek(0)
    client, organization = APIClient(), abeja.organization.id
    client.create_training_job_definition(organization, name)
    client.create_training_job_definition_version_native_api(
        organization, name, archive, {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
    )

    def make(**environment):
        return client.create_training_job(organization, name, 1, environment=environment)["training_job_id"]

    return make

@pytest.fixture
def make(abeja):
    return maker(abeja, "mine")
"""

QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


@pytest.fixture(params=[["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Emulate for the whole run, or for the tests that ask."""
    chosen: list[str] = request.param
    return [*chosen, *QUIET]


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests that can make jobs."""
    pytester.makepyfile(test_it=MAKES + tests, train=HANDLER)
    return pytester.runpytest_subprocess(*options)


def test_at_once(pytester: pytest.Pytester, options: list[str]) -> None:
    """By default: in a process of its own, in the record of the test that made it."""
    tests = """
def test_it(make, abeja_jobs, abeja_train):
    job_id = make()
    job = abeja_jobs.wait(job_id, timeout=60)
    assert job.status == "Complete", job.log
    assert int(job.log) != os.getpid()
    assert job.artifacts == {"model.txt": 7}
    assert (job.result_dir / "model.txt").read_text() == "weights"
    assert abeja_train(job_id).log == job.log
"""
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 job (1 Complete), *", "  mine:1  Complete *model.txt 7 B"])


@pytest.mark.parametrize("way", ["option", "configuration", "marker"])
def test_held(pytester: pytest.Pytester, options: list[str], way: str) -> None:
    """Until the test lets it go, or runs it itself, in its own process."""
    tests = """
def test_it(make, abeja, abeja_jobs, abeja_train):
    one, other = make(), make()
    assert {abeja.look.job(job).status for job in (one, other)} == {"Pending"}
    abeja_jobs.release(one)
    assert int(abeja_jobs.wait(one, timeout=60).log) != os.getpid()
    assert int(abeja_train(other).log) == os.getpid()
"""
    if way == "option":
        options = [*options, "--abeja-jobs", "held"]
    elif way == "configuration":
        pytester.makeini("[pytest]\nabeja_jobs = held")
    else:
        tests = "\n@pytest.mark.abeja(jobs='held')" + tests
    run(pytester, tests, *options).assert_outcomes(passed=1)


def test_virtual(pytester: pytest.Pytester, options: list[str]) -> None:
    """A day of training passes when the clock of the platform is let go on."""
    tests = """
from abeja_emulator.runtime.runner import Timing

@pytest.mark.abeja(jobs="virtual")
def test_it(make, abeja, abeja_jobs):
    abeja_jobs.timing = Timing(pending=60, active=86_400)
    job_id = make()
    assert abeja.look.job(job_id).status == "Pending"
    abeja.clock.advance(61)
    while not abeja.look.log(job_id):
        time.sleep(0.01)
    assert abeja.look.job(job_id).status == "Active"
    abeja.clock.advance(86_401)
    job = abeja_jobs.wait(job_id, timeout=60)
    assert job.status == "Complete" and job.seconds >= 86_400

def test_is_another(make, abeja_jobs):
    assert abeja_jobs.timing.pending == 10
    assert abeja_jobs.wait(make(), timeout=60).seconds < 60
"""
    run(pytester, tests, *options).assert_outcomes(passed=2)


def test_what_still_runs_ends_with_its_test(pytester: pytest.Pytester, options: list[str]) -> None:
    """And the next one has all slots again."""
    tests = """
pids = []

def state_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None

def test_leaves_it_running(make, abeja):
    job_id = make(SECONDS_TO_TRAIN="600")
    while not abeja.look.log(job_id):
        time.sleep(0.01)
    pids.append(int(abeja.look.log(job_id)[0].message))
    os.kill(pids[0], 0)

def test_finds_nothing(abeja, abeja_jobs):
    # A killed process takes a moment to go, and where nobody reaps orphans, as in a container, it stays as a zombie.
    deadline = time.monotonic() + 10
    while (state := state_of(pids[0])) not in (None, "Z"):
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    assert abeja_jobs.running() == abeja_jobs.queued() == []
"""
    run(pytester, tests, *options).assert_outcomes(passed=2)


MODULE = """
@pytest.fixture(scope="module")
def job_id(abeja, abeja_jobs):
    job_id = maker(abeja, "shared")()
    WAIT
    return job_id

def test_one(job_id, abeja):
    assert abeja.look.job(job_id).status == "Complete"

def test_two(job_id, abeja):
    assert abeja.look.job(job_id).status == "Complete" and abeja.look.log(job_id)
"""


def test_a_fixture_of_wider_scope_can_wait_for_its_job(pytester: pytest.Pytester) -> None:
    """Then each of its tests sees it as it ended."""
    tests = MODULE.replace("WAIT", "assert abeja_jobs.wait(job_id, timeout=60).status == 'Complete'")
    run(pytester, tests, "--abeja-emulate", *QUIET).assert_outcomes(passed=2)


def test_a_fixture_of_wider_scope_must_wait_for_its_job(pytester: pytest.Pytester) -> None:
    """What the job did during a test would go with that test; it says so, and nothing runs on."""
    result = run(pytester, MODULE.replace("WAIT", ""), "--abeja-emulate", *QUIET)
    result.assert_outcomes(errors=1, failed=1)
    result.stdout.fnmatch_lines(["the fixture job_id, of scope module, leaves job * running*abeja_jobs.wait(job_id)*"])


def test_a_marker_that_cannot_be(pytester: pytest.Pytester, options: list[str]) -> None:
    """Is answered with what it can be."""
    result = run(pytester, "@pytest.mark.abeja(jobs='later')\ndef test_it(abeja): pass", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*jobs='later'*: it must be immediate, held or virtual"])


def test_another_interpreter(pytester: pytest.Pytester, options: list[str]) -> None:
    """By option, and by image in the configuration, which also says how a custom one calls."""
    pytester.makeini(f"[pytest]\nabeja_images =\n    abeja-inc/*:19.10 = {sys.executable}, object\n")
    tests = """
def test_it(make, abeja_jobs):
    job = abeja_jobs.wait(make(), timeout=60)
    assert job.log == "Context", job.log
"""
    handler = "def handler(context): print(type(context).__name__)"
    pytester.makepyfile(test_it=MAKES + tests, train=handler)
    pytester.runpytest_subprocess(*options, "--abeja-python", "python3").assert_outcomes(passed=1)
    result = pytester.runpytest_subprocess(*options, "--abeja-python", "python-of-nobody")
    assert "python-of-nobody" in result.stdout.str() + result.stderr.str()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process uses")
def test_limits(pytester: pytest.Pytester, options: list[str]) -> None:
    """A job past its memory ends with 137 and a sentence; without the option it does not."""
    pytester.makeini("[pytest]\nabeja_instance_types =\n    cpu-1 = 200MB, 1 cpu\n")
    tests = """
def test_it(make, abeja_jobs, request):
    limited = request.config.getoption("--abeja-limits")
    # Long enough for it to be seen, and to no purpose where nobody looks.
    job = abeja_jobs.wait(make(SECONDS_TO_TRAIN="100" if limited else "0"), timeout=120)
    assert job.status == ("Failed" if limited else "Complete")
    assert ("137" in str(job.status_message)) == bool(limited), job.status_message
"""
    handler = """
import os, time
def handler(context):
    data = b'x' * 400_000_000
    time.sleep(float(os.environ["SECONDS_TO_TRAIN"]))
"""
    pytester.makepyfile(test_it=MAKES + tests, train=handler)
    for limited in ([], ["--abeja-limits"]):
        pytester.runpytest_subprocess(*options, *limited).assert_outcomes(passed=1)


def test_random_seed(pytester: pytest.Pytester, options: list[str]) -> None:
    """Random numbers of jobs in children and of jobs here are the same, run after run, and others with another seed."""
    tests = """
def test_it(make, abeja_jobs, abeja_train):
    print("numbers:", abeja_jobs.wait(make(), timeout=120).log.split())
    print("numbers:", abeja_train("train:handler").log.split())
"""
    handler = """
import random
def handler(context):
    import numpy
    print(random.random(), numpy.random.random())
"""
    pytester.makepyfile(test_it=MAKES + tests, train=handler)
    found = []
    for seed in (1, 1, 2):
        result = pytester.runpytest_subprocess(*options, "-s", "--abeja-random-seed", str(seed))
        result.assert_outcomes(passed=1)
        found.append({line.partition("numbers: ")[2] for line in result.outlines if "numbers: " in line})
    assert all(len(numbers) == 1 for numbers in found), found
    assert found[0] == found[1] != found[2]
    result = pytester.runpytest_subprocess(*options, "--abeja-random-seed", "some")
    assert "abeja_random_seed: 'some' is no seed" in result.stdout.str() + result.stderr.str()
