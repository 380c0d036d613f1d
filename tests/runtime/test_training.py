"""A job from start to end: how it ends, what is kept of it, and jobs that were made through the API."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from abeja.train.client import Client as TrainClient
from abeja.training.client import Client as TrainingClient

from abeja_emulator.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja.training.job import Job

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

FIXTURES = Path(__file__).parents[2] / "fixtures"
PLAIN = FIXTURES / "handlers" / "plain" / "train.py"

SAVE = """
    import os
    folder = os.environ["ABEJA_TRAINING_RESULT_DIR"]
    early = open(os.path.join(folder, "early.txt"), "w")
    def handler(context):
        with early:
            early.write("from import")
        os.makedirs(os.path.join(folder, "sub"))
        with open(os.path.join(folder, "sub", "model.bin"), "wb") as file:
            file.write(bytes(5))
"""


def zipped(**modules: str) -> io.BytesIO:
    """Return a source archive with these modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
    buffer.seek(0)
    return buffer


@pytest.fixture
def make(abeja: Platform) -> Callable[..., Job]:
    """Make a Pending job with the SDK: definition, version with a source archive, job."""

    def make_job(text: str, handler: str = "main:handler", **job: Any) -> Job:
        definition = TrainingClient(abeja.organization.id).job_definitions().create("made")
        version = definition.job_definition_versions().create(
            zipped(main=text), handler, "abeja-inc/all-cpu:19.10", environment={"LEVEL": "version", "OWN": "version"}
        )
        return definition.jobs().create(version.job_definition_version_id, "cpu-1", **job)

    return make_job


def test_the_sample_handler_learns(abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]) -> None:
    """Real data, a real handler and the real SDK: what it reports and what it saves agree."""
    job = abeja_train(PLAIN, datasets={"train": abeja_dataset(FIXTURES / "points")}, environment={"NUM_EPOCHS": 9})
    assert job.status == "Complete", job.log
    assert job.statistics.epochs == list(range(1, 10))
    assert job.statistics["validation"]["accuracy"][-1] > 0.8
    assert job.statistics["train"]["loss"] == sorted(job.statistics["train"]["loss"], reverse=True)
    assert sorted(job.artifacts) == ["model.json", "train.log"]
    assert json.loads((job.result_dir / "model.json").read_text())["labels"] == ["left", "right", "top"]
    assert (job.result_dir / "train.log").read_text().count("epoch") == 9


def test_the_result_directory_is_there_at_import_and_absolute(run: Callable[..., TrainedJob]) -> None:
    """A file that is opened while the module is imported is in the result, sub-folders are, too."""
    job = run(SAVE)
    assert (job.status, job.artifacts) == ("Complete", {"early.txt": 11, "sub/model.bin": 5})
    assert job.result_dir.is_absolute()


def test_the_result_directory_is_right_below_dot_abeja(
    tmp_path: Path, write: Callable[..., Path], abeja_train: Callable[..., TrainedJob]
) -> None:
    """Also after the change of directory."""
    write("a/b/train.py", SAVE)
    (tmp_path / "source" / "a" / "b" / ".abeja").mkdir()
    job = abeja_train("train:handler", source=tmp_path / "source")
    assert (job.status, sorted(job.artifacts)) == ("Complete", ["early.txt", "sub/model.bin"])


@pytest.mark.parametrize("code", ["0", "", "None", "120", "False", "256"])
def test_exit_codes_that_succeed(run: Callable[..., TrainedJob], code: str) -> None:
    """0, and 120, which is a failed flush at shutdown; one byte is all that counts."""
    job = run(f"import sys\ndef handler(context): sys.exit({code})")
    assert (job.status, job.status_message) == ("Complete", None)
    assert isinstance(job.exception, SystemExit)


@pytest.mark.parametrize(
    ("code", "shown", "log"), [("3", 3, ""), ("-1", 255, ""), ("True", 1, ""), ("'no data'", 1, "no data")]
)
def test_exit_codes_that_fail(run: Callable[..., TrainedJob], code: str, shown: int, log: str) -> None:
    """Any other; a text is printed, as the interpreter does."""
    job = run(f"import sys\ndef handler(context): sys.exit({code})")
    assert (job.status, job.status_message, job.log) == ("Failed", f"exit code {shown}", log)


def test_exit_while_the_module_is_imported(run: Callable[..., TrainedJob]) -> None:
    """It ends the job just the same."""
    assert run("import sys\nsys.exit(0)").status == "Complete"
    assert run("import sys\nsys.exit(3)").status == "Failed"


