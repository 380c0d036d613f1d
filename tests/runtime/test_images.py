"""What a handler is called with, by image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.images import Calling, ModelCalling, calling_of, make_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob


@pytest.mark.parametrize(
    ("image", "calling"),
    [
        ("abeja-inc/all-cpu:18.10", Calling.OBJECT),
        ("abeja-inc/all-gpu:18.10", Calling.OBJECT),
        ("abeja/deepgpu:0.1.0", Calling.OBJECT),
        ("abeja-inc/all-cpu:0.1.0-arm64v8", Calling.OBJECT),
        ("custom/1234567890123/mine:18.10", Calling.OBJECT),
        ("abeja-inc/all-cpu:19.04", Calling.DICT),
        ("abeja-inc/all-cpu:19.10", Calling.DICT),
        ("abeja-inc/all-gpu:20.10", Calling.DICT),
        ("abeja-inc/all-gpu:20.02a", Calling.SCRIPT),
        ("custom/1234567890123/mine:latest", Calling.DICT),
        ("registry:5000/repository/name", Calling.DICT),
    ],
)
def test_generations(image: str, calling: Calling) -> None:
    """Up to 18.10 an object, from 19.04 on a dict; the trial image 20.02a runs scripts."""
    assert calling_of(image) is calling


def test_generations_of_model_handlers() -> None:
    """Up to 18.10 an iterator; the image that runs scripts has the later runtime, like all others."""
    assert {calling: ModelCalling.of(calling) for calling in Calling} == {
        Calling.OBJECT: ModelCalling.ITERATOR,
        Calling.DICT: ModelCalling.RUNTIME,
        Calling.SCRIPT: ModelCalling.RUNTIME,
    }


def test_from_19_04_on_the_context_is_exactly_a_dict(run: Callable[..., TrainedJob]) -> None:
    """Some handlers check its type; ids in it are exactly text, however they were given."""
    job = run(
        """
        def handler(context):
            assert type(context) is dict and type(context["datasets"]) is dict
            print({alias: (type(value) is str, value) for alias, value in context["datasets"].items()})
        """,
        datasets={"train": 1234567890123, "test": " 1234567890124 "},
        image="abeja-inc/all-cpu:19.04",
    )
    assert job.status == "Complete", job.log
    assert job.log == str({"train": (True, "1234567890123"), "test": (True, "1234567890124")})


def test_a_seeded_dataset_reaches_the_handler_as_plain_text(
    run: Callable[..., TrainedJob], abeja_dataset: Callable[..., str]
) -> None:
    """What the fixture returns knows more than the platform passes on."""
    job = run(
        'def handler(context): print(type(context["datasets"]["train"]) is str)',
        datasets={"train": abeja_dataset([(b"x", "label")])},
    )
    assert job.log == "True"


def test_up_to_18_10_the_context_is_an_object(run: Callable[..., TrainedJob]) -> None:
    """With an attribute `datasets`; it cannot be indexed, so that a handler for the wrong image fails here, too."""
    old = run("def handler(context): print(context.datasets)", datasets={"train": 7}, image="abeja-inc/all-cpu:18.10")
    assert (old.status, old.log) == ("Complete", "{'train': '7'}")
    wrong = run("def handler(context): context['datasets']", image="abeja-inc/all-cpu:18.10")
    assert isinstance(wrong.exception, TypeError)
    wrong = run("def handler(context): context.datasets", image="abeja-inc/all-cpu:19.04")
    assert wrong.status_message == "AttributeError: 'dict' object has no attribute 'datasets'"


@pytest.mark.parametrize("name", ["train", "train.py"])
def test_a_script_is_the_program_itself(
    write: Callable[..., Path], abeja_train: Callable[..., TrainedJob], name: str
) -> None:
    """It runs as a program, so that its main guard is true, and finds datasets in the environment."""
    source = write(
        "train.py",
        """
        import json, os
        if __name__ == "__main__":
            print(json.loads(os.environ["DATASETS"])["train"])
            open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model"), "w").close()
        """,
    ).parent
    image = "abeja-inc/all-gpu:20.02a"
    job = abeja_train(
        source / name if name.endswith(".py") else name, source=source, image=image, datasets={"train": 5}
    )
    assert (job.status, job.log, list(job.artifacts)) == ("Complete", "5", ["model"])


def test_a_script_that_raises_fails_its_job(run: Callable[..., TrainedJob]) -> None:
    """With a traceback that starts in the script."""
    job = run("raise ValueError('no')", image="abeja-inc/all-gpu:20.02a")
    assert (job.status, job.status_message) == ("Failed", "ValueError: no")
    assert job.log.splitlines()[1].strip().startswith('File "')
    assert "runpy" not in job.log


def test_contexts_of_two_jobs_share_nothing() -> None:
    """A handler may change its own."""
    datasets = {"a": "1"}
    context = make_context(Calling.DICT, datasets)
    context["datasets"]["b"] = "2"
    assert datasets == {"a": "1"}
    assert repr(make_context(Calling.OBJECT, datasets)) == "Context(datasets={'a': '1'})"


@pytest.mark.parametrize(
    ("image", "read", "hint"),
    [
        ("abeja-inc/all-cpu:19.10", "context.datasets", "write context['datasets'], or run this one"),
        ("abeja-inc/all-cpu:18.10", "context['datasets']", "write context.datasets, or run this one"),
        ("abeja-inc/all-cpu:19.10", "context.other", None),
    ],
)
def test_a_handler_of_the_other_generation_gets_a_hint(
    abeja_train: Callable[..., TrainedJob], image: str, read: str, hint: str | None
) -> None:
    """In the job's log, behind the traceback that the platform would show."""
    namespace: dict[str, Any] = {}
    exec(f"def handler(context): return {read}", namespace)  # noqa: S102 - our own text
    job = abeja_train(namespace["handler"], image=image)

    last = job.log.splitlines()[-1]
    assert job.status == "Failed"
    assert last.startswith("abeja-emulator: ") == (hint is not None)
    assert (hint or "") in last
