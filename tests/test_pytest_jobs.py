"""What a test asks of `abeja_train`: wider scopes, and a sentence for each wrong use."""

from __future__ import annotations

from collections import ChainMap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.pytest_jobs import check_mapping, make_dataset
from abeja_emulator.pytest_places import Places
from abeja_emulator.seeding import SeedError, samples_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.platform import Platform
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
    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:cacheprovider", "-n", "0")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["1 job (1 Complete), *"])
