"""Tracebacks as whoever wrote a handler wants to see them."""

from __future__ import annotations

import importlib
import runpy
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_PACKAGE = Path(__file__).parents[1]

#: Folder of the runtime that the platform has published for models.
_RUNTIME = "abejaruntime36"


def user_traceback(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the user's own frames on: above them are ours, the runtime's and the import system's."""
    while trace is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def shown_traceback(error: BaseException) -> str:
    """Return an exception as Python shows it, from the user's own frames on."""
    return "".join(traceback.format_exception(type(error), error, user_traceback(error.__traceback__)))


def _is_machinery(file: str) -> bool:
    if file.startswith(("<frozen importlib", "<frozen runpy")) or file in {importlib.__file__, runpy.__file__}:
        return True
    folders = Path(file).parents
    # Sample handlers are below, too, where the package is installed.
    if _PACKAGE in folders:
        return _PACKAGE / "samples" not in folders
    return any(folder.name == _RUNTIME for folder in folders)
