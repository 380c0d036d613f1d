"""The pytest plugin, in runs of pytest of their own: options, configuration, markers, and when it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Runner = Callable[..., pytest.RunResult]

#: With the flag, with the configuration, and without either.
BOTH_WAYS = pytest.mark.parametrize("way", ["--abeja-emulate", "ini", "fixtures"])


@pytest.fixture
def run(pytester: pytest.Pytester) -> Runner:
    """Run pytest in a process of its own, emulating in one of the three ways."""

    def run_pytest(*arguments: str, way: str = "--abeja-emulate") -> pytest.RunResult:
        if way == "ini":
            arguments = ("-o", "abeja_emulate=true", *arguments)
        elif way == "--abeja-emulate":
            arguments = (way, *arguments)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly", *arguments)

    return run_pytest


def test_a_run_that_does_not_ask_pays_nothing(pytester: pytest.Pytester) -> None:
    """Nothing of the emulator but the plugin and its options is imported, nothing it needs, and no variable is set."""
    pytester.makepyfile(
        """
        import os, sys
        def test_it():
            ours = {name for name in sys.modules if name.partition(".")[0] == "abeja_emulator"}
            assert ours == {"abeja_emulator", "abeja_emulator.pytest_plugin", "abeja_emulator.pytest_options"}
            assert not {"msgspec", "multipart", "abeja", "requests", "urllib3"} & set(sys.modules)
            assert not [name for name in os.environ if name.startswith(("ABEJA", "TRAINING_"))]
        """
    )
    # Without other plugins, which import what they like; and without the hook of the run we are in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ABEJA_", "TRAINING_"))}
    environment.pop("PYTHONPATH", None)
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "abeja_emulator.pytest_plugin", str(pytester.path)]
    shown = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout


def test_help_markers_and_fixtures_are_shown(run: Runner) -> None:
    """Each option, the marker with its arguments, and each fixture with its first sentence."""
    shown = run("--help", way="fixtures").stdout.str()
    for name in ("--abeja-emulate", "--abeja-auth", "abeja_emulate", "abeja_environment", "abeja_result_dir"):
        assert name in shown
    shown = run("--markers", way="fixtures").stdout.str()
    signature = (
        "image=None, datasets=None, environment=None, auth=None, enforce_cidrs=None, train_in=None, jobs=None, "
        "faults=None, min_evidence=None"
    )
    assert f"@pytest.mark.abeja({signature}):" in shown
    shown = run("--fixtures", way="fixtures").stdout.str()
    for name in ("abeja ", "abeja_context ", "abeja_dataset ", "abeja_train ", "abeja_result_dir "):
        assert f"\n{name}" in shown
    assert "no docstring" not in shown.partition("abeja_emulator.pytest_plugin")[2].partition("----")[0]


@pytest.mark.parametrize("way", ["--abeja-emulate", "ini"])
def test_variables_are_set_before_anything_of_the_user_is_imported(
    pytester: pytest.Pytester, run: Runner, way: str
) -> None:
    """A client and constants at module level, in conftest.py and in a test module, have the platform's values."""
    read = """
        import os
        from abeja.datasets import Client
        CLIENT = Client()
        NAMES = ("ABEJA_ORGANIZATION_ID", "ABEJA_TRAINING_RESULT_DIR", "TRAINING_JOB_ID", "PLATFORM_AUTH_TOKEN")
        VALUES = [os.environ[name] for name in NAMES]
        assert list(CLIENT.datasets.list()) == []
        """
    pytester.makeconftest(read)
    pytester.makepyfile(
        helper=read,
        test_it="""
        import os
        import conftest, helper

        def test_it(abeja, abeja_result_dir):
            assert conftest.VALUES == helper.VALUES == [os.environ[name] for name in helper.NAMES]
            assert helper.VALUES[:2] == [abeja.organization.id, str(abeja_result_dir)]
            abeja.seed.dataset([], "seeded")
            assert [each.name for each in helper.CLIENT.datasets.list()] == ["seeded"]
            assert [each.name for each in conftest.CLIENT.datasets.list()] == ["seeded"]
        """,
    )
    run(way=way).assert_outcomes(passed=1)


