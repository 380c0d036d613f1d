"""Jobs of a test that are confined: `abeja_confine`."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from abeja_emulator.runtime.confinement import Confinement
from tests.test_pytest_executor import MAKES, QUIET

TRAIN = """
import os
def handler(context):
    with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model"), "wb") as file:
        file.write(bytes(200_000))
"""

TESTS = """
@pytest.fixture
def train(make, abeja_jobs):
    return lambda **environment: abeja_jobs.wait(make(**environment), timeout=60)

def test_full(abeja_confine, train, abeja_jobs):
    abeja_confine(result_dir_size="100kB")
    abeja_confine(memory="1GB")
    job = train()
    assert job.status == "Failed" and "No space left on device" in job.log, job.log
    assert abeja_jobs.confinement.memory == 1_000_000_000

def test_roomy(train):
    assert train().status == "Complete"

def test_by_variable(train, abeja_jobs):
    assert train(ABEJA_EMULATOR_RESULT_DIR_SIZE="100kB").status == "Failed"
    assert train(ABEJA_EMULATOR_RESULT_DIR_SIZE="1MB").status == "Complete"

def test_in_this_process(abeja_confine, abeja_train):
    abeja_confine(result_dir_size="100kB")
    assert abeja_train("train:handler", train_in="process").status == "Complete"

def test_unknown(abeja_confine):
    abeja_confine(result_size=1)

def test_nothing(abeja_confine):
    abeja_confine(result_dir_size=None)
"""


def refused() -> str | None:
    """Return why no job can be confined on this machine."""
    return Confinement(result_dir_size=1).why_not()


@pytest.mark.skipif(refused() is not None, reason=refused() or "")
def test_jobs_of_one_test_are_confined(pytester: pytest.Pytester) -> None:
    """And those of the next are not; what confines nothing fails its test, with what to do."""
    pytester.makepyfile(test_it=MAKES + TESTS, train=TRAIN)
    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:schemathesis", *QUIET)
    result.assert_outcomes(passed=4, failed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*abeja_confine (result_dir_size 100 kB) has confined no job: those that abeja_train runs in this process*",
            "*abeja_confine takes and, by name, result_dir_size, *, not 'result_size'; did you mean 'result_dir*",
            "*abeja_confine confines nothing; say what, such as abeja_confine(result_dir_size='1MB')",
        ]
    )


def test_where_the_system_refuses_it_skips_with_the_reason(pytester: pytest.Pytester) -> None:
    """And a job that says it itself fails, for it would not meet what its test is about."""
    alone = ["unshare", "--user"]
    if shutil.which(alone[0]) is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("there is no way here to have a system that refuses it: unshare --user does not work")
    pytester.makepyfile(
        test_it=MAKES
        + """
def test_skipped(abeja_confine):
    abeja_confine(read_only="result_dir")

def test_failed(make, abeja_jobs):
    job = abeja_jobs.wait(make(ABEJA_EMULATOR_RESULT_DIR_SIZE="100kB"), timeout=60)
    assert job.status == "Failed"
    assert job.status_message.startswith("the job cannot have mounts of its own: the system refuses it (unshare: ")
    assert job.log == job.status_message
""",
        train=TRAIN,
    )
    command = [*alone, sys.executable, "-m", "pytest", "-rs", "--abeja-emulate", "-p", "no:schemathesis", *QUIET]
    result = pytester.run(*command)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*the job cannot have mounts of its own: the system refuses it (unshare: *"])
