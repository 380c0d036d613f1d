"""Models of the tests: a handler that answers what it is asked to, and the folder it is started in."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from abeja_emulator.clock import Clock
from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.serving.messages import ModelAnswer, ModelContent, ModelGone, ModelRequest
from abeja_emulator.serving.model_process import ModelProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.services.training.records import LogLine
    from abeja_emulator.serving.messages import Model

#: Evaluates an expression: the header `x-answer`, or else the body.
RUNTIME = """
import array, collections, datetime, http, io, os, signal, sys, time
try:
    import numpy
except ImportError:
    numpy = None

def say(text):
    print(text)
    return {}

def throw(error):
    raise error

def parts(request):
    kinds = "content_type", "metadata", "file_name", "form_name"
    return [[part[kind] for kind in kinds] + [part.read().decode()] for part in request["contents"]]

def handler(request, context):
    text = request["http_headers"]["x-answer"] or request.read().decode()
    return eval(text, globals(), {"request": request, "context": context})
"""

#: The same for images up to 18.10: the expression is the element `say` of JSON, or what is done with an image.
ITERATOR = """
import os, sys

def throw(error):
    raise error

def stop():
    return
    yield

def handler(inputs, context):
    detected = "http_method" in inputs
    for value in inputs:
        expression = value["say"] if isinstance(value, dict) and "say" in value else "[value]"
        for result in eval(expression, globals(), {"value": value, "context": context, "detected": detected}):
            yield result

def returning(inputs, context):
    return {"status_code": 200}
"""


@dataclass
class Lines:
    """Takes a log.

    Attributes:
        found: the lines so far.
        news: notified of each batch.
    """

    found: list[LogLine] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, lines: list[LogLine]) -> None:
        """Take lines."""
        with self.news:
            self.found += lines
            self.news.notify_all()


@dataclass
class Served:
    """A model in a process of its own.

    Attributes:
        process: the model.
        folder: where it may leave files.
        lines: what it has logged so far.
    """

    process: ModelProcess
    folder: Path
    lines: Lines

    @property
    def log(self) -> list[str]:
        """Messages of the log."""
        return [line.message for line in self.lines.found]

    def await_line(self, text: str) -> None:
        """Wait until it has logged a line."""
        with self.lines.news:
            assert self.lines.news.wait_for(lambda: text in self.log, 60), self.log


def start(folder: Path, text: str, *, variables: dict[str, str] | None = None, **options: Any) -> Served:
    """Start a process whose `main.py` is a text, without waiting for it."""
    source, room = folder / "source", folder / "room"
    source.mkdir(parents=True, exist_ok=True)
    room.mkdir(exist_ok=True)
    (source / "main.py").write_text(text)
    lines = Lines()
    python = options.pop("python", sys.executable)
    environment = {**os.environ, **(variables or {})}
    clock = options.pop("clock", None) or Clock()
    return Served(ModelProcess(python, source, room, environment, lines.take, clock, **options), room, lines)


def loaded(folder: Path, text: str, name: str = "handler") -> Callable[[Any, Any], Any]:
    """Return a function of a module whose text this is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model_of_tests.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("model_of_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)  # type: ignore[no-any-return]


def asking(expression: str, *contents: ModelContent) -> ModelRequest:
    """Return a request for the answer that an expression says; as its body, or beside other contents."""
    if not contents:
        return ModelRequest("POST", "text/plain", (), (ModelContent(expression.encode(), "text/plain"),))
    return ModelRequest("POST", str(contents[0].content_type), (("x-answer", (expression,)),), contents)


def json_of(text: str) -> ModelRequest:
    """Return a request whose body is JSON."""
    return ModelRequest("POST", "application/json", (), (ModelContent(text.encode(), "application/json"),))


def outcome(model: Model, request: ModelRequest) -> ModelAnswer | str:
    """Return the answer, or why there was none, in one word."""
    try:
        return model.ask(request)
    except ModelGone as error:
        return str(error).partition(":")[0]


__all__ = ["ITERATOR", "RUNTIME", "ModelCalling", "Served", "asking", "json_of", "loaded", "outcome", "start"]
