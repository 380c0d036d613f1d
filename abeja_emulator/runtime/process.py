"""What a job may change of the process it runs in, and how it is put back."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.workers import own_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


@contextmanager
def restored_environment(environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Replace the environment by `environment`, or leave it, and put the old one back at the end."""
    before = dict(os.environ)
    if environment is not None:
        _set_environment(environment)
    try:
        yield
    finally:
        _set_environment(before)


@contextmanager
def restored_process(work: Path) -> Iterator[None]:
    """Change to `work` and restore at the end what a job finds as in a process of its own.

    That is the directory, `sys.path`, arguments, signal handlers, warning filters, the root logger, and what
    `multiprocessing` keeps for workers.
    Imports find modules in the current directory first, as the runner's launcher arranges it, and
    leave no bytecode: a module that changes twice within a second would be taken from the old one.
    """
    with ExitStack() as stack:
        stack.enter_context(_restored_signals())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(_restored_imports())
        stack.enter_context(_root_logger_of_its_own())
        stack.callback(os.chdir, os.getcwd())  # noqa: PTH109 - a string, to be restored under pyfakefs too
        os.chdir(work)
        stack.enter_context(own_workers(work))
        yield


@contextmanager
def _restored_imports() -> Iterator[None]:
    lists = (sys.path, list(sys.path)), (sys.argv, list(sys.argv))
    bytecode = sys.dont_write_bytecode
    sys.path.insert(0, "")
    # The arguments of pytest are not the job's; the launcher passes none.
    del sys.argv[1:]
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        # A handler may have put other lists there.
        (sys.path, path), (sys.argv, arguments) = lists
        sys.path[:], sys.argv[:] = path, arguments
        sys.dont_write_bytecode = bytecode


@contextmanager
def _restored_signals() -> Iterator[None]:
    handled = _signal_handlers()
    try:
        yield
    finally:
        for number, handler in handled.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _signal_handlers() -> dict[signal.Signals, Callable[..., Any] | int | signal.Handlers]:
    # Only the main thread may set a handler, and one that C code installed (None) cannot be set at all.
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {
        signal.Signals(number): handler
        for number, handler in found.items()
        if handler is not None and isinstance(number, signal.Signals)
    }


@contextmanager
def _root_logger_of_its_own() -> Iterator[None]:
    """Give a job a root logger without handlers, as a new process has, so that `logging.basicConfig` works.

    The handlers there were, such as pytest's, hang on a logger above the root meanwhile, and see the same
    records as ever.
    """
    root = logging.getLogger()
    level, handlers, parent, disabled = root.level, list(root.handlers), root.parent, root.manager.disable
    above = logging.Logger("above root")  # noqa: LOG001 - one that nobody finds
    above.handlers = [_Above(handlers)]
    root.handlers[:], root.parent = [], above
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.parent = handlers, parent
        root.setLevel(level)
        logging.disable(disabled)


class _Above(logging.Handler):
    """Passes records on to handlers, and to the last resort of `logging` where it would be used without them."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle `record`."""
        last = [logging.lastResort] if logging.lastResort is not None and not _is_handled(record.name) else []
        for handler in [*self._handlers, *last]:
            if record.levelno >= handler.level:
                handler.handle(record)
        return True


def _is_handled(name: str) -> bool:
    """Return whether the logger of that name, or one it propagates to, has a handler of its own."""
    root = logging.getLogger()
    logger = root if name == root.name else root.manager.loggerDict.get(name)
    while isinstance(logger, logging.Logger):
        if logger.handlers:
            return True
        if logger is root or not logger.propagate:
            break
        logger = logger.parent
    return False


def _set_environment(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
