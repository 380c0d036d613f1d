"""What to do about the mistakes that are made at first."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.runtime.tracebacks import user_traceback

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

#: What asyncio says when a loop is to run within another one.
_IN_LOOP = re.compile(
    r"cannot be called from a running event loop|while another loop is running|loop is already running"
)

#: Names of a folder that are shown.
_NAMED = 10


def hint_for(
    error: BaseException, calling: ModelCalling, result: Path, function: Callable[..., Any] | None = None
) -> str | None:
    """Return what to do about an error of a model handler, or None.

    Args:
        error: what it raised, when it was imported or called, or what the runtime did of its answer.
        calling: how the image calls it.
        result: the result directory.
        function: the handler, unless its import has failed.
    """
    text = str(error)
    if isinstance(error, TypeError):
        hint = _hint_for_type_error(error, calling, function)
        if hint is not None:
            return hint
    if isinstance(error, RuntimeError) and _IN_LOOP.search(text):
        return (
            "the runtime calls a handler within its own event loop, on the platform too: run another one in a thread "
            "that the handler starts, such as one of a ThreadPoolExecutor"
        )
    if str(result) in text:
        return hint_for_result(result, "result_dir=, the job that abeja_train returned or a folder")
    return None


def hint_for_result(result: Path, where: str) -> str:
    """Return what to do about a model that does not find its files.

    Args:
        result: the result directory.
        where: how to say where the model is.
    """
    names = sorted(path.name for path in result.iterdir()) if result.is_dir() else []
    there = ", ".join(names[:_NAMED]) or "nothing"
    return f"ABEJA_TRAINING_RESULT_DIR is {result}, and holds {there}; say where the model is: {where}"


def _hint_for_type_error(error: TypeError, calling: ModelCalling, function: Callable[..., Any] | None) -> str | None:
    text = str(error)
    old = calling is ModelCalling.ITERATOR
    if "but 2 were given" in text and user_traceback(error.__traceback__) is None:
        takes = "iterator" if old else "request"
        return f"a model handler is called with two arguments, handler({takes}, context); one of a job with one"
    if "response of user-model is not dict" in text:
        if inspect.isgeneratorfunction(function):
            return (
                "images from 19.04 on take what a handler returns, and this one yields: return a dict, or run it "
                "as its image does, with image='abeja-inc/all-cpu:18.10'"
            )
        return "a model handler returns a dict, such as {'content': {'a': 1}, 'content_type': 'application/json'}"
    if "'Inputs' object is not subscriptable" in text:
        return (
            "images up to 18.10 call a handler with an iterator of inputs: write 'for data in iterator', or run "
            "this one as its image does, with image='abeja-inc/all-cpu:19.10'"
        )
    return None
