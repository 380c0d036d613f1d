"""What a job may change of the process it runs in, and how it is put back."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
    """Change to `work` and restore at the end: directory, `sys.path`, arguments, signal handlers, logging.

    Imports find modules in the current directory first, as the runner's launcher arranges it, and
    leave no bytecode: a module that changes twice within a second would be taken from the old one.
    """
    folder = os.getcwd()  # noqa: PTH109 - a string, to be restored under pyfakefs too
    path, arguments, bytecode = list(sys.path), list(sys.argv), sys.dont_write_bytecode
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    handled = _signal_handlers()
    os.chdir(work)
    sys.path.insert(0, "")
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        sys.argv[:] = arguments
        sys.dont_write_bytecode = bytecode
        root.setLevel(level)
        root.handlers[:] = handlers
        for number, handler in handled.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _signal_handlers() -> dict[signal.Signals, signal._HANDLER]:
    # Only the main thread may set a handler, and one that C code installed (None) cannot be set at all.
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {
        signal.Signals(number): handler
        for number, handler in found.items()
        if handler is not None and isinstance(number, signal.Signals)
    }


def _set_environment(environment: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
