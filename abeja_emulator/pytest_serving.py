"""From what a test asks of `abeja_serve` to a served model, with a sentence for what cannot be; and its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from abeja_emulator.pytest_jobs import check_handler, check_mapping, check_names, check_text
from abeja_emulator.pytest_places import Places
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.runtime.handlers import find_handler
from abeja_emulator.runtime.job import TrainedJob
from abeja_emulator.serving.local_services import LocalServices
from abeja_emulator.transports.child_threads import ChildThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    #: Is called at an end.
    Finalizer = Callable[[], object]

    from typing_extensions import Self

    from abeja_emulator.emulation import Emulation
    from abeja_emulator.serving.served import Served

#: What `abeja_serve` takes by name.
OPTIONS = ("result_dir", "environment", "image", "source", "context")

#: Heading of the section of a failing test, before the name of the handler.
TITLE = "ABEJA Platform: served model"

#: Under this name the plugin is registered.
PLUGIN = "abeja_emulator_serving"

#: What handlers have raised: the heading, what was asked, and how the exception reads.
_RAISED = pytest.StashKey["list[tuple[str, str, str]]"]()


class Result(NamedTuple):
    """A result directory, and which job has made what is there, if one has."""

    folder: Path
    job_id: str | None = None


class ServedModels:
    """The models that a run, or a test, serves.

    Args:
        config: of the run.
        emulation: where they are served.
        current: returns the test that is running.
    """

    def __init__(self, config: pytest.Config, emulation: Emulation, current: Callable[[], pytest.Item]) -> None:
        if not config.pluginmanager.has_plugin(PLUGIN):
            config.pluginmanager.register(Scopes(), PLUGIN)
        scopes: Any = config.pluginmanager.get_plugin(PLUGIN)
        self._scopes: Scopes = scopes
        self._config = config
        self._emulation = emulation
        self._current = current
        self._stack = ExitStack()
        self._services = LocalServices(
            emulation.platform,
            emulation.result_dir.parent / "served",
            api_url=emulation.platform.credentials()["ABEJA_API_URL"],
            watch=ChildThreads,
            random_seed=emulation.random_seed,
        )

    def serve(self, handler: Any, options: dict[str, Any], marks: Mapping[str, Any]) -> Served:
        """Serve a model until the end of the test, or of the fixture that asks: options lie over what the marker says.

        Args:
            handler: `module:function`, a path, or a callable.
            options: of `OPTIONS`.
            marks: what `@pytest.mark.abeja` says.

        Raises:
            TypeError: when an option is none, or of the wrong type.
            FileNotFoundError: when a folder is nowhere.
            NotADirectoryError: when it is something else.
            HandlerError: when the handler is nowhere.
            Exception: whatever its module raises.
        """
        __tracebackhide__ = True
        check_options(options)
        check_handler(handler)
        places = Places(self._config, self._current().path)
        source = options.get("source")
        result = self._result(options.get("result_dir"), places)
        served = self._services.serve(
            find_handler(handler, places.folders, None if source is None else places.find_folder(source)),
            image=options.get("image") or marks.get("image") or self._emulation.image,
            result=result.folder,
            job_id=result.job_id,
            environment={**(marks.get("environment") or {}), **(options.get("environment") or {})},
            context=options.get("context"),
            on_exception=self._note,
        )
        self._scopes.add_finalizer(served.close, self._stack.callback)
        return served

    def _result(self, given: Any, places: Places) -> Result:
        """Return what `result_dir=` means; without it, the result directory of the current job."""
        __tracebackhide__ = True
        if given is None:
            return Result(self._emulation.result_dir, self._emulation.job.training_job_id)
        if isinstance(given, TrainedJob):
            if not given.result_dir.is_dir():
                message = f"result_dir={given!r}: the job has left no result; its log ends: {given.log[-500:]}"
                raise FileNotFoundError(message)
            return Result(given.result_dir, given.id)
        try:
            return Result(places.find_folder(given).resolve())
        except NotADirectoryError:
            message = f"result_dir={str(given)!r} is no folder; name the folder that the file is in"
            raise NotADirectoryError(message) from None
        except (FileNotFoundError, ValueError) as error:
            message = f"result_dir={str(given)!r}: {str(error).replace('source=', '', 1)}"
            raise type(error)(message) from None

    def _note(self, served: Served, asked: str, shown: str) -> None:
        if isinstance(served.exception, pytest.exit.Exception):
            # Somebody has left the debugger; an `Exception` for the runtime, but none of the handler's.
            raise served.exception
        redact = Redaction(self._emulation.platform.secrets())
        raised = self._current().stash.setdefault(_RAISED, [])
        raised.append((f"{TITLE} {served.name}", redact(asked), redact(shown)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


class Scopes:
    """A plugin that knows which fixture is being set up, and shows in a report what handlers have raised."""

    def __init__(self) -> None:
        self._fixtures: list[pytest.FixtureDef[Any]] = []
        self._item: pytest.Item | None = None

    def add_finalizer(self, finalizer: Finalizer, otherwise: Callable[[Finalizer], object]) -> None:
        """Call something at the end of the fixture that is being set up, or of the test that runs.

        Args:
            finalizer: is called.
            otherwise: is told of it when neither is known.
        """
        if self._fixtures:
            self._fixtures[-1].addfinalizer(finalizer)
        elif self._item is not None:
            self._item.addfinalizer(finalizer)
        else:
            otherwise(finalizer)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Note a fixture while it is set up."""
        self._fixtures.append(fixturedef)
        try:
            return (yield)
        finally:
            self._fixtures.pop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Note a test while it runs."""
        self._item = item
        try:
            return (yield)
        finally:
            self._item = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Add to the report of a failure what handlers have raised, of which an answer says no more than 500."""
        report: Any = yield
        if report.failed:
            printed = report.capstdout if item.config.getoption("showcapture") in {"all", "stdout"} else ""
            for title, asked, shown in item.stash.get(_RAISED, []):
                report.sections.append((title, _unprinted(asked, shown, printed)))
        return report


