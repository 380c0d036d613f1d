"""What all fixtures for other libraries have in common: they explain themselves, and cost nothing unasked."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
from importlib.metadata import metadata
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = {
    "abeja_s3": ("moto and boto3", "s3"),
    "abeja_responses": ("responses", "responses"),
    "abeja_fs": ("pyfakefs", "pyfakefs"),
}


NEEDS_FAKED_PATHS = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="before, pathlib cannot be faked once a path is made"
)


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="there it works")
def test_abeja_fs_says_which_python_it_needs(pytester: pytest.Pytester) -> None:
    """Before anything is faked."""
    pytest.importorskip("pyfakefs")
    pytester.makepyfile("def test_it(abeja_fs): pass")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["abeja_fs needs Python 3.11 or later*"])


def test_each_is_explained(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` shows what it is and the extra it needs; the package has that extra."""
    shown = pytester.runpytest_subprocess("--fixtures", "-v", "-p", "no:cacheprovider").stdout.str()
    shown = shown.partition("abeja_emulator.pytest_companions ---")[2].partition("\n---")[0]
    for fixture, (_, extra) in FIXTURES.items():
        assert f"\n{fixture} -- " in shown
        assert f"Needs the extra `{extra}`" in " ".join(shown.partition(f"\n{fixture} ")[2].split())
        assert extra in (metadata("abeja-emulator").get_all("Provides-Extra") or [])
    assert "no docstring" not in shown


@pytest.mark.parametrize("fixture", FIXTURES)
def test_without_its_library_each_says_what_to_install(
    pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], fixture: str
) -> None:
    """In one sentence, without a traceback; the tests that do not ask for it pass."""
    libraries, extra = FIXTURES[fixture]
    pytester.makeconftest(f"import sys\nfor name in {libraries.split(' and ')}: sys.modules[name] = None")
    pytester.makepyfile(f"def test_with({fixture}): ...\ndef test_without(abeja): ...")
    arguments = ["-p", "no:pyfakefs"] if fixture == "abeja_fs" else []

    result = run(*arguments)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"{fixture} needs {libraries}: pip install 'abeja-emulator[[]{extra}]'"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_run_that_does_not_ask_pays_nothing(pytester: pytest.Pytester) -> None:
    """The plugin imports pytest and nothing else, and `responses` is not hooked into."""
    pytester.makepyfile(
        """
        import sys
        def test_it():
            ours = {name for name in sys.modules if name.partition(".")[0] == "abeja_emulator"}
            plugin = {"pytest_plugin", "pytest_options", "pytest_companions"}
            assert ours == {"abeja_emulator", *(f"abeja_emulator.{name}" for name in plugin)}
            assert not {"boto3", "moto", "responses", "pyfakefs", "requests", "urllib3"} & set(sys.modules)
        """
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ABEJA_", "TRAINING_"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ["-p", "abeja_emulator.pytest_plugin", "-p", "abeja_emulator.pytest_companions"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(pytester.path)]
    shown = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout


@NEEDS_FAKED_PATHS
def test_all_at_once(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """Every fixture in one test, in any order of its arguments, beside frozen time."""
    for library in ("moto", "boto3", "responses", "pyfakefs"):
        pytest.importorskip(library)
    orders = list(itertools.permutations(["abeja_fs", "abeja_s3", "abeja_responses"]))
    tests = "\n".join(
        f"def test_{number}({', '.join(order)}, check): check(abeja_s3, abeja_responses)"
        for number, order in enumerate(orders)
    )
    pytester.makepyfile(
        textwrap.dedent(
            """
        import os
        import boto3, freezegun, pytest, requests
        from abeja.datasets import Client

        pytestmark = pytest.mark.filterwarnings("ignore")

        @pytest.fixture
        def check(abeja_dataset, abeja_train):
            def check(client, stubs):
                dataset = abeja_dataset([(b"red", "a")])
                client.create_bucket(Bucket="models")
                stubs.post("https://third.example/", body="ok")

                def handler(context):
                    (item,) = Client().get_dataset(dataset).dataset_items.list(prefetch=True)
                    path = os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model")
                    with open(path, "wb") as file:
                        file.write(item.source_data[0].get_content())
                    boto3.client("s3").upload_file(path, "models", "model")
                    assert requests.post("https://third.example/", timeout=5).text == "ok"

                with freezegun.freeze_time("2030-01-01"):
                    job = abeja_train(handler)
                    assert job.status == "Complete", job.log
                    (stored,) = client.list_objects_v2(Bucket="models")["Contents"]
                assert (stored["Size"], stored["LastModified"].year) == (3, 2030)
            return check
        """
        )
        + tests
    )
    run().assert_outcomes(passed=6)


@NEEDS_FAKED_PATHS
def test_jobs_are_kept_on_the_real_disk(pytester: pytest.Pytester) -> None:
    """Also those of a test whose disk is a fake one."""
    pytest.importorskip("pyfakefs")
    pytester.makepyfile(
        """
        def test_it(abeja_fs, abeja_train):
            assert abeja_train(lambda context: print("kept")).status == "Complete"
        """
    )
    result = pytester.runpytest_subprocess("--abeja-emulate", "--abeja-keep", "kept", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert [path.read_text() for path in (pytester.path / "kept").rglob("log.txt")] == ["kept"]