def test_an_exception_fails_the_job_and_the_result_is_kept(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """The traceback in the log starts at the user's own frames; the SDK can still fetch what was saved."""
    job = run(
        """
        import os
        def handler(context):
            with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "half"), "w") as file:
                file.write("half")
            deeper()
        def deeper():
            raise RuntimeError("first line\\nsecond line")
        """
    )
    assert (job.status, job.status_message) == ("Failed", "RuntimeError: first line")
    assert isinstance(job.exception, RuntimeError)
    lines = job.log.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.strip().rpartition(" in ")[2] for line in lines if line.strip().startswith("File ")] == [
        "handler",
        "deeper",
    ]
    assert lines[-2:] == ["RuntimeError: first line", "second line"]
    with zipfile.ZipFile(io.BytesIO(abeja.look.result(job.id))) as archive:
        assert archive.read("half") == b"half"


def test_the_status_message_is_about_the_exception_whatever_that_is(run: Callable[..., TrainedJob]) -> None:
    """One without text, one of a module's own class, one with a note, one that cannot even say its text."""
    texts = {
        "raise KeyError": "KeyError",
        "raise Own('why')": "train.Own: why",
        "raise Broken()": "train.Broken: (it has no text)",
        "error = ValueError('why'); hasattr(error, 'add_note') and error.add_note('note'); raise error": "ValueError: "
        "why",
    }
    for statement, message in texts.items():
        job = run(
            "class Own(Exception): pass\n"
            "class Broken(Exception):\n"
            "    def __str__(self): raise ValueError\n"
            f"def handler(context): {statement}\n"
        )
        assert (job.status, job.status_message) == ("Failed", message)


@pytest.mark.parametrize(
    "statement", ["raise KeyboardInterrupt", "pytest.skip('later')", "pytest.fail('bad')", "pytest.exit('enough')"]
)
def test_what_is_the_persons_goes_through(run: Callable[..., TrainedJob], abeja: Platform, statement: str) -> None:
    """Ctrl-C, and outcomes of pytest: the test sees them; the job is Failed, and everything is put back."""
    folder = os.getcwd()  # noqa: PTH109 - the text
    with pytest.raises((KeyboardInterrupt, pytest.skip.Exception, pytest.fail.Exception, pytest.exit.Exception)):
        run(f"import pytest\ndef handler(context):\n    print('here')\n    {statement}")
    job = abeja.look.jobs()[-1]
    assert job.status == "Failed"
    assert job.completion_time is not None
    assert os.getcwd() == folder  # noqa: PTH109 - the text


def test_a_pending_job_of_the_api_runs_from_its_archive(
    make: Callable[..., Job], abeja: Platform, abeja_train: Callable[..., TrainedJob], abeja_dataset: Callable[..., str]
) -> None:
    """Its own module, datasets and variables; the job's variables lie over the version's."""
    dataset = abeja_dataset([({"x": 1}, "a")])
    made = make(
        "import os\n"
        "def handler(context):\n"
        "    print(os.environ['LEVEL'], os.environ['OWN'], context['datasets'], __file__.endswith('main.py'))\n",
        environment={"LEVEL": "job"},
        datasets={"train": dataset},
    )
    assert abeja.look.job(made.job_id).status == "Pending"
    job = abeja_train(made.job_id)
    assert (job.status, job.log) == ("Complete", f"job version {{'train': '{dataset}'}} True")
    assert job.id == made.job_id
    assert (job.definition, job.version) == ("made", 1)
    record = abeja.look.job(job.id)
    assert record.start_time is not None
    assert record.completion_time is not None
    assert record.start_time <= record.completion_time


def test_a_job_runs_once(make: Callable[..., Job], abeja_train: Callable[..., TrainedJob]) -> None:
    """Then it has ended, and is returned as it ended; one that is not there, or takes no other settings, says so."""
    made = make("def handler(context): print('trained')")
    with pytest.raises(TypeError, match="has all of its own"):
        abeja_train(made.job_id, datasets={"a": 1})
    assert abeja_train(int(made.job_id)).status == "Complete"
    assert abeja_train(made.job_id).log == "trained"
    with pytest.raises(NotFound, match="no training job '1000000000000'"):
        abeja_train("1000000000000")


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [("main:missing", "has no function 'missing'"), ("missing:handler", "No module named 'missing'")],
)
def test_a_handler_of_the_api_that_is_not_there_fails_the_job(
    make: Callable[..., Job], abeja_train: Callable[..., TrainedJob], handler: str, sentence: str
) -> None:
    """The platform takes the version; the job fails with one sentence."""
    job = abeja_train(make("def handler(context): pass", handler).job_id)
    assert job.status == "Failed"
    assert sentence in job.log
    assert "\n" not in job.log


