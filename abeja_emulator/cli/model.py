"""`model serve`: one model handler on a port of this machine, without a platform's service around it."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.execution import options_of
from abeja_emulator.cli.exits import DONE, INTERRUPTED, USAGE, CommandError
from abeja_emulator.cli.handler_check import check_handler
from abeja_emulator.cli.kept import RESULT, is_kept
from abeja_emulator.cli.listening import start
from abeja_emulator.cli.local_model import LocalModel
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.result_hint import ResultHint
from abeja_emulator.cli.showing import logged
from abeja_emulator.cli.signals import Signals
from abeja_emulator.platform import Platform
from abeja_emulator.report.summary import seconds
from abeja_emulator.services.images import DEFAULT_IMAGE
from abeja_emulator.serving.proxy import HEALTH_CHECK
from abeja_emulator.transports.child.abeja_emulator_child import join_host
from abeja_emulator.transports.children import child_environment
from abeja_emulator.transports.loopback import Loopback

if TYPE_CHECKING:
    import argparse

    from abeja_emulator.services.training.records import LogLine
    from abeja_emulator.serving.proxy import Proxy
    from abeja_emulator.wire.messages import Request, Response, Spool

HOST = "127.0.0.1"

#: Where the platform is for whoever does not know that it is here.
PLATFORM_HOST = "api.abeja.io"


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    if arguments.action is None:
        message = "say what to do with the model: abeja-emulator model serve module:function; see its --help"
        raise CommandError(message, USAGE)
    output = Output(json=arguments.json)
    source = _folder("--source", arguments.source, "the one that your handler is in")
    given = arguments.result_dir
    result = None if given is None else _folder("--result-dir", given, "the one that the model's files are in")
    if result is not None and is_kept(result):
        message = f"--result-dir {given} has all that a run has kept; the model's files are in {Path(given) / RESULT}"
        raise CommandError(message, USAGE)
    options = options_of(arguments)
    image = arguments.image or DEFAULT_IMAGE
    check_handler(arguments.handler, source, options, image, is_model=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="abeja-emulator-model-")))
        platform = stack.enter_context(Platform())
        # A model may call the platform, and must not reach the real one.
        api = stack.enter_context(Loopback(platform))
        addresses = (PLATFORM_HOST, join_host(*api.address))
        signals = stack.enter_context(Signals())
        place = result or folder / "result"
        hint = ResultHint(place, output.remark)

        def sink(lines: list[LogLine]) -> None:
            _show(lines, output)
            hint.look(lines)

        model = LocalModel(
            platform,
            folder,
            handler=arguments.handler,
            image=image,
            source=source,
            result=place,
            variables=dict(arguments.env),
            api_url=api.url,
            environment={**os.environ, **child_environment(api.address, addresses, arguments.allow_host)},
            sink=sink,
            say=output.remark,
            instance_type=arguments.instance_type,
            signals=signals,
            options=options,
        )
        loopback = Loopback(_Application(model.proxy, platform, output), HOST, arguments.port)
        stack.callback(loopback.stop)
        stack.callback(model.close)
        # Before the model is loaded, which takes its time: a port that is taken is known at once.
        start(loopback, HOST, arguments.port)
        output.remark(f"loading {arguments.handler}")
        model.start()
        output.line(loopback.url)
        output.document({"event": "serving", "url": loopback.url, "handler": arguments.handler})
        output.remark(f"{arguments.handler} answers at {loopback.url}/; Ctrl-C ends it")
        model.keep()
    return DONE if signals.number == signal.SIGTERM else INTERRUPTED


def _folder(option: str, name: str, which: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        message = f"{option} {name} is no folder; name {which}"
        raise CommandError(message, USAGE)
    return folder.resolve()


def _show(lines: list[LogLine], output: Output) -> None:
    for line in lines:
        shown = {"timestamp": line.timestamp, "level": line.log_level, "message": line.message}
        output.line(logged(shown))
        output.document({"event": "log", **shown})


class _Application:
    """A proxy as an application, whose answers are shown."""

    def __init__(self, proxy: Proxy, platform: Platform, output: Output) -> None:
        self._proxy = proxy
        self._platform = platform
        self._output = output

    def spool(self) -> Spool:
        """Return a place for a body."""
        return self._platform.spool()

    def handle(self, request: Request) -> Response:
        """Answer a request, and show that; programs ask for its health all the time."""
        if request.target == HEALTH_CHECK:
            return self._proxy.handle(request)
        begun = time.monotonic()
        response = self._proxy.handle(request)
        taken = time.monotonic() - begun
        self._output.line(f"{request.method} {request.target}  {response.status}  {seconds(taken)}")
        self._output.document(
            {
                "event": "answer",
                "method": request.method,
                "path": request.target,
                "status": response.status,
                "seconds": round(taken, 3),
            }
        )
        return response
