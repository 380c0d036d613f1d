"""`logs`: the log of a job, a service or a run, as it is or as it comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import DONE, FAILED, OF_STATUS
from abeja_emulator.cli.follow import Follower
from abeja_emulator.cli.kinds import JOB, kind_of, newest_job
from abeja_emulator.cli.output import Output

if TYPE_CHECKING:
    import argparse

#: Seconds between two questions.
_PACE = 0.3

LOUD = ("WARNING", "ERROR", "CRITICAL")


def run(arguments: argparse.Namespace) -> int:
    """Show it; when it is followed, end as the job, the service or the run did."""
    output = Output(json=arguments.json)
    with Client(server_url(arguments.url)) as client:
        return _show(client, output, arguments)


def _show(client: Client, output: Output, arguments: argparse.Namespace) -> int:
    kind = JOB if arguments.id is None else kind_of(client, arguments.id)
    identifier = newest_job(client) if arguments.id is None else arguments.id
    kind.find(client, identifier)
    follower = Follower(client, identifier, kind)
    while True:
        news = follower.news(statistics=False)
        for line in news.lines:
            output.line(shown(line))
            output.document(line)
        if not arguments.follow:
            return DONE
        if news.ended:
            break
        time.sleep(_PACE)
    found = kind.find(client, identifier)
    message = f": {found['status_message']}" if found.get("status_message") else ""
    output.remark(f"{kind.noun} {identifier} is {found['status']}{message}")
    return OF_STATUS.get(found["status"], FAILED)


def shown(line: dict[str, Any]) -> str:
    """Return a line of a log as a person reads it: with its time of day, and its level when it is a warning."""
    moment = time.strftime("%H:%M:%S", time.localtime(line["timestamp"] / 1000))
    level = f"{line['level']} " if line.get("level") in LOUD else ""
    return f"{moment}  {level}{line['message']}"