@BOTH_WAYS
def test_every_fixture(pytester: pytest.Pytester, run: Runner, way: str) -> None:
    """The same test passes with the flag, with the configuration, and without either."""
    pytester.mkdir("fixtures")
    (pytester.path / "fixtures" / "flowers" / "rose").mkdir(parents=True)
    (pytester.path / "fixtures" / "flowers" / "rose" / "1.txt").write_text("red")
    pytester.makepyfile(
        train="""
        import json, os
        from abeja.datasets import Client
        from abeja.train.client import Client as TrainClient
        from abeja.train.statistics import Statistics

        def handler(context):
            items = Client().get_dataset(context["datasets"]["train"]).dataset_items.list(prefetch=True)
            contents = [item.source_data[0].get_content() for item in items]
            TrainClient().update_statistics(Statistics(num_epochs=1, epoch=1, count=len(contents)))
            with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model"), "wb") as file:
                file.writelines(contents)
        """,
        test_it="""
        import os
        import pytest

        def test_a_job(abeja, abeja_dataset, abeja_train):
            job = abeja_train("train:handler", datasets={"train": abeja_dataset("flowers")})
            assert job.status == "Complete", job.log
            assert (job.result_dir / "model").read_bytes() == b"red"
            assert [each["count"] for each in job.statistics] == [1]
            assert [each.name for each in abeja.look.datasets()] == ["flowers"]

        @pytest.mark.abeja(datasets={"train": "flowers"}, environment={"NUM_EPOCHS": 3})
        def test_a_call(abeja, abeja_context, abeja_result_dir):
            from train import handler
            assert type(abeja_context) is dict
            assert os.environ["NUM_EPOCHS"] == "3"
            assert list(abeja_result_dir.iterdir()) == []
            handler(abeja_context)
            assert (abeja_result_dir / "model").read_bytes() == b"red"
            assert abeja.look.statistics(os.environ["TRAINING_JOB_ID"])[0]["count"] == 1
            assert abeja.look.job(os.environ["TRAINING_JOB_ID"]).status == "Active"

        @pytest.mark.abeja(image="abeja-inc/all-cpu:18.10")
        def test_an_old_image(abeja_context, abeja_dataset, abeja_train):
            assert "NUM_EPOCHS" not in os.environ
            abeja_context.datasets["train"] = abeja_dataset([("red", "rose")])
            job = abeja_train(lambda context: print(context.datasets), datasets={"a": "flowers"})
            assert job.datasets["a"] in job.log

        @pytest.mark.abeja(image="abeja-inc/all-cpu:18.10", datasets={"train": 5}, environment={"A": 1, "B": 1})
        class TestNearestMarker:
            @pytest.mark.abeja(image="abeja-inc/all-cpu:19.10", environment={"B": 2})
            def test_it(self, abeja_context, abeja_train):
                assert abeja_context == {"datasets": {"train": "5"}}
                show = lambda context: print(context, os.environ["B"], "A" in os.environ)
                job = abeja_train(show, environment={"B": 3}, datasets={"test": 6})
                assert job.datasets == {"train": "5", "test": "6"}
                assert job.log.endswith("3 False")

        @pytest.mark.abeja(auth="strict")
        def test_strict(abeja, abeja_train):
            from abeja.datasets import Client
            from abeja.exceptions import Unauthorized
            assert abeja.auth == "strict"
            assert list(Client().datasets.list()) == []
            with pytest.raises(Unauthorized):
                list(Client(credential={"auth_token": "wrong"}).datasets.list())
            job = abeja_train(lambda context: list(Client().datasets.list()))
            assert job.status == "Complete", job.log

        def test_open_again(abeja):
            from abeja.datasets import Client
            assert abeja.auth == "open"
            assert list(Client(credential={"auth_token": "wrong"}).datasets.list()) == []

        def test_nothing_is_there(abeja_dataset, abeja_train):
            with pytest.raises(FileNotFoundError, match="there is no 'tulips', nor fixtures/tulips, in "):
                abeja_dataset("tulips")
            with pytest.raises(FileNotFoundError, match="there is no 'nowhere'"):
                abeja_train("train:handler", source="nowhere")
            with pytest.raises(NotADirectoryError, match="source='train.py' is .* no folder"):
                abeja_train("train:handler", source="train.py")
        """,
    )
    run(way=way).assert_outcomes(passed=7)


