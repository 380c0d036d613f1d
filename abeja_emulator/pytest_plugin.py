"""The pytest plugin: `pytest --abeja-emulate`. A run without it imports nothing but this file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.seeding import SeededDataset

_SESSION = pytest.StashKey["Session"]()

MARKER = """\
abeja(image=None, datasets=None, environment=None, auth=None): \
image of the current job, which decides what its context is; its datasets, alias to dataset id or to \
what abeja_dataset takes; its variables; "open" or "strict" credentials"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and what the configuration may say instead."""
    group = parser.getgroup("abeja", "ABEJA Platform emulator")
    group.addoption(
        "--abeja-emulate",
        action="store_true",
        default=None,
        help="emulate the platform for the whole run, from before test modules are imported",
    )
    group.addoption(
        "--abeja-auth",
        choices=["open", "strict"],
        default=None,
        help="open (default): any well-formed credential is the default user; strict: credentials are checked",
    )
    parser.addini("abeja_emulate", "as --abeja-emulate", type="bool", default=False)
    parser.addini("abeja_auth", "as --abeja-auth", default="open")
    parser.addini("abeja_environment", "NAME=value of every job's variables, one a line", type="linelist")
    parser.addini(
        "abeja_result_dir",
        "'absolute' (default), as the platform's runner passes ABEJA_TRAINING_RESULT_DIR, or 'relative'",
        default="absolute",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start before any conftest.py is imported: they may import handlers, which read variables."""
    _start(early_config, early_config.known_args_namespace)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker; start now if the plugin came too late for the hook before."""
    config.addinivalue_line("markers", MARKER)
    _start(config, config.option)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put everything back."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        del config.stash[_SESSION]
        session.close()


def _start(config: pytest.Config, options: Any) -> None:
    if _SESSION in config.stash:
        return
    wanted = getattr(options, "abeja_emulate", None)
    if not (config.getini("abeja_emulate") if wanted is None else wanted):
        return
    config.stash[_SESSION] = Session(config, options)
    config.pluginmanager.import_plugin("abeja_emulator.pytest_isolation")


class Session:
    """The emulation of a whole test run."""

    def __init__(self, config: pytest.Config, options: Any) -> None:
        self.emulation = make_emulation(config, options)
        self.emulation.start()

    def close(self) -> None:
        """Put everything back."""
        self.emulation.stop()
        self.emulation.platform.close()


def make_emulation(config: pytest.Config, options: Any) -> Emulation:
    """Return an emulation as options and configuration say, not started."""
    from abeja_emulator.emulation import Emulation
    from abeja_emulator.platform import Platform

    auth = getattr(options, "abeja_auth", None) or config.getini("abeja_auth")
    if auth not in {"open", "strict"}:
        message = f"abeja_auth is {auth!r}; it must be open or strict"
        raise pytest.UsageError(message)
    result = config.getini("abeja_result_dir")
    if result not in {"absolute", "relative"}:
        message = f"abeja_result_dir is {result!r}; it must be absolute or relative"
        raise pytest.UsageError(message)
    environment = {}
    for line in config.getini("abeja_environment"):
        name, equals, value = line.partition("=")
        if not equals:
            message = f"abeja_environment: {line!r} is not NAME=value"
            raise pytest.UsageError(message)
        environment[name.strip()] = value.strip()
    return Emulation(Platform(auth=auth), environment=environment, relative_result=result == "relative")


@pytest.fixture
def _abeja_emulation(request: pytest.FixtureRequest) -> Iterator[Emulation]:
    session = request.config.stash.get(_SESSION, None)
    if session is not None:
        yield session.emulation
        return
    emulation = make_emulation(request.config, request.config.option)
    auth = marked(request.node).get("auth")
    if auth:
        emulation.platform.auth = auth
    with emulation.platform, emulation:
        yield emulation


@pytest.fixture
def abeja(_abeja_emulation: Emulation) -> Platform:
    """The emulated platform: `abeja.seed` puts things there, `abeja.look` shows them, `abeja.calls()` lists calls.

    With --abeja-emulate it is there for the whole run and each test gets it back as it was; without,
    it is there for just the test that asks.
    """
    return _abeja_emulation.platform


@pytest.fixture
def abeja_dataset(abeja: Platform, request: pytest.FixtureRequest) -> Callable[..., SeededDataset]:
    """Factory: abeja_dataset(source, name=None, type=None, props=None) creates a dataset and returns its id.

    The source is a folder with one sub-folder for each label, a JSON or YAML file, or a list of
    items. A relative path is looked for from the test's folder upwards, there also in `fixtures/`.
    """
    places = _places(request)

    def make(source: Any, name: str | None = None, **options: Any) -> SeededDataset:
        return abeja.seed.dataset(_found(source, places), name, **options)

    return make


@pytest.fixture
def abeja_context(
    _abeja_emulation: Emulation,
    abeja_dataset: Callable[..., SeededDataset],
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    """The context of a training handler; asking for it makes a job current.

    Variables are set, the result directory is empty. Image, datasets and variables come from
    `@pytest.mark.abeja`; datasets can also be put into the context: `abeja_context["datasets"]["train"] = id`.
    """
    from abeja_emulator.runtime.process import restored_environment

    marks = marked(request.node)
    datasets = {
        alias: source if str(source).isdecimal() else abeja_dataset(source)
        for alias, source in (marks.get("datasets") or {}).items()
    }
    with restored_environment():
        yield _abeja_emulation.make_current(
            image=marks.get("image"), datasets=datasets, environment=marks.get("environment")
        )


@pytest.fixture
def abeja_result_dir(_abeja_emulation: Emulation) -> Path:
    """The result directory of the current job, a `Path`; empty when the test starts."""
    _abeja_emulation.empty_result_dir()
    return _abeja_emulation.result_dir


@pytest.fixture
def abeja_train(
    _abeja_emulation: Emulation,
    abeja_dataset: Callable[..., SeededDataset],
    request: pytest.FixtureRequest,
) -> Callable[..., TrainedJob]:
    """Factory: abeja_train(handler, datasets=None, environment=None, image=None, source=None, …) runs a job.

    The handler is `module:function`, `path/to/train.py:function` or a callable, or the id of a job
    that was made through the API. The job comes back with `status`, `statistics` (a list, and a table
    by stage), `artifacts`, `log`, `exception` and `result_dir`; a handler that raises makes it Failed.
    """
    places = _places(request)
    marks = marked(request.node)

    def train(handler: Any, *, source: Any = None, image: str | None = None, **options: Any) -> TrainedJob:
        from abeja_emulator.runtime.handlers import find_handler

        if isinstance(handler, str) and handler.isdecimal():
            return _abeja_emulation.trainer.run(handler)
        datasets = {**(marks.get("datasets") or {}), **(options.pop("datasets", None) or {})}
        return _abeja_emulation.trainer.train(
            find_handler(handler, places, None if source is None else _found_folder(source, places)),
            image=image or marks.get("image"),
            datasets={alias: value if _is_id(value) else abeja_dataset(value) for alias, value in datasets.items()},
            environment={**(marks.get("environment") or {}), **(options.pop("environment", None) or {})},
            **options,
        )

    return train


def session_emulation(config: pytest.Config) -> Emulation:
    """Return the emulation of the whole run; there is one, because only then isolation is loaded."""
    return config.stash[_SESSION].emulation


def marked(node: Any) -> dict[str, Any]:
    """Return what the markers of a test say, the nearest one winning."""
    found: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("abeja"))):
        unknown = sorted(set(marker.kwargs) - {"image", "datasets", "environment", "auth"})
        if unknown or marker.args:
            given = unknown or list(marker.args)
            message = f"@pytest.mark.abeja takes image, datasets, environment and auth by name, not {given}"
            raise pytest.UsageError(message)
        found.update(marker.kwargs)
    return found


def _is_id(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and value.strip().isdecimal())


def _places(request: pytest.FixtureRequest) -> list[Path]:
    """Return the folders to look in: from the test's own up to the root of the run, and where pytest started."""
    root = request.config.rootpath
    folders = [request.path.parent, *request.path.parent.parents]
    nearest = folders[: folders.index(root) + 1] if root in folders else folders[:1]
    start = request.config.invocation_params.dir
    return list(dict.fromkeys([*nearest, root, start]))


def _found(source: Any, places: list[Path]) -> Any:
    from pathlib import Path

    if not isinstance(source, (str, Path)):
        return source
    for place in places:
        for path in (place / source, place / "fixtures" / source):
            if path.exists():
                return path
    return source


def _found_folder(source: Any, places: list[Path]) -> Path:
    from pathlib import Path

    folder = Path(_found(source, places))
    if not folder.is_dir():
        message = f"source={str(source)!r} is no folder in {', '.join(map(str, places))}"
        raise NotADirectoryError(message)
    return folder
