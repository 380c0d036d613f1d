"""From what a test asks of `abeja_train` to a job, with a sentence for what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.finding import shortened
from abeja_emulator.runtime.callables import importable
from abeja_emulator.runtime.child_training import ChildTrainer
from abeja_emulator.runtime.handlers import find_handler
from abeja_emulator.runtime.images import Calling, calling_of
from abeja_emulator.seeding import SeedError, parse_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.pytest_places import Places
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.seeding import Seed, SeededDataset

#: What `abeja_train` takes by name.
OPTIONS = ("datasets", "environment", "image", "source", "instance_type", "definition", "description", "train_in")

#: Where a job of `abeja_train` runs.
TRAIN_IN = ("process", "child")

#: Says in a source folder what is no part of it, for the platform's command line.
_PROJECT = "training.yaml"

#: What `abeja_dataset` takes by name.
DATASET_OPTIONS = ("name", "type", "props", "identifier")


def make_dataset(seed: Seed, places: Places, source: Any, options: dict[str, Any]) -> SeededDataset:
    """Make a dataset of what `abeja_dataset` takes.

    Args:
        seed: puts it on the platform.
        places: where files are looked for.
        source: path, list or mapping.
        options: of `DATASET_OPTIONS`.

    Raises:
        TypeError: when an option is none, or of the wrong type.
        SeedError: when the source cannot be read.
        FileNotFoundError: when it is a path, and nothing is there.
    """
    __tracebackhide__ = True
    check_names("abeja_dataset takes a source", options, DATASET_OPTIONS)
    for name in ("name", "type"):
        check_text(f"abeja_dataset({name}=…)", options.get(name))
    if is_id(options.get("identifier")):
        options = {**options, "identifier": str(options["identifier"])}
    return seed.dataset(places.find(source), **options)


def train_job(  # noqa: PLR0913, PLR0917 - what a test says, and where it stands
    emulation: Emulation,
    handler: Any,
    options: dict[str, Any],
    marks: Mapping[str, Any],
    places: Places,
    make_dataset: Callable[[Any], str],
) -> TrainedJob:
    """Run a job: options lie over what the marker says.

    Args:
        emulation: where the job runs.
        handler: `module:function`, a path, a callable, or the id of a job made through the API: one that is
            Pending runs here, of one that runs already the end is awaited.
        options: of `OPTIONS`.
        marks: what `@pytest.mark.abeja` says; `train_in`, one of `TRAIN_IN`, is there in any case.
        places: where files are looked for.
        make_dataset: makes a dataset of what is no id.

    Raises:
        TypeError: when an option is none, or of the wrong type.
        HandlerError: when the handler is nowhere, or is to run in a child that cannot find it.
        SourceError: when it is to run in a child, and its folder cannot be packed.
    """
    __tracebackhide__ = True
    _check_options(options)
    in_child = (options.pop("train_in", None) or marks["train_in"]) == "child"
    if is_id(handler):
        given = [name for name, value in options.items() if value is not None]
        if given:
            message = f"job {handler} was made through the API and has all of its own; {given} cannot be given now"
            raise TypeError(message)
        job_id = str(handler).strip()
        if in_child:
            return ChildTrainer(emulation.platform, emulation.executor).run(job_id)
        return _unless_left(_run_or_await(emulation, job_id))
    check_handler(handler)
    image = options.pop("image", None) or marks.get("image") or emulation.image
    source = options.pop("source", None)
    folder = None if source is None else places.find_folder(source)
    script = calling_of(image) is Calling.SCRIPT
    datasets = _merged("datasets", marks, options)
    environment = _merged("environment", marks, options)
    if in_child and callable(handler):
        found = importable(handler, folder)
    else:
        found = find_handler(handler, places.folders, folder, script=script)
    fields = {
        "image": image,
        "datasets": found_datasets(datasets, make_dataset),
        "environment": environment,
        **options,
    }
    if in_child and found.source is not None:
        trainer = ChildTrainer(emulation.platform, emulation.executor)
        return trainer.train(found.name, found.source, _ignores(found.source), **fields)
    return _unless_left(emulation.trainer.train(found, **fields))


def _ignores(source: Path) -> list[str]:
    """Return the patterns of files that an upload of a source folder leaves out.

    Raises:
        SeedError: when its `training.yaml` cannot be read.
    """
    file = source / _PROJECT
    said = parse_file(file) if file.is_file() else None
    ignores = said.get("ignores") if isinstance(said, dict) else None
    return list(map(str, ignores)) if isinstance(ignores, list) else []


def _unless_left(job: TrainedJob) -> TrainedJob:
    """Return a job, unless somebody has left the debugger in it: pytest says that with an `Exception` of its own."""
    if isinstance(job.exception, pytest.exit.Exception):
        raise job.exception
    return job


def _run_or_await(emulation: Emulation, job_id: str) -> TrainedJob:
    """Run a job that was made through the API here, unless a child has begun with it."""
    executor = emulation.executor
    claimed = executor.claim(job_id)
    status = emulation.platform.look.job(job_id).status
    if not claimed and (job_id in executor.running() or status not in {"Pending", "Active"}):
        return executor.wait(job_id)
    return emulation.trainer.run(job_id)


def found_datasets(datasets: Mapping[str, Any] | None, make_dataset: Callable[[Any], str]) -> dict[str, Any]:
    """Return alias → dataset id; what is no id is made into a dataset first.

    Raises:
        TypeError: when a dataset is something that no dataset can be made of.
        FileNotFoundError: when it is a name, and nothing has that name.
        SeedError: when what has that name cannot be read.
    """
    __tracebackhide__ = True
    return {alias: _dataset_id(alias, value, make_dataset) for alias, value in (datasets or {}).items()}


def is_id(value: Any) -> bool:
    """Tell whether a value is the id of something on the platform: digits, as a number or as text."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, str) and value.strip().isdecimal()