@BOTH_WAYS
def test_variables_of_the_shell_come_back(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Real credentials never reach user code; a process that runs pytest has them again, also after a broken run."""
    flags = {"--abeja-emulate": ["--abeja-emulate"], "ini": ["-o", "abeja_emulate=true"], "fixtures": []}[way]
    for name in ("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "ABEJA_CLI_TOKEN", "PLATFORM_AUTH_TOKEN"):
        monkeypatch.setenv(name, "real-secret")
    pytester.makepyfile(
        test_it="""
        import os
        def test_it(abeja, abeja_train):
            assert "real-secret" not in os.environ.values()
            assert "real-secret" not in abeja_train(lambda context: print(os.environ)).log
        """,
        script=f"""
        import os, sys
        import pytest
        import abeja_emulator.transports.in_process
        from urllib3.connection import HTTPConnection
        os.environ.pop("PYTEST_CURRENT_TEST")  # the one of the run we are in
        def finders():  # ours; other libraries have their own
            return [finder for finder in sys.meta_path if "abeja" in type(finder).__module__]
        before = dict(os.environ), HTTPConnection.connect, finders(), os.getcwd()
        flags = ["-p", "no:cacheprovider", "-p", "no:randomly", *{flags!r}]
        for arguments, code in ((["test_it.py"], 0), (["--no-such-option"], 4), (["broken"], 4), (["test_it.py"], 0)):
            assert pytest.main([*flags, *arguments]) == code
            found = dict(os.environ), HTTPConnection.connect, finders(), os.getcwd()
            assert found[1:] == before[1:], arguments
            changed = set(found[0].items()) ^ set(before[0].items())
            assert changed == set(), (arguments, changed)
        """,
    )
    pytester.mkdir("broken")
    (pytester.path / "broken" / "conftest.py").write_text("raise RuntimeError('cannot be imported')")
    result = pytester.runpython(pytester.path / "script.py")
    assert result.ret == 0, result.stderr.str()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("abeja_auth=closed", "abeja_auth is 'closed'; it must be open or strict"),
        ("abeja_result_dir=here", "abeja_result_dir is 'here'; it must be absolute or relative"),
        ("abeja_environment=NAME", "abeja_environment: 'NAME' is not NAME=value"),
        ("abeja_environment=1ST=x", "abeja_environment: '1ST=x' is not NAME=value"),
        ("abeja_environment==x", "abeja_environment: '=x' is not NAME=value"),
        ("abeja_environment=HANDLER=x:y", "HANDLER is set by the platform itself"),
        ("abeja_image=all-cpu", "image 'all-cpu' is not of the form [host/]repository/name[:tag]"),
        ("abeja_emulate=perhaps", "abeja_emulate: invalid truth value 'perhaps'; it must be true or false"),
    ],
)
@pytest.mark.parametrize("way", ["--abeja-emulate", "fixtures"])
def test_configuration_that_cannot_be_is_a_usage_error(
    pytester: pytest.Pytester, run: Runner, option: str, sentence: str, way: str
) -> None:
    """One sentence, no traceback, nothing is run."""
    pytester.makepyfile("def test_it(): pass")
    result = run("-o", option, way=way)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert sentence in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize("way", ["--abeja-emulate", "fixtures"])
@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("imgae='x'", "environment, faults, auth, enforce_cidrs, train_in, jobs and min_evidence by name, not"),
        ("'abeja-inc/all-cpu:18.10'", "by name, not ['abeja-inc/all-cpu:18.10']"),
        ("auth='strikt'", "auth='strikt'): it must be open or strict"),
        ("enforce_cidrs='yes'", "enforce_cidrs='yes'): it must be True or False"),
    ],
)
def test_a_marker_that_cannot_be_is_an_error(
    pytester: pytest.Pytester, run: Runner, marker: str, sentence: str, way: str
) -> None:
    """Of the test that has it; the next one runs."""
    pytester.makepyfile(
        f"""
        import pytest
        @pytest.mark.abeja({marker})
        def test_it(abeja): pass
        def test_next(abeja): assert (abeja.auth, abeja.enforce_cidrs) == ("open", False)
        """
    )
    result = run(way=way)
    result.assert_outcomes(passed=1, errors=1)
    assert sentence in result.stdout.str()


@BOTH_WAYS
def test_configured_variables(pytester: pytest.Pytester, run: Runner, way: str) -> None:
    """Of every job, below those of version and job; with the flag also for modules at import."""
    pytester.makeini(
        """
        [pytest]
        abeja_environment =
            LEVEL=configuration
            SPACES = a=b c
        """
    )
    pytester.makepyfile(
        test_it=f"""
        import io, os, zipfile
        from abeja.training.client import Client
        AT_IMPORT = os.environ.get("LEVEL")
        SHOW = "import os\\ndef handler(context): print(os.environ['LEVEL'], os.environ['SPACES'])\\n"

        def test_current(abeja, abeja_context):
            assert AT_IMPORT == {None if way == "fixtures" else "configuration"!r}
            assert (os.environ["LEVEL"], os.environ["SPACES"]) == ("configuration", "a=b c")
            assert os.environ["ABEJA_ORGANIZATION_ID"] == abeja.organization.id

        def test_layers(abeja, abeja_train):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr("main.py", SHOW)
            definition = Client(abeja.organization.id).job_definitions().create("made")
            def log(version, job):
                buffer.seek(0)
                made = definition.job_definition_versions().create(
                    buffer, "main:handler", "abeja-inc/all-cpu:19.10", environment=version)
                return abeja_train(definition.jobs().create(
                    made.job_definition_version_id, "cpu-1", environment=job).job_id).log
            assert log({{}}, {{}}) == "configuration a=b c"
            assert log({{"LEVEL": "version"}}, {{}}) == "version a=b c"
            assert log({{"LEVEL": "version"}}, {{"LEVEL": "job"}}) == "job a=b c"
        """
    )
    run(way=way).assert_outcomes(passed=2)


@BOTH_WAYS
def test_a_relative_result_directory(pytester: pytest.Pytester, run: Runner, way: str) -> None:
    """For handlers that expect what the documentation says; also after the change of directory."""
    (pytester.path / "source" / "a" / ".abeja").mkdir(parents=True)
    (pytester.path / "source" / "a" / "train.py").write_text(
        "import os\n"
        "folder = os.environ['ABEJA_TRAINING_RESULT_DIR']\n"
        "early = open(os.path.join(folder, 'early'), 'w')\n"
        "def handler(context):\n"
        "    early.close()\n"
        "    print(os.path.isabs(folder))\n"
    )
    pytester.makepyfile(
        """
        import os
        def test_it(abeja_train, abeja_result_dir):
            job = abeja_train("train:handler", source="source")
            assert (job.log, job.artifacts) == ("False", {"early": 0})
            current = os.environ["ABEJA_TRAINING_RESULT_DIR"]
            assert not os.path.isabs(current)
            assert os.path.samefile(current, abeja_result_dir)
        """
    )
    run("-o", "abeja_result_dir=relative", way=way).assert_outcomes(passed=1)


def test_strict_for_the_whole_run(pytester: pytest.Pytester, run: Runner) -> None:
    """By option or by configuration, unless a test says otherwise."""
    pytester.makepyfile(
        """
        import pytest
        def test_it(abeja): assert abeja.auth == "strict"
        @pytest.mark.abeja(auth="open")
        def test_open(abeja): assert abeja.auth == "open"
        """
    )
    for way in ("--abeja-emulate", "fixtures"):
        run("--abeja-auth", "strict", way=way).assert_outcomes(passed=2)
        run("-o", "abeja_auth=strict", way=way).assert_outcomes(passed=2)
    assert run("--abeja-auth", "closed").ret == pytest.ExitCode.USAGE_ERROR


def test_lists_are_enforced_for_the_whole_run(pytester: pytest.Pytester, run: Runner) -> None:
    """By option or by configuration, unless a test says otherwise."""
    pytester.makepyfile(
        """
        import pytest
        def test_it(abeja): assert abeja.enforce_cidrs is True
        @pytest.mark.abeja(enforce_cidrs=False)
        def test_off(abeja): assert abeja.enforce_cidrs is False
        """
    )
    (pytester.path / "seed.yaml").write_text("organization: {name: my-org}")
    for way in ("--abeja-emulate", "fixtures"):
        for said in (["--abeja-enforce-cidrs"], ["-o", "abeja_enforce_cidrs=true"]):
            run(*said, way=way).assert_outcomes(passed=2)
            run(*said, "--abeja-seed", "seed.yaml", way=way).assert_outcomes(passed=2)


def test_who_and_from_where_is_put_back(pytester: pytest.Pytester, run: Runner) -> None:
    """What a test or its marker says of credentials, lists and addresses is gone with the test."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.abeja(enforce_cidrs=True)
        def test_marked(abeja):
            assert abeja.enforce_cidrs is True
            abeja.client_address = "203.0.113.9"

        def test_said(abeja):
            assert (abeja.enforce_cidrs, abeja.client_address) == (False, "127.0.0.1")
            abeja.auth, abeja.enforce_cidrs, abeja.client_address = "strict", True, "203.0.113.9"

        def test_after(abeja):
            assert (abeja.auth, abeja.enforce_cidrs, abeja.client_address) == ("open", False, "127.0.0.1")
        """
    )
    for way in ("--abeja-emulate", "fixtures"):
        run("-p", "no:randomly", way=way).assert_outcomes(passed=3)


def test_a_run_within_a_run_leaves_the_outer_one_alone(pytester: pytest.Pytester, run: Runner) -> None:
    """The inner one cannot take the address; it says so, and the outer one goes on."""
    pytester.makepyfile(
        test_it="""
        import os
        import pytest
        from abeja.datasets import Client

        def test_it(abeja, tmp_path):
            abeja.seed.dataset([], "outer")
            before = dict(os.environ)
            (tmp_path / "test_inner.py").write_text("def test_inner(): pass")
            status = pytest.main(["--abeja-emulate", "-p", "no:cacheprovider", str(tmp_path)])
            assert status == pytest.ExitCode.USAGE_ERROR
            assert dict(os.environ) == before
            assert [each.name for each in Client().datasets.list()] == ["outer"]
        """
    )
    result = run("-s")
    result.assert_outcomes(passed=1)
    result.stderr.fnmatch_lines(["*abeja_emulate: *run it in a process of its own*"])


def test_the_plugin_may_come_late(pytester: pytest.Pytester) -> None:
    """Where plugins are not loaded by themselves, a conftest.py can name it."""
    pytester.makeconftest("pytest_plugins = ['abeja_emulator.pytest_plugin']")
    pytester.makepyfile(
        """
        import os
        def test_it(abeja): assert os.environ["ABEJA_ORGANIZATION_ID"] == abeja.organization.id
        """
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "abeja_emulate=true"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    shown = subprocess.run(command, cwd=pytester.path, env=environment, check=False, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_the_url_of_the_shell_reaches_the_platform_of_the_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    """With its port and its path, in this process and in children; under xdist that of the worker."""
    monkeypatch.setenv("ABEJA_API_URL", "https://private.example.org:8443/base")
    pytester.makepyfile(
        """
        import subprocess, sys
        import requests
        URLS = ["https://api.abeja.io", "https://private.example.org:8443/base"]
        CHILD = (
            "import sys, urllib.request as r; "
            "print(r.urlopen(r.Request(sys.argv[1], headers={'Authorization': 'Bearer x'})).status)"
        )

        def test_it(abeja, abeja_dataset):
            abeja_dataset([("one", "a")])
            path = f"/organizations/{abeja.organization.id}/datasets"
            for url in URLS:
                answer = requests.get(url + path, headers={"Authorization": "Bearer x"})
                assert [dataset["name"] for dataset in answer.json()] == ["dataset"], (url, answer.text)
                command = [sys.executable, "-c", CHILD, url + path]
                assert subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout == "200\\n"
            assert len(abeja.calls("list_datasets")) == 4
        """
    )
    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:cacheprovider", *workers)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("order", ["monkeypatch, abeja", "abeja, monkeypatch", "monkeypatch, abeja_context"])
def test_variables_of_the_platform_stay_in_their_test(pytester: pytest.Pytester, run: Runner, order: str) -> None:
    """Also those that monkeypatch found there and sets again when it is undone."""
    pytester.makepyfile(
        test_it=f"""
        import os

        NAMES = ("PLATFORM_AUTH_TOKEN", "ABEJA_ORGANIZATION_ID", "DATASETS", "PYTHONPATH", "ABEJA_EMULATOR_LOOPBACK")
        before = [os.environ.get(name) for name in NAMES]

        def test_sets_them({order}):
            for name in NAMES:
                monkeypatch.setenv(name, "mine")

        def test_finds_nothing():
            assert [os.environ.get(name) for name in NAMES] == before
        """
    )
    run("-p", "no:randomly", way="fixtures").assert_outcomes(passed=2)
