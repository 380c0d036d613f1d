"""A model in this process: its exceptions, what it prints, how it ends; its answers are in `test_conversions`."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import socket
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.images import ModelCalling
from abeja_emulator.serving.hints import hint_for
from abeja_emulator.serving.in_process import InProcessModel, RuntimeMissing
from abeja_emulator.serving.messages import ModelGone, ModelRequest
from tests.serving.models import asking

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

pytest.importorskip("abejaruntime36.version", reason="the published runtime is not installed")


@pytest.fixture(autouse=True)
def nothing_left(disk: Path) -> Any:
    """Whatever happens, no file is left."""
    yield
    assert list(disk.iterdir()) == []


def test_its_exception_is_there() -> None:
    """That of the handler, and that of an answer that cannot be made into bytes; none after a request without."""
    error = ValueError("why")

    def handler(request: Any, context: Any) -> Any:
        text = request.read()
        if text == b"raise":
            raise error
        return {"content": object() if text == b"object" else "fine"}

    with InProcessModel(handler) as model:
        assert model.ask(asking("raise")).status == 500
        assert model.exception is error
        assert model.ask(asking("object")).status == 500
        assert isinstance(model.exception, TypeError)
        assert model.ask(asking("")).body == b"fine"
        assert model.exception is None


def test_what_the_runtime_logs_is_output_of_the_moment() -> None:
    """Not of the moment in which it was imported; the handler's own too."""

    def handler(request: Any, context: Any) -> Any:
        print("from the handler")
        raise ValueError("why")  # noqa: EM101 - a user's

    for _ in range(2):
        with redirect_stdout(io.StringIO()) as stream:
            InProcessModel(handler).ask(asking(""))
        output = stream.getvalue()
        assert output.startswith("from the handler\nERROR: unexpected error occurred in user model.\nTraceback")
        assert output.endswith("ValueError: why\n")
        assert output.count("ValueError: why") == 1


@pytest.mark.parametrize("calling", ModelCalling)
@pytest.mark.parametrize("raised", [KeyboardInterrupt, pytest.skip.Exception, pytest.fail.Exception])
def test_what_is_the_persons_goes_through(calling: ModelCalling, raised: type[BaseException]) -> None:
    """Ctrl-C, a skip and a failure of pytest; the model goes on."""
    raising = [True]

    def handler(request: Any, context: Any) -> Any:
        if raising:
            raise raised
        return {} if calling is ModelCalling.RUNTIME else iter(())

    model = InProcessModel(handler, calling=calling)
    request = ModelRequest("POST", "application/json")
    with pytest.raises(raised):
        model.ask(request)
    raising.clear()
    assert model.ask(request).status == 200


@pytest.mark.parametrize("calling", ModelCalling)
def test_a_handler_that_exits_ends_the_model(calling: ModelCalling) -> None:
    """As it ends the process in a child."""

    def handler(request: Any, context: Any) -> Any:
        sys.exit(3)

    model = InProcessModel(handler, calling=calling)
    request = ModelRequest("POST", "application/json")
    for _ in range(2):
        with pytest.raises(ModelGone, match=r"its handler ended the process with sys.exit\(3\)"):
            model.ask(request)


def in_own_loop(five: Coroutine[Any, Any, int]) -> int:
    """Run it in a loop behind which there is nothing of the system."""
    with closing(asyncio.BaseEventLoop()) as loop:
        return loop.run_until_complete(five)


RUNS_A_LOOP: dict[str, Callable[[Coroutine[Any, Any, int]], int]] = {
    "run": asyncio.run,
    "own loop": in_own_loop,
    "current loop": lambda five: asyncio.get_event_loop().run_until_complete(five),
}


async def five() -> int:
    """Return 5."""
    return 5


@pytest.mark.parametrize("blocked", [False, True], ids=["", "sockets blocked"])
@pytest.mark.parametrize("how", RUNS_A_LOOP)
def test_a_loop_runs_already_as_in_a_child(
    how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, blocked: bool
) -> None:
    """In a thread of its own a handler may run one; afterwards none runs here."""
    if blocked:

        class Blocked(socket.socket):
            def __new__(cls, *_: Any, **__: Any) -> Any:
                message = "a test has blocked sockets"
                raise RuntimeError(message)

        monkeypatch.setattr(socket, "socket", Blocked)
    never_awaited = five()
    model = InProcessModel(lambda *_: {"content": RUNS_A_LOOP[how](never_awaited)})
    assert model.ask(asking("")).status == 500
    never_awaited.close()
    assert isinstance(model.exception, RuntimeError)
    hint = hint_for(model.exception, ModelCalling.RUNTIME, tmp_path)
    assert hint is not None
    assert "within its own event loop" in hint
    monkeypatch.undo()

    def in_thread(request: Any, context: Any) -> dict[str, Any]:
        with ThreadPoolExecutor(1) as pool:
            return {"content": pool.submit(asyncio.run, five()).result()}

    assert InProcessModel(in_thread).ask(asking("")).body == b"5"
    assert asyncio.run(five()) == 5