def _dataset_id(alias: str, value: Any, make_dataset: Callable[[Any], str]) -> Any:
    __tracebackhide__ = True
    if is_id(value):
        return value
    if not isinstance(value, (str, Path, list, tuple, Mapping)):
        message = (
            f"dataset {alias!r} is {value!r}; it must be the id of a dataset (digits), the name or path of a folder or "
            "file to make one of, or a list of items"
        )
        raise TypeError(message)
    try:
        return make_dataset(value)
    except FileNotFoundError as error:
        message = f"dataset {alias!r}: {shortened(value)!r} is no dataset id (digits), and {error}"
        raise FileNotFoundError(message) from None
    except SeedError as error:
        message = f"dataset {alias!r}: {error}"
        raise SeedError(message) from None


def _merged(name: str, marks: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {**(marks.get(name) or {}), **(options.pop(name, None) or {})}


def _check_options(options: Mapping[str, Any]) -> None:
    __tracebackhide__ = True
    check_names("abeja_train takes a handler", options, OPTIONS)
    for name in ("datasets", "environment"):
        check_mapping(f"abeja_train({name}=…)", name, options.get(name))
    check_text("abeja_train(image=…)", options.get("image"))
    if options.get("train_in") not in (None, *TRAIN_IN):
        message = f"abeja_train(train_in=…) must be {' or '.join(map(repr, TRAIN_IN))}, not {options['train_in']!r}"
        raise TypeError(message)


def check_handler(handler: Any) -> None:
    """Check that something can be a handler.

    Raises:
        TypeError: when it cannot.
    """
    __tracebackhide__ = True
    if not (callable(handler) or isinstance(handler, (str, Path))):
        message = f"a handler is 'module:function', a path to a .py file or a function, not {handler!r}"
        raise TypeError(message)


def check_text(where: str, value: Any, kind: type[Exception] = TypeError) -> None:
    """Check that something, where it is given, is text.

    Args:
        where: what it was given to.
        value: what was given.
        kind: of the error.

    Raises:
        TypeError: when it is not, or `kind`.
    """
    __tracebackhide__ = True
    if value is not None and not isinstance(value, str):
        message = f"{where} must be text, not {value!r}"
        raise kind(message)


def check_names(takes: str, options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Check that options have names that are known.

    Args:
        takes: what takes them, and what it takes besides.
        options: what was given by name.
        known: the names there are.

    Raises:
        TypeError: when one is none of them.
    """
    __tracebackhide__ = True
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            message = f"{takes} and, by name, {', '.join(known)}, not {name!r}{meant}"
            raise TypeError(message)


def check_mapping(where: str, name: str, value: Any, kind: type[Exception] = TypeError) -> None:
    """Check that datasets or variables, where they are given, are given as a mapping; any kind of one will do.

    Args:
        where: what they were given to.
        name: `datasets` or `environment`.
        value: what was given.
        kind: of the error.

    Raises:
        TypeError: when they are not, or `kind`.
    """
    __tracebackhide__ = True
    if value is not None and not isinstance(value, Mapping):
        example = "{'train': abeja_dataset('name')}" if name == "datasets" else "{'NUM_EPOCHS': 3}"
        message = f"{where} must be a mapping such as {example}, not {value!r}"
        raise kind(message)
