"""What a test asks of `abeja_train`: wider scopes, and a sentence for each wrong use."""

from __future__ import annotations

import os
from collections import ChainMap
from textwrap import dedent
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.pytest_jobs import check_mapping, make_dataset
from abeja_emulator.pytest_places import Places
from abeja_emulator.runtime.handlers import HandlerError
from abeja_emulator.runtime.job_maker import JobMaker
from abeja_emulator.runtime.source_folders import pack_source
from abeja_emulator.seeding import SeedError, samples_folder
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.seeding import SeededDataset

HANDLER = (samples_folder() / "handlers" / "plain" / "train.py").read_text(encoding="utf-8")


def nothing(context: Any) -> None:
    """Do nothing."""
    del context


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dataset": {"train": "points"}}, "not 'dataset'; did you mean 'datasets'[?]"),
        ({"gpus": 2}, "by name, datasets, environment, image, .*, not 'gpus'$"),
        ({"datasets": ["points"]}, r"abeja_train\(datasets=…\) must be a mapping such as .*, not \['points'\]"),
        ({"environment": ["A=1"]}, r"abeja_train\(environment=…\) must be a mapping such as .*NUM_EPOCHS"),
        ({"datasets": {"train": 1.5}}, "dataset 'train' is 1.5; it must be the id of a dataset"),
        ({"datasets": {"train": True}}, "dataset 'train' is True; it must be"),
        ({"image": 19.1}, r"abeja_train\(image=…\) must be text, not 19.1"),
        ({"train_in": "chlid"}, r"abeja_train\(train_in=…\) must be 'process' or 'child', not 'chlid'"),
        ({"train_in": ["child"]}, r"abeja_train\(train_in=…\) must be 'process' or 'child', not \['child'\]"),
    ],
)
def test_options_that_cannot_be(abeja_train: Callable[..., TrainedJob], options: dict[str, Any], sentence: str) -> None:
    """What is wrong, and what it takes."""
    with pytest.raises(TypeError, match=sentence):
        abeja_train(nothing, **options)


def test_a_name_that_is_neither_dataset_nor_id(abeja_train: Callable[..., TrainedJob]) -> None:
    """Somebody may have meant an id, and somebody a folder."""
    with pytest.raises(FileNotFoundError, match=r"dataset 'train': 'abc-12' is no dataset id .*there is no 'abc-12'"):
        abeja_train(nothing, datasets={"train": "abc-12"})


def test_a_name_that_no_disk_can_hold_is_no_dataset(abeja_train: Callable[..., TrainedJob]) -> None:
    """It is not shown twice over."""
    with pytest.raises(FileNotFoundError, match=r"'x{80}… \(300 characters\)' is no dataset id .*there is no 'x{80}… "):
        abeja_train(nothing, datasets={"train": "x" * 300})


def test_a_dataset_that_cannot_be_read_is_named(abeja_train: Callable[..., TrainedJob]) -> None:
    """A job may have many of them."""
    with pytest.raises(SeedError, match=r"^dataset 'validation': item 0 cannot be read: an item is a pair"):
        abeja_train(nothing, datasets={"train": "points", "validation": ["one"]})


@pytest.fixture
def make(abeja: Platform, pytestconfig: pytest.Config, tmp_path: Path) -> Callable[..., SeededDataset]:
    """What `abeja_dataset` does with its arguments."""
    places = Places(pytestconfig, tmp_path / "test_it.py")
    return lambda source, **options: make_dataset(abeja.seed, places, source, options)


def test_options_of_a_dataset(abeja: Platform, make: Callable[..., SeededDataset]) -> None:
    """Each of them, and none of them."""
    made = make("points", name="mine", type="detection", props={"a": 1}, identifier=1230000000002)
    dataset = abeja.look.dataset(made)
    assert (dataset.dataset_id, dataset.name, dataset.type) == ("1230000000002", "mine", "detection")
    assert dataset.props == {"a": 1}
    assert make("points", name=None).name == "points"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"nme": "x"},
            r"^abeja_dataset takes a source and, by name, name, type, .*, not 'nme'; did you mean 'name'\?$",
        ),
        ({"name": "x", "labels": ["a"]}, "identifier, not 'labels'$"),
        ({"name": 5}, r"^abeja_dataset\(name=…\) must be text, not 5$"),
        ({"type": ["custom"]}, r"^abeja_dataset\(type=…\) must be text, not \['custom'\]$"),
    ],
)
def test_options_that_a_dataset_cannot_have(
    abeja: Platform, make: Callable[..., SeededDataset], options: dict[str, Any], sentence: str
) -> None:
    """What is wrong, and what it takes; nothing is made."""
    with pytest.raises(TypeError, match=sentence):
        make("points", **options)
    assert abeja.look.datasets() == []