def test_an_asynchronous_test_asks_within_its_own_loop() -> None:
    """It runs on afterwards."""

    async def ask() -> tuple[int, int]:
        return InProcessModel(lambda *_: {}).ask(asking("")).status, await five()

    assert asyncio.run(ask()) == (200, 5)


def test_a_closed_model_answers_no_more() -> None:
    """It says so."""
    model = InProcessModel(lambda *_: {})
    model.close()
    with pytest.raises(ModelGone, match="the model was closed"):
        model.ask(asking(""))


def test_an_answer_that_cannot_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    """The runtime closes the connection; its file is gone, and the log says why as asyncio does in a child."""
    model = InProcessModel(lambda *_: {"content": "x", "metadata": {"a": object()}})
    with pytest.raises(ModelGone, match="closed the connection without an answer: TypeError: Object of type object"):
        model.ask(asking(""))
    assert isinstance(model.exception, TypeError)
    assert "Fatal error: protocol.data_received() call failed." in caplog.text


def test_filters_of_the_handler_stay() -> None:
    """They are the test's to put back, as those of any function that it calls."""

    def handler(request: Any, context: Any) -> Any:
        warnings.simplefilter("ignore", ResourceWarning)
        return {"content": "x"}

    with warnings.catch_warnings():
        InProcessModel(handler).ask(asking(""))
        assert warnings.filters[0][:3] == ("ignore", None, ResourceWarning)


def test_two_threads_have_their_own_exceptions() -> None:
    """Those of answers, which only the log of the runtime tells, too."""
    both = threading.Barrier(2)

    def make(key: str) -> InProcessModel:
        def handler(request: Any, context: Any) -> Any:
            both.wait(60)
            return {"content": {key: {1}}} if key == "a" else {"content": {(key,): 1}}

        return InProcessModel(handler)

    models = [make("a"), make("b")]
    threads = [threading.Thread(target=model.ask, args=(asking(""),)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [str(model.exception).partition(" ")[0] for model in models] == ["Object", "keys"]


def test_it_leaves_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of warnings, handlers of the runtime's logger, and `CONTEXT`, which may be of somebody else."""
    # The runtime that other tests have, with its logger, is there again afterwards.
    InProcessModel(lambda *_: {})
    monkeypatch.setenv("CONTEXT", "no JSON")
    for name in [name for name in sys.modules if name.startswith("abejaruntime36")]:
        monkeypatch.delitem(sys.modules, name)
    logger = logging.getLogger("runtime")
    monkeypatch.setattr(logger, "handlers", [])
    filters = list(warnings.filters)
    seen: list[Any] = []

    def handler(request: Any, context: Any) -> Any:
        seen.append(context)
        return {}

    model = InProcessModel(handler, {"own": 1})
    handlers = list(logger.handlers)
    assert model.ask(asking("")).status == 200
    assert seen == [{"own": 1}]
    assert (list(warnings.filters), logger.handlers) == (filters, handlers)
    assert os.environ["CONTEXT"] == "no JSON"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("abejaruntime36", "abejaruntime, which calls model handlers, is not installed in {}; install it: {} -m pip"),
        ("cgi", "abejaruntime needs the module cgi, which Python {}.{} has no more"),
        ("numpy", "; install it: {} -m pip install numpy"),
    ],
)
def test_without_the_runtime(monkeypatch: pytest.MonkeyPatch, name: str, what: str) -> None:
    """The error says what to install, and is an ImportError; handlers of images up to 18.10 need none of it."""
    for module in [module for module in sys.modules if module.startswith("abejaruntime36")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(logging.getLogger("runtime"), "handlers", [])
    with pytest.raises(ImportError) as raised:
        InProcessModel(lambda *_: {})
    assert raised.type is RuntimeMissing
    version = sys.version_info[:2] if name == "cgi" else [sys.executable] * 2
    assert what.format(*version) in str(raised.value)
    assert (raised.value.name or "").partition(".")[0] == name
    InProcessModel(lambda *_: {}, calling=ModelCalling.ITERATOR)
