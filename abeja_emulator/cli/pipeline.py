"""`pipeline`: from data to answers, each step as a client of the platform takes it."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.asking import JSON, Answer, Asked, ask, document_of, keep_answer, read_asked, show_answer
from abeja_emulator.cli.chain import COUNT, Chain
from abeja_emulator.cli.client import authorization
from abeja_emulator.cli.execution import options_of
from abeja_emulator.cli.exits import DONE, FAILED, INTERRUPTED, CommandError
from abeja_emulator.cli.faulting import add_faults, tell_faults
from abeja_emulator.cli.handler_check import check_handler
from abeja_emulator.cli.kept import RESULT
from abeja_emulator.cli.listening import start
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.project import project_for
from abeja_emulator.cli.runtime_check import check_runtime
from abeja_emulator.cli.sdk import check_sdk, sdk_for
from abeja_emulator.cli.seed import described, put_dataset
from abeja_emulator.cli.signals import Signals
from abeja_emulator.cli.sources import read_datasets
from abeja_emulator.cli.steps import Steps
from abeja_emulator.cli.targets import PlatformTarget
from abeja_emulator.cli.training import archive_of, place_of
from abeja_emulator.platform import Platform
from abeja_emulator.server import Server
from abeja_emulator.services.images import DEFAULT_IMAGE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

HOST = "127.0.0.1"

#: Seconds between two looks at what is new.
_PACE = 0.1


def run(arguments: argparse.Namespace) -> int:
    """Read everything first, then train, serve and ask."""
    output = Output(json=arguments.json)
    folder = Path(arguments.source)
    project = project_for(folder, arguments.handler, output)
    datasets = read_datasets(arguments.dataset, project.aliases, output)
    asked = [read_asked(text, arguments.content_type) for text in arguments.request]
    place = place_of(arguments.keep)
    options = options_of(arguments)
    image = arguments.image or project.image or DEFAULT_IMAGE
    check_handler(arguments.handler, folder, options, image)
    check_handler(arguments.model_handler, folder, options, image, is_model=True)
    check_sdk()
    check_runtime(options, image)
    archive = archive_of(folder, project, arguments.exclude, place, output)
    signals = Signals()
    steps = Steps(output, signals, bool(datasets) + COUNT + len(asked))
    with ExitStack() as stack:
        platform = stack.enter_context(Platform())
        add_faults(platform, arguments.fault)
        ids: dict[str, str] = {}
        if datasets:
            with steps.step("dataset") as facts:
                for alias, source in datasets.items():
                    made = put_dataset(PlatformTarget(platform), source, output)
                    output.line(f"{alias}: {described(made)}")
                    ids[alias] = made["dataset_id"]
                facts["datasets"] = ids
        stack.enter_context(signals)
        server = Server(
            platform, port=arguments.port, resets=False, allow_hosts=arguments.allow_host, slots=1, **options
        )
        stack.callback(server.stop)
        start(server, HOST, arguments.port)
        variables = server.variables()
        sdk = stack.enter_context(sdk_for(variables))
        chain = Chain(arguments, project, image, server, sdk, steps, output, signals, place)
        stack.callback(chain.end)
        model_id = chain.train(archive, ids)
        further = f"the result of the training is kept; go on with: {_further(arguments, image, place)}"
        with _said_of_failures(further):
            service_id = chain.deploy(archive, model_id)
            client = _Client(chain, variables, steps, output, signals, place)
            if not asked:
                client.serve(service_id, arguments.content_type or JSON)
                return DONE if signals.number == signal.SIGTERM else INTERRUPTED
            answers = [client.ask(each, number, len(asked)) for number, each in enumerate(asked, 1)]
        chain.end()
        steps.show_times()
        is_good = tell_faults(platform, output) == DONE and all(answer.is_good for answer in answers)
        output.document(
            {
                "event": "result",
                "ok": is_good,
                "answers": [answer.status for answer in answers],
                "seconds": steps.taken,
                "folder": str(place),
            }
        )
        if not is_good:
            output.remark(further)
        return DONE if is_good else FAILED


@contextmanager
def _said_of_failures(further: str) -> Iterator[None]:
    """Say how to go on, when something fails that can be done again."""
    try:
        yield
    except CommandError as error:
        message = f"{error}; {further}"
        raise CommandError(message, error.code) from error


def _further(arguments: argparse.Namespace, image: str, place: Path) -> str:
    """Return the command that serves the model of a training that is over."""
    words = ["abeja-emulator", "model", "serve", arguments.model_handler, "--result-dir", str(place / RESULT)]
    words += [] if arguments.source == "." else ["--source", arguments.source]
    words += [] if image == DEFAULT_IMAGE else ["--image", image]
    words += [] if arguments.python is None else ["--python", str(arguments.python)]
    words += ["--install-requirements"] if arguments.install_requirements else []
    for name, _ in arguments.env:
        # A value may be a secret, and what is said here is often in a log.
        words += ["--env", f"{name}=…"]
    return shlex.join(words)


class _Client:
    """Asks the endpoint, or lets others do so.

    Args:
        chain: has the service.
        variables: what clients need.
        steps: requests are steps, too.
        output: where answers are shown.
        signals: end it.
        place: where answers are kept.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - who else there is
        self,
        chain: Chain,
        variables: Mapping[str, str],
        steps: Steps,
        output: Output,
        signals: Signals,
        place: Path,
    ) -> None:
        self._chain = chain
        self._variables = variables
        self._steps = steps
        self._output = output
        self._signals = signals
        self._place = place
        self._url = f"{variables['ABEJA_API_URL']}/deployments/{chain.deployment_id}"
        # The organization is told from the host, and no name server knows this one.
        self._host = f"{variables['ABEJA_ORGANIZATION_ID']}.api.abeja.io"

    def ask(self, asked: Asked, number: int, count: int) -> Answer:
        """Ask, show and keep the answer, and return it."""
        name = "request" if count == 1 else f"request {number}"
        headers = {"Host": self._host, "Authorization": authorization("strict", self._variables)}
        with self._steps.step(name) as facts:
            self._output.line(f"POST {asked.name}  {asked.content_type}")
            answer = self._meanwhile(lambda: ask(self._url, asked, headers))
            facts["status"] = answer.status
            file = keep_answer(answer, self._place, number)
            show_answer(answer, file, self._output)
            self._output.document({**document_of(answer, file), "number": number})
            if not answer.is_good:
                self._output.remark(f"{name} was answered with {answer.status}; the log of the service says why")
        self._chain.settle()
        return answer

    def serve(self, service_id: str, content_type: str) -> None:
        """Say how the endpoint is asked, and let that be done until a signal comes.

        Raises:
            CommandError: when the service fails meanwhile.
        """
        self._steps.show_times()
        line = self.curl(content_type)
        self._output.line()
        self._output.line(line)
        self._output.document({"event": "serving", "url": self._url, "host": self._host, "curl": line})
        self._output.remark(f"the service answers at {self._url}; Ctrl-C ends it")
        while not self._signals.wait(_PACE):
            self._chain.is_ready(service_id)

    def curl(self, content_type: str) -> str:
        """Return a command that asks the endpoint from another shell."""
        user = self._variables["ABEJA_PLATFORM_USER_ID"]
        user = user if user.startswith("user-") else f"user-{user}"
        words = [
            "curl",
            # A proxy of the shell's could not find it.
            *(("--noproxy", HOST) if any(name.lower() in {"http_proxy", "all_proxy"} for name in os.environ) else ()),
            *("-u", f"{user}:{self._variables['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"),
            *("-H", f"Host: {self._host}"),
            *("-H", f"Content-Type: {content_type}"),
            *("-d", "{}"),
            self._url,
        ]
        return shlex.join(words)

    def _meanwhile(self, work: Callable[[], Answer]) -> Answer:
        """Do something in another thread, and show the log of the service until it is done.

        Raises:
            KeyboardInterrupt: when SIGINT comes meanwhile.
            Terminated: when SIGTERM does.
        """
        future: Future[Answer] = Future()

        def fulfil() -> None:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
                future.set_exception(error)

        threading.Thread(target=fulfil, name="abeja-emulator-request", daemon=True).start()
        while not wait([future], _PACE).done:
            self._chain.look()
            self._signals.check()
        return future.result()