@pytest.mark.parametrize("kind", [dict, ChainMap, MappingProxyType])
def test_any_mapping_will_do(abeja_train: Callable[..., TrainedJob], kind: Callable[[Any], Any]) -> None:
    """For datasets and for variables."""
    job = abeja_train(nothing, datasets=kind({"train": "points"}), environment=kind({"NUM_EPOCHS": 3}))
    assert job.status == "Complete", job.log
    assert list(job.datasets) == ["train"]


@pytest.mark.parametrize("kind", [TypeError, pytest.UsageError])
@pytest.mark.parametrize("value", ["points", ["points"], {"points"}, 5])
def test_what_is_no_mapping(kind: type[Exception], value: Any) -> None:
    """One sentence for fixtures and marker, in an error of the kind that each of them has."""
    where = "@pytest.mark.abeja(datasets=…)"
    with pytest.raises(kind) as refused:
        check_mapping(where, "datasets", value, kind)
    assert str(refused.value) == f"{where} must be a mapping such as {{'train': abeja_dataset('name')}}, not {value!r}"
    check_mapping(where, "datasets", None, kind)


@pytest.mark.parametrize("handler", [None, 1.5, ["train:handler"]])
def test_handlers_that_cannot_be(abeja_train: Callable[..., TrainedJob], handler: Any) -> None:
    """A handler is a name, a path or a function."""
    with pytest.raises(TypeError, match=r"a handler is 'module:function', a path to a .py file or a function, not "):
        abeja_train(handler)


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("datasets='points'", "(datasets=…) must be a mapping such as {'train': abeja_dataset('name')}, not 'points'"),
        ("image=19", "(image=…) must be text, not 19"),
        ("environment=['A']", "(environment=…) must be a mapping such as {'NUM_EPOCHS': 3}, not ['A']"),
    ],
)
@pytest.mark.parametrize("way", [["--abeja-emulate"], []])
def test_markers_that_cannot_be(pytester: pytest.Pytester, marker: str, sentence: str, way: list[str]) -> None:
    """One sentence, and none of our code."""
    pytester.makepyfile(f"import pytest\n@pytest.mark.abeja({marker})\ndef test_it(abeja_context): pass")
    result = pytester.runpytest_subprocess(*way, "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    assert sentence in result.stdout.str()
    assert "found.update" not in result.stdout.str()


@pytest.mark.parametrize("image", ["abeja-inc/all-cpu:18.10", "abeja-inc/all-cpu:19.10"])
def test_the_same_in_process_and_in_a_child(abeja_train: Callable[..., TrainedJob], tmp_path: Path, image: str) -> None:
    """What a handler is called with, reports, prints and leaves does not depend on where it runs; its process does."""
    text = """
    import os, train
    def handler(context):
        train.handler(context if isinstance(context, dict) else vars(context))
        with open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "pid"), "w") as file:
            file.write(str(os.getpid()))
        print(type(context).__name__, os.environ["NUM_EPOCHS"], os.path.exists("train.py"))
    """
    (tmp_path / "main.py").write_text(dedent(text), encoding="utf-8")
    (tmp_path / "train.py").write_text(HANDLER, encoding="utf-8")
    jobs = [
        abeja_train(
            "main:handler",
            source=tmp_path,
            datasets={"train": "points"},
            environment={"NUM_EPOCHS": 2},
            image=image,
            train_in=where,
        )
        for where in ("process", "child")
    ]
    here, there = jobs
    assert here.status == there.status == "Complete", there.log
    assert here.statistics.epochs == there.statistics.epochs == [1, 2]
    assert list(here.statistics) == list(there.statistics)
    assert sorted(here.artifacts) == sorted(there.artifacts) == ["model.json", "pid", "train.log"]
    assert here.log == there.log
    assert (here.result_dir / "model.json").read_text() == (there.result_dir / "model.json").read_text()
    assert (here.result_dir / "pid").read_text() == str(os.getpid()) != (there.result_dir / "pid").read_text()
    assert (here.definition, there.definition, there.version) == ("main-handler", "main-handler", 2)


def test_a_failure_in_process_and_in_a_child(abeja_train: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """Both say why, and end with the traceback of the handler; the exception itself stays in its process."""
    (tmp_path / "train.py").write_text("def handler(context):\n    int('many')\n", encoding="utf-8")
    here, there = (abeja_train("train:handler", source=tmp_path, train_in=where) for where in ("process", "child"))
    assert here.status == there.status == "Failed"
    assert here.status_message == there.status_message == "ValueError: invalid literal for int() with base 10: 'many'"
    assert here.log.splitlines()[-1] == there.log.splitlines()[-1] == here.status_message
    assert isinstance(here.exception, ValueError)
    assert there.exception is None


def test_what_an_upload_leaves_out_is_not_there(abeja_train: Callable[..., TrainedJob], tmp_path: Path) -> None:
    """A file that `training.yaml` ignores, or that is beside the source, is only there in process."""
    (tmp_path / "training.yaml").write_text("ignores: [weights.bin]", encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(b"0")
    text = "import pathlib\ndef handler(context):\n    print(len(pathlib.Path('weights.bin').read_bytes()))\n"
    (tmp_path / "train.py").write_text(text, encoding="utf-8")
    here, there = (abeja_train("train:handler", source=tmp_path, train_in=where) for where in ("process", "child"))
    assert here.log == "1"
    assert there.log.endswith("FileNotFoundError: [Errno 2] No such file or directory: 'weights.bin'")


def test_a_child_finds_a_function_by_its_module(abeja_train: Callable[..., TrainedJob]) -> None:
    """One of this file, which pytest has imported; what no import leads to is refused with a sentence."""
    job = abeja_train(tells, train_in="child")
    assert (job.status, job.log) == ("Complete", "told")
    with pytest.raises(HandlerError, match=r"a lambda has no name .*, or run it in this process, with train_in="):
        abeja_train(lambda context: context, train_in="child")


def tells(context: Any) -> None:
    """Tell that it was called."""
    print("told" if context == {"datasets": {}} else context)


def test_a_job_of_the_api_that_is_held_runs_where_it_is_said(
    abeja: Platform, abeja_jobs: Executor, abeja_train: Callable[..., TrainedJob], tmp_path: Path
) -> None:
    """In this process by default, and in a child when that is asked for."""
    (tmp_path / "train.py").write_text("import os\ndef handler(context):\n    print(os.getpid())\n")
    archive = pack_source(tmp_path)
    abeja_jobs.mode = "held"
    one, other = (
        JobMaker(abeja).make("train:handler", Upload(archive, len(archive)))[0].training_job_id for _ in range(2)
    )
    assert abeja_train(one).log == str(os.getpid())
    job = abeja_train(int(other), train_in="child")
    assert job.status == "Complete"
    assert job.log != str(os.getpid())
    with pytest.raises(TypeError, match=r"has all of its own; \['image'\] cannot be given now"):
        abeja_train(other, train_in="child", image="abeja-inc/all-cpu:19.10")


WHERE = """
import os
import pytest

def is_here(job):
    assert job.status == "Complete", job.log
    return job.log == str(os.getpid())

def test_as_the_run_says(abeja_train):
    assert is_here(abeja_train("train:handler")) == HERE

@pytest.mark.abeja(train_in="process")
def test_the_marker_wins(abeja_train):
    assert is_here(abeja_train("train:handler"))
    assert not is_here(abeja_train("train:handler", train_in="child"))

@pytest.mark.abeja(train_in="child")
def test_and_what_is_called_wins_over_the_marker(abeja_train):
    assert not is_here(abeja_train("train:handler"))
    assert is_here(abeja_train("train:handler", train_in="process"))

@pytest.mark.abeja(train_in="chlid")
def test_a_marker_that_cannot_be(abeja_train):
    pass
"""


@pytest.mark.parametrize(
    ("configured", "options", "here"),
    [("child", ["--abeja-emulate"], False), ("child", ["--abeja-train-in", "process"], True)],
)
def test_where_a_job_runs(pytester: pytest.Pytester, configured: str, options: list[str], here: bool) -> None:
    """An option wins over the configuration, a marker over both, and what `abeja_train` is given over all."""
    pytester.makeini(f"[pytest]\nabeja_train_in = {configured}")
    handler = "import os\ndef handler(context): print(os.getpid())"
    pytester.makepyfile(train=handler, test_it=WHERE.replace("HERE", str(here)))
    result = pytester.runpytest_subprocess(*options, "-p", "no:cacheprovider", "-p", "no:randomly")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.abeja(train_in='chlid'): it must be process or child"])


def test_a_configuration_that_cannot_be(pytester: pytest.Pytester) -> None:
    """It is refused before any test, with what it can be."""
    pytester.makeini("[pytest]\nabeja_train_in = thread")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "abeja_train_in is 'thread'; it must be process or child" in result.stderr.str()


def test_one_training_for_many_tests(pytester: pytest.Pytester) -> None:
    """With the whole run emulated a fixture of any scope may seed and train; what it makes stays for its scope."""
    pytester.makepyfile(
        train=HANDLER,
        test_it="""
        import pytest
        from abeja.datasets import Client

        @pytest.fixture(scope="session")
        def points(abeja_dataset):
            return abeja_dataset("points")

        @pytest.fixture(scope="module")
        def job(abeja_train, points):
            return abeja_train("train:handler", datasets={"train": points})

        @pytest.mark.parametrize("number", range(3))
        def test_it_learns(job, points, abeja, number):
            assert job.status == "Complete", job.log
            assert job.statistics["validation"]["accuracy"][-1] > 0.8
            assert "model.json" in job.artifacts
            assert Client().get_dataset(points).total_count == 60
            assert len(abeja.look.jobs()) == 2  # this one and the current one
        """,
    )
    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["1 job (1 Complete), *"])
