"""The pytest plugin: `pytest --abeja-emulate`. A run without it imports nothing but this file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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


def _start(config: pytest.Config, options: Any) -> None:
    settings = Settings.of(config, options)
    if _SESSION in config.stash or not settings.emulate:
        return
    session = config.stash[_SESSION] = Session(settings)
    # And not pytest_unconfigure, which is not called when a conftest.py cannot be imported.
    config.add_cleanup(session.close)
    config.pluginmanager.import_plugin("abeja_emulator.pytest_isolation")


class Settings(NamedTuple):
    """What options and configuration say."""

    emulate: bool
    auth: Any
    environment: dict[str, str]
    relative_result: bool

    @classmethod
    def of(cls, config: pytest.Config, options: Any) -> Settings:
        """Read them.

        Raises:
            UsageError: when the configuration holds something that cannot be.
        """
        try:
            emulate = config.getini("abeja_emulate")
        except (ValueError, pytest.UsageError) as error:
            message = f"abeja_emulate: {error}; it must be true or false"
            raise pytest.UsageError(message) from error
        if getattr(options, "abeja_emulate", None) is not None:
            emulate = options.abeja_emulate
        auth = getattr(options, "abeja_auth", None) or config.getini("abeja_auth")
        _check("abeja_auth", auth, "open", "strict")
        result = config.getini("abeja_result_dir")
        _check("abeja_result_dir", result, "absolute", "relative")
        environment = dict(_variable(line) for line in config.getini("abeja_environment"))
        return cls(emulate, auth, environment, result == "relative")


def _check(name: str, value: Any, one: str, other: str) -> None:
    if value not in {one, other}:
        message = f"{name} is {value!r}; it must be {one} or {other}"
        raise pytest.UsageError(message)


def _variable(line: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in line.partition("="))
    if not equals or not (name.isascii() and name.isidentifier()):
        message = f"abeja_environment: {line!r} is not NAME=value, with letters, digits and _ in the name only"
        raise pytest.UsageError(message)
    return name, value


class Session:
    """The emulation of a whole test run."""

    def __init__(self, settings: Settings) -> None:
        self.emulation = make_emulation(settings)
        try:
            self.emulation.start()
        except BaseException:
            self.emulation.platform.close()
            raise

    def close(self) -> None:
        """Put everything back."""
        self.emulation.stop()
        self.emulation.platform.close()


def make_emulation(settings: Settings) -> Emulation:
    """Return an emulation that fits the settings, not started."""
    from abeja_emulator.emulation import Emulation
    from abeja_emulator.platform import Platform

    return Emulation(
        Platform(auth=settings.auth), environment=settings.environment, relative_result=settings.relative_result
    )


@pytest.fixture
def _abeja_emulation(request: pytest.FixtureRequest) -> Iterator[Emulation]:
    session = request.config.stash.get(_SESSION, None)
    if session is not None:
        yield session.emulation
        return
    auth = marked(request.node).get("auth")
    emulation = make_emulation(Settings.of(request.config, request.config.option))
    emulation.platform.auth = auth or emulation.platform.auth
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
        alias: source if _is_id(source) else abeja_dataset(source)
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
        from abeja_emulator.runtime.images import Calling, calling_of

        if _is_id(handler):
            given = [name for name, value in {"source": source, "image": image, **options}.items() if value is not None]
            if given:
                message = f"job {handler} was made through the API and has all of its own; {given} cannot be given now"
                raise TypeError(message)
            return _abeja_emulation.trainer.run(str(handler))
        image = image or marks.get("image")
        folder = None if source is None else _found_folder(source, places)
        script = image is not None and calling_of(image) is Calling.SCRIPT
        datasets = {**(marks.get("datasets") or {}), **(options.pop("datasets", None) or {})}
        return _abeja_emulation.trainer.train(
            find_handler(handler, places, folder, script=script),
            image=image,
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
        if marker.kwargs.get("auth") not in {None, "open", "strict"}:
            message = f"@pytest.mark.abeja(auth={marker.kwargs['auth']!r}): it must be open or strict"
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
    message = f"there is no {str(source)!r}, nor fixtures/{source}, in {', '.join(map(str, places))}"
    raise FileNotFoundError(message)


def _found_folder(source: Any, places: list[Path]) -> Path:
    from pathlib import Path

    folder = Path(_found(source, places))
    if not folder.is_dir():
        message = f"source={str(source)!r} is {folder}, which is no folder"
        raise NotADirectoryError(message)
    return folder
