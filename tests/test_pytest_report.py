"""What a person sees of a run: summary, sections, page, kept jobs; and calls to unknown hosts fail a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from abeja_emulator.cli.kept import is_kept
from abeja_emulator.seeding import samples_folder

HANDLER = (samples_folder() / "handlers" / "plain" / "train.py").read_text(encoding="utf-8")

TESTS = """
def test_learns(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"}, environment={"NUM_EPOCHS": 2})
    assert job.status == "Complete", job.log

def test_wants_more(abeja_train):
    job = abeja_train("train:handler", datasets={"train": "points"})
    assert job.statistics["validation"]["accuracy"][-1] > 1

def test_nothing():
    pass
"""

SWALLOWS = """
import pytest, requests

def call():
    try:
        requests.get("https://weights.example/vgg16.h5?token=s3cr3t", timeout=5)
    except Exception as error:
        return error

def test_swallows(abeja):
    assert "Unknown" in type(call()).__name__

def test_fails_anyway(abeja):
    call()
    assert False, "for another reason"

def test_is_innocent(abeja):
    pass
"""


@pytest.fixture(params=[["--abeja-emulate"], []], ids=["whole run", "by fixture"])
def options(request: pytest.FixtureRequest) -> list[str]:
    """Emulate for the whole run, or for the tests that ask."""
    chosen: list[str] = request.param
    return [*chosen, "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:cov"]


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    """Run tests next to the sample handler."""
    pytester.makepyfile(test_it=tests, train=HANDLER)
    return pytester.runpytest_subprocess(*options)


def test_the_summary_and_the_section(pytester: pytest.Pytester, options: list[str]) -> None:
    """Jobs, last values, artifacts and calls at the end; statistics and calls at the test that failed."""
    result = run(pytester, TESTS, *options)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- ABEJA Platform -*",
            "*calls: get_dataset, *",
            "the last of them",
            "*POST */statistics*200",
            "job train-handler:*Complete*",
            "statistics",
            "*epoch*train accuracy*validation loss",
            "*= ABEJA Platform =*",
            "2 jobs (2 Complete), * calls",
            "evidence of the operations called: *client",
            "the weakest evidence a test relied on: 2 tests client *",
            "test_it.py::test_learns [[]client]",
            "*train-handler:1*2 statistics*validation accuracy *model.json*",
        ]
    )
    assert "test_it.py::test_nothing" not in result.stdout.str()


def test_a_run_without_a_platform_says_nothing(pytester: pytest.Pytester) -> None:
    """The plugin is installed, and nobody asked for it."""
    result = run(pytester, "def test_nothing(): pass", "-p", "no:cacheprovider")
    assert "ABEJA" not in result.stdout.str()


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_the_page(pytester: pytest.Pytester, options: list[str], workers: list[str]) -> None:
    """One file with the curves of every test, from workers too."""
    result = run(pytester, TESTS, *options, *workers, "--abeja-report", "out/report.html")

    result.assert_outcomes(passed=2, failed=1)
    text = (pytester.path / "out" / "report.html").read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    for word in ("test_it.py::test_learns", "test_it.py::test_wants_more", "model.json", "update_statistics"):
        assert word in text
    assert "test_nothing" not in text
    result.stdout.fnmatch_lines(["2 jobs (2 Complete), * calls"])


def test_jobs_are_kept(pytester: pytest.Pytester, options: list[str]) -> None:
    """Result, log and statistics of each, in a folder of its test, which no source archive takes for source."""
    run(pytester, TESTS, *options, "--abeja-keep", "kept")

    kept = pytester.path / "kept"
    assert sorted(folder.name for folder in kept.iterdir()) == ["test_it.py_test_learns", "test_it.py_test_wants_more"]
    (job,) = (path for path in (kept / "test_it.py_test_learns").iterdir() if path.is_dir())
    assert is_kept(job.parent)
    assert {path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()} == {
        "log.txt",
        "statistics.json",
        "result/model.json",
        "result/train.log",
    }


def test_a_call_to_an_unknown_host_fails_its_test(pytester: pytest.Pytester, options: list[str]) -> None:
    """At the teardown, when the handler swallowed it; a test that has failed already keeps its own reason."""
    result = run(pytester, SWALLOWS, *options)

    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_swallows*",
            "refused GET https://weights.example/vgg16.h5 *--abeja-allow-host weights.example *",
            "*for another reason*",
            "*2 to hosts that are not emulated",
        ]
    )
    assert "s3cr3t" not in result.stdout.str()


def test_a_child_that_calls_an_unknown_host_fails_its_test(pytester: pytest.Pytester, options: list[str]) -> None:
    """Children tell their parent."""
    tests = """
        import subprocess, sys
        def test_it(abeja):
            subprocess.run([sys.executable, "-c", "import urllib.request as r; r.urlopen('http://weights.example/')"])
    """
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["refused GET http://weights.example/ *"])


@pytest.mark.parametrize("by_option", [True, False])
def test_a_machine_without_a_network(pytester: pytest.Pytester, options: list[str], by_option: bool) -> None:
    """A connection error, which a handler may live with: the summary shows it, and nothing fails."""
    tests = """
        import pytest, requests
        def test_it(abeja):
            with pytest.raises(requests.ConnectionError):
                requests.get("https://weights.example/", timeout=5)
    """
    if by_option:
        options = [*options, "--abeja-unknown-host", "connection-error"]
    else:
        pytester.makeini("[pytest]\nabeja_unknown_host = connection-error")
    result = run(pytester, tests, *options)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1 to hosts that are not emulated"])


def test_a_host_can_be_allowed(pytester: pytest.Pytester, options: list[str]) -> None:
    """By option and by configuration; what happens then is the network's business, here a look-up that fails."""
    pytester.makeini("[pytest]\nabeja_allow_hosts =\n    one.invalid\n")
    tests = """
        import pytest, socket
        @pytest.mark.parametrize("host", ["one.invalid", "two.invalid"])
        def test_it(abeja, host):
            with pytest.raises(socket.gaierror):
                socket.getaddrinfo(host, 80)
    """
    run(pytester, tests, *options, "--abeja-allow-host", "two.invalid").assert_outcomes(passed=2)


def test_the_image_of_a_run(pytester: pytest.Pytester, options: list[str]) -> None:
    """It decides what a context is, unless a test says otherwise."""
    tests = """
        import pytest
        def handler(context):
            print(type(context).__name__)
        def test_run(abeja_train, abeja_context):
            assert abeja_train(handler).log == "Context"
            assert abeja_context.datasets == {}
        def test_own(abeja_train):
            assert abeja_train(handler, image="abeja-inc/all-cpu:19.04").log == "dict"
    """
    run(pytester, tests, *options, "--abeja-image", "abeja-inc/all-cpu:18.10").assert_outcomes(passed=2)


SEED = """
organization: {name: my-org, id: "1102940376065"}
users: [{token: a-token-of-mine}]
channels: [{name: logs, id: "1230000000001", files: [notes.txt]}]
datasets:
  - {name: two, id: "1230000000002", items: [{content: one, label: a}, {file: notes.txt, label: b}]}
"""


def test_a_seed_is_there_from_the_start(pytester: pytest.Pytester, options: list[str]) -> None:
    """With the ids that a handler has in its code, from before any module is imported."""
    Path(pytester.path, "notes.txt").write_text("notes")
    Path(pytester.path, "seed.yaml").write_text(SEED)
    tests = """
        from abeja.datasets import Client
        from abeja.datalake import Client as Datalake
        def test_it(abeja):
            dataset = Client("1102940376065").get_dataset("1230000000002")
            assert [item.source_data[0].get_content() for item in dataset.dataset_items.list()] == [b"one", b"notes"]
            (file,) = Datalake("1102940376065").get_channel("1230000000001").list_files()
            assert file.get_content() == b"notes"
    """
    run(pytester, tests, *options, "--abeja-seed", "seed.yaml").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("seed", "why"),
    [
        ("datasets: [{name: a}]", ": datasets[[]0]: a dataset has either a source or items"),
        ("datasets: [{source: nowhere}]", ": datasets[[]0]: there is no folder and no file *nowhere*"),
        ("channels: [{name: a, id: '12'}]", "*channels[[]0]: an id of the platform is 13 digits*"),
        ("dataset: []", "*unknown field `dataset`*"),
        ("users: [{}]", "*missing required field `token`*"),
        ("{", " is not YAML"),
    ],
)
def test_a_seed_that_cannot_be_is_a_usage_error(pytester: pytest.Pytester, seed: str, why: str) -> None:
    """It says what is wrong with which part of the file."""
    Path(pytester.path, "seed.yaml").write_text(seed)
    result = run(pytester, "", "--abeja-emulate", "--abeja-seed", "seed.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: abeja_seed: *seed.yaml{why}*"])


def test_a_seed_that_is_not_there_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = run(pytester, "", "--abeja-emulate", "--abeja-seed", "nowhere.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: abeja_seed is *nowhere.yaml*, and there is no such file"])


def test_fixtures_lie_where_the_configuration_says(pytester: pytest.Pytester, options: list[str]) -> None:
    """And a name that is nowhere is answered with those that are somewhere."""
    pytester.makeini("[pytest]\nabeja_fixtures =\n    data/sets\n")
    folder = pytester.path / "data" / "sets" / "letters" / "a"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("a")
    tests = """
        import pytest
        def test_it(abeja_dataset):
            assert abeja_dataset("letters").labels == ("a",)
            assert abeja_dataset("points").total_count == 60
            with pytest.raises(FileNotFoundError, match="data/sets/leters.*points.*shapes.*letters"):
                abeja_dataset("leters")
    """
    run(pytester, tests, *options).assert_outcomes(passed=1)
