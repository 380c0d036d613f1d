"""From what a test asks of `abeja_train` to a job, with a sentence for what cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.handlers import find_handler
from abeja_emulator.runtime.images import Calling, calling_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.pytest_places import Places
    from abeja_emulator.runtime.job import TrainedJob

#: What `abeja_train` takes by name.
OPTIONS = ("datasets", "environment", "image", "source", "instance_type", "definition", "description")


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
        handler: `module:function`, a path, a callable, or the id of a job made through the API.
        options: of `OPTIONS`.
        marks: what `@pytest.mark.abeja` says.
        places: where files are looked for.
        make_dataset: makes a dataset of what is no id.

    Raises:
        TypeError: when an option is none, or of the wrong type.
    """
    __tracebackhide__ = True
    _check_options(options)
    if is_id(handler):
        given = [name for name, value in options.items() if value is not None]
        if given:
            message = f"job {handler} was made through the API and has all of its own; {given} cannot be given now"
            raise TypeError(message)
        return emulation.trainer.run(str(handler))
    if not (callable(handler) or isinstance(handler, (str, Path))):
        message = f"a handler is 'module:function', a path to a .py file or a function, not {handler!r}"
        raise TypeError(message)
    image = options.pop("image", None) or marks.get("image") or emulation.image
    source = options.pop("source", None)
    folder = None if source is None else places.find_folder(source)
    script = calling_of(image) is Calling.SCRIPT
    datasets = _merged("datasets", marks, options)
    environment = _merged("environment", marks, options)
    return emulation.trainer.train(
        find_handler(handler, places.folders, folder, script=script),
        image=image,
        datasets=found_datasets(datasets, make_dataset),
        environment=environment,
        **options,
    )


def found_datasets(datasets: Mapping[str, Any] | None, make_dataset: Callable[[Any], str]) -> dict[str, Any]:
    """Return alias → dataset id; what is no id is made into a dataset first.

    Raises:
        TypeError: when a dataset is something that no dataset can be made of.
        FileNotFoundError: when it is a name, and nothing has that name.
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
        message = f"dataset {alias!r}: {value!r} is no dataset id (digits), and {error}"
        raise FileNotFoundError(message) from None


def _merged(name: str, marks: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    return {**(marks.get(name) or {}), **(options.pop(name, None) or {})}


def _check_options(options: Mapping[str, Any]) -> None:
    __tracebackhide__ = True
    for name, value in options.items():
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, 1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            message = f"abeja_train takes a handler and, by name, {', '.join(OPTIONS)}, not {name!r}{meant}"
            raise TypeError(message)
        if name in {"datasets", "environment"}:
            check_mapping(f"abeja_train({name}=…)", name, value)


def check_mapping(where: str, name: str, value: Any) -> None:
    """Check that datasets or variables are given as a mapping.

    Raises:
        TypeError: when they are not.
    """
    __tracebackhide__ = True
    if value is not None and not isinstance(value, Mapping):
        example = "{'train': abeja_dataset('name')}" if name == "datasets" else "{'NUM_EPOCHS': 3}"
        message = f"{where} must be a mapping such as {example}, not {value!r}"
        raise TypeError(message)
