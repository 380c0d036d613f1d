"""What a model finds in this process while it is imported or asked: a process of its own, as far as it can tell."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.modules import FreshModules
from abeja_emulator.runtime.output import OwnStream, kept_output
from abeja_emulator.runtime.process import restored_environment, restored_process
from abeja_emulator.runtime.randomness import OwnNumbers
from abeja_emulator.runtime.sdk import thawed_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType
    from typing import TextIO

    from typing_extensions import Self

    from abeja_emulator.runtime.output import Log


class Surroundings:
    """Variables, modules, directory, paths of import, output, logging, filters of warnings and random numbers.

    What a model changes of them, when it is imported or later, is there again whenever it is entered, and gone from
    the process in between. Whoever enters has the process to himself.

    Args:
        environment: all variables.
        work: the working directory.
        source: where the model's modules are imported from; None for a function, whose modules stay as they are.
        log: takes what is printed.
        random_seed: seed of `random` and of NumPy's generator.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        work: Path,
        source: Path | None,
        log: Log,
        random_seed: int | None = None,
    ) -> None:
        self._environment = dict(environment)
        self._work = work
        self._modules = None if source is None else _KeptModules(source, work)
        self._log = log
        self._output, self._errors = _Stream("stdout"), _Stream("stderr")
        self._logging = _RootLogger()
        self._numbers = OwnNumbers(random_seed)
        self._path: list[str] | None = None
        self._filters: list[Any] = []

    @contextmanager
    def entered(self, streams: tuple[TextIO, TextIO]) -> Iterator[None]:
        """Be in it for a while.

        Args:
            streams: where output goes besides the log.
        """
        outside = dict(os.environ)
        # What leads children here is of this moment.
        environment = {name: value for name, value in self._environment.items() if not _is_ours(name)}
        environment.update({name: value for name, value in outside.items() if _is_ours(name)})
        with ExitStack() as stack:
            stack.enter_context(restored_environment(environment))
            stack.enter_context(thawed_sdk(environment, outside))
            # Within another model these are its own; else a debugger may put the terminal's there, and they stay.
            if (sys.stdout, sys.stderr) != streams:
                stack.enter_context(redirect_stdout(streams[0]))
                stack.enter_context(redirect_stderr(streams[1]))
            stack.enter_context(kept_output(self._log))
            stack.enter_context(self._output)
            stack.enter_context(self._errors)
            stack.enter_context(restored_process(self._work))
            stack.enter_context(self._logging)
            stack.enter_context(self._kept_filters())
            stack.enter_context(self._numbers.entered())
            if self._modules is not None:
                stack.enter_context(self._modules)
            if self._path is not None:
                sys.path[:] = self._path
            try:
                yield
            finally:
                self._path = list(sys.path)
                self._environment = dict(os.environ)
                self._work = _directory(self._work)

    def close(self) -> None:
        """Close what a model has opened for its log."""
        self._logging.close()

    @contextmanager
    def _kept_filters(self) -> Iterator[None]:
        """Put the filters of warnings that the model has set before all others."""
        before = list(warnings.filters)
        filters: Any = warnings.filters
        filters[:0] = self._filters
        with warnings.catch_warnings():
            # Entering and leaving it lets `warnings` see what was put there.
            pass
        try:
            yield
        finally:
            self._filters = [each for each in warnings.filters if each not in before]


def _is_ours(name: str) -> bool:
    return name.startswith("ABEJA_EMULATOR_")


def _directory(otherwise: Path) -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return otherwise


class _KeptModules:
    """Modules of a model: imported as if for the first time, and the same ones each time it is entered.

    To look through all modules of a process takes a while, so it is only done when some have come or gone since.
    """

    def __init__(self, source: Path, work: Path) -> None:
        self._fresh = FreshModules(source, work)
        self._kept: dict[str, ModuleType] = {}
        self._aside: dict[str, ModuleType] = {}
        self._outside: dict[str, ModuleType] = {}
        self._inside: dict[str, ModuleType] = {}

    def __enter__(self) -> Self:
        outside = dict(sys.modules)
        if _are_same(outside, self._outside):
            for name in self._aside:
                del sys.modules[name]
        else:
            self._fresh.__enter__()
            self._aside = {name: module for name, module in outside.items() if name not in sys.modules}
        sys.modules.update(self._kept)
        self._inside = dict(sys.modules)
        return self

    def __exit__(self, *exception: object) -> None:
        inside = dict(sys.modules)
        if _are_same(inside, self._inside):
            for name in self._kept:
                del sys.modules[name]
        else:
            self._fresh.__exit__()
        sys.modules.update(self._aside)
        self._kept = {name: module for name, module in inside.items() if sys.modules.get(name) is not module}
        self._outside, self._inside = dict(sys.modules), {}


def _are_same(some: dict[str, ModuleType], others: dict[str, ModuleType]) -> bool:
    return len(some) == len(others) and all(others.get(name) is module for name, module in some.items())


class _Stream(OwnStream):
    """A standard stream that a model may keep: while it is entered, it is what was there before, and later what is.

    Args:
        name: `stdout` or `stderr`.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._inside: Any = None

    def pass_on(self, text: str) -> None:
        """Write text, even if the model has closed the stream."""
        self._stream().write(text)

    def __enter__(self) -> Self:
        self._inside = getattr(sys, self._name)
        setattr(sys, self._name, self)
        return self

    def __exit__(self, *exception: object) -> None:
        current = getattr(sys, self._name)
        # A debugger may have put the terminal's own stream there, and a model one of its own, which may hold text yet.
        if current is self:
            setattr(sys, self._name, self._inside)
        else:
            with suppress(Exception):
                current.flush()
        self._inside = None

    def _stream(self) -> Any:
        return self._inside or getattr(sys, self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


class _RootLogger:
    """The handlers and the level of the root logger, as a model has set them."""

    def __init__(self) -> None:
        self._handlers: list[logging.Handler] = []
        self._level: int | None = None

    def __enter__(self) -> Self:
        root = logging.getLogger()
        root.handlers += self._handlers
        if self._level is not None:
            root.setLevel(self._level)
        return self

    def __exit__(self, *exception: object) -> None:
        root = logging.getLogger()
        # Taken out, so that nobody closes them who restores the process.
        self._handlers, root.handlers[:] = list(root.handlers), []
        self._level = root.level

    def close(self) -> None:
        """Close the handlers."""
        for handler in self._handlers:
            handler.close()
        self._handlers = []