def test_a_dataset_of_the_api_that_is_no_integer_fails_the_job(
    make: Callable[..., Job], abeja_train: Callable[..., TrainedJob]
) -> None:
    """The platform takes any text; the launcher does not."""
    job = abeja_train(make("def handler(context): print('called')", datasets={"train": "flowers"}).job_id)
    assert job.status == "Failed"
    assert "'flowers', which is no integer" in job.log
    assert "called" not in job.log


def test_a_version_from_a_folder_has_no_archive_to_run(
    run: Callable[..., TrainedJob], abeja: Platform, abeja_train: Callable[..., TrainedJob]
) -> None:
    """A second job of it, made through the API, says why it cannot run."""
    first = run("def handler(context): pass", definition="local")
    definition = TrainingClient(abeja.organization.id).job_definitions().get("local")
    second = definition.jobs().create(first.version, "cpu-1")
    with pytest.raises(NotFound, match="made from a folder of this machine"):
        abeja_train(second.job_id)


def test_a_job_that_is_stopped_while_it_runs(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """It is Stopped however its handler ends, and has no result (train-local uploads none)."""
    for end in ("pass", "raise ValueError('stopped in the middle')"):
        job = run(
            f"""
            import os
            from abeja.training.api.client import APIClient
            def handler(context):
                with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "half"), "w") as file:
                    file.write("half")
                print("before")
                APIClient().stop_training_job(
                    os.environ["ABEJA_ORGANIZATION_ID"],
                    os.environ["TRAINING_JOB_DEFINITION_NAME"],
                    os.environ["TRAINING_JOB_ID"],
                )
                {end}
            """
        )
        assert job.status == "Stopped"
        assert job.artifacts == {}
        assert job.log.startswith("before")
        with pytest.raises(NotFound):
            abeja.look.result(job.id)


def test_the_definition_of_a_job(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """A second job of one name is its next version; the handler's name is the default."""
    text = "def handler(context): pass"
    jobs = [run(text), run(text), run(text, definition="mine", description="why", instance_type="gpu-1")]
    assert [(job.definition, job.version) for job in jobs] == [("train-handler", 1), ("train-handler", 2), ("mine", 1)]
    record = abeja.look.job(jobs[2].id)
    assert (record.description, record.instance_type) == ("why", "gpu-1")
    assert repr(jobs[2]) == f"<TrainedJob {jobs[2].id} mine version 1: Complete>"


def test_the_sdk_downloads_what_the_handler_left(run: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """The same files, in the same folders."""
    job = run(SAVE)
    TrainClient(job_definition_name=job.definition).download_training_result(job.id, str(tmp_path / "got"))
    for name in job.artifacts:
        assert (tmp_path / "got" / name).read_bytes() == (job.result_dir / name).read_bytes()


def test_a_job_without_a_result_has_none(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """Nothing is uploaded when the directory is empty, or gone."""
    for text in ("pass", "import os, shutil; shutil.rmtree(os.environ['ABEJA_TRAINING_RESULT_DIR'])"):
        job = run(f"def handler(context): {text}")
        assert (job.status, job.artifacts) == ("Complete", {})
        with pytest.raises(NotFound):
            abeja.look.result(job.id)


def test_a_child_of_the_handler_is_the_job_as_well(run: Callable[..., TrainedJob], abeja: Platform) -> None:
    """It reaches the platform with the job's credential, and what it saves is in the result."""
    job = run(
        """
        import subprocess, sys
        CHILD = '''
        import os, urllib.request
        url = "https://api.abeja.io/organizations/%s/datasets" % os.environ["ABEJA_ORGANIZATION_ID"]
        token = {"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"]}
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=token)).read()
        open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "child"), "wb").write(answer)
        '''
        def handler(context):
            subprocess.run([sys.executable, "-c", "\\n".join(line.strip() for line in CHILD.splitlines())], check=True)
        """,
        environment={"PYTHONPATH": "/nowhere"},
    )
    assert job.status == "Complete", job.log
    assert (job.result_dir / "child").read_bytes() == b"[]"
    abeja.assert_called("list_datasets", times=1)
