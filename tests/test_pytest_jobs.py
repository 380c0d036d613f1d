"""What a test asks of `abeja_train`: wider scopes, and a sentence for each wrong use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.seeding import samples_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.job import TrainedJob

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


@pytest.mark.parametrize("handler", [None, 1.5, ["train:handler"]])
def test_handlers_that_cannot_be(abeja_train: Callable[..., TrainedJob], handler: Any) -> None:
    """A handler is a name, a path or a function."""
    with pytest.raises(TypeError, match=r"a handler is 'module:function', a path to a .py file or a function, not "):
        abeja_train(handler)


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("datasets='points'", "(datasets='points'): it must be a dict, not a str"),
        ("image=19", "(image=19): it must be a str, not a int"),
        ("environment=['A']", "(environment=['A']): it must be a dict, not a list"),
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