def _unprinted(asked: str, shown: str, printed: str) -> str:
    """Return what a section says of an exception: the traceback only where the captured output does not have it."""
    traceback, mark, hint = shown.partition("\nabeja-emulator: ")
    lines = traceback.strip().splitlines()
    if len(lines) > 1 and traceback.strip() in printed:
        return f"{asked}, see the captured stdout: {lines[-1]}{mark}{hint}"
    return f"{asked}:\n{shown}"


def check_options(options: Mapping[str, Any]) -> None:
    """Check what `abeja_serve` was given by name.

    Raises:
        TypeError: when it is none of `OPTIONS`, or of the wrong type.
    """
    __tracebackhide__ = True
    check_names("abeja_serve takes a handler", options, OPTIONS)
    check_mapping("abeja_serve(environment=…)", "environment", options.get("environment"))
    check_text("abeja_serve(image=…)", options.get("image"))
    if not isinstance(options.get("result_dir"), (str, Path, TrainedJob, type(None))):
        message = f"abeja_serve(result_dir=…) must be a folder or a job of abeja_train, not {options['result_dir']!r}"
        raise TypeError(message)
    _check_context(options.get("context"))


def _check_context(context: Any) -> None:
    __tracebackhide__ = True
    where = "abeja_serve(context=…)"
    if context is None:
        return
    if not isinstance(context, Mapping):
        message = f"{where} must be a mapping such as {{'threshold': 0.5}}, not {context!r}"
        raise TypeError(message)
    try:
        json.dumps(dict(context))
    except (TypeError, ValueError) as error:
        message = f"{where} is {context!r}, and must be what JSON can say, as the variable CONTEXT does: {error}"
        raise TypeError(message) from None
