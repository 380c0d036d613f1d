"""Mixed: many clients at once, and each remembers what it was told: `python -m benchmarks.mixed`.

Clients of two organizations create, change, read, list and delete datasets' items, files and their metadata, look at
what is not theirs, and race for the same names. Each answer is compared with what the client was told before; in the
end everything is compared once more, and on a data directory again by another process. Nothing may be lost, there
twice, or seen by another. Once over HTTP with a data directory, once in process and in memory.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from abeja_emulator import Platform
from abeja_emulator.server import Server
from abeja_emulator.transports.in_process import InProcess
from benchmarks.mixed_client import Client, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.mixed_client import Dial

CLIENTS = 16
CALLS = 10_000


def members(platform: Platform) -> list[Member]:
    """Make a second organization, and return somebody of each."""
    known = platform.credentials()
    first = (platform.organization.id, platform.user.id, known["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"])
    organization = platform.seed.organization("second")
    user = platform.seed.user("token of the second", organization_id=organization.id)
    return [_member(*first), _member(organization.id, user.id, "token of the second")]


def _member(organization: str, user: str, token: str) -> Member:
    return Member(organization, "Basic " + base64.b64encode(f"user-{user}:{token}".encode()).decode())


def serve(folder: str) -> None:
    """Serve a data directory until the input ends; the first time, make what is needed there."""
    with Platform(auth="strict", data=folder) as platform, Server(platform) as server:
        made = [] if "second" in platform.organizations() else members(platform)
        known = [[member.organization, member.credential] for member in made]
        print(json.dumps([server.url.removeprefix("http://"), known]), flush=True)
        sys.stdin.read()


@contextmanager
def served(folder: str) -> Iterator[tuple[Dial, list[Member]]]:
    """Serve a data directory by another process."""
    command = [sys.executable, "-m", "benchmarks.mixed", "--serve", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address, known = json.loads(process.stdout.readline())
            yield lambda: http.client.HTTPConnection(address, timeout=60), [Member(*each) for each in known]
        finally:
            process.stdin.close()


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        calls: how many were made.
        seconds: how long they took.
        ids: how many were given.
        twice: how many ids, or names raced for, were given twice.
        raced: for how many names the clients raced.
        wrong: what was not as it should be.
    """

    calls: int = 0
    seconds: float = 0.0
    ids: int = 0
    twice: int = 0
    raced: int = 0
    wrong: list[str] = field(default_factory=list)


def work(dial: Dial, known: list[Member], calls: int) -> tuple[list[Client], Outcome]:
    """Let the clients work at once."""
    clients = [Client(n, known[n % len(known)], random.Random(n)) for n in range(CLIENTS)]  # noqa: S311 - no secrets
    for client in clients:
        client.set_out(dial)
    threads = [threading.Thread(target=client.work, args=(clients, calls)) for client in clients]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome = Outcome(sum(client.calls for client in clients), time.perf_counter() - start)
    ids = Counter(each for client in clients for each in client.ids)
    names = Counter((client.member, name) for client in clients for name in client.won)
    outcome.ids, outcome.raced = len(ids), len(names)
    outcome.twice = sum(ids.values()) - len(ids) + sum(names.values()) - len(names)
    outcome.wrong = [each for client in clients for each in client.trouble]
    return clients, outcome


def compare(clients: list[Client], dial: Dial) -> list[str]:
    """Return what is not as the clients were told."""
    wrong: list[str] = []
    for client in clients:
        client.connect(dial)
        wrong += client.compare()
    for member in {client.member for client in clients}:
        ours = [client for client in clients if client.member == member]
        won = Counter(name for client in ours for name in client.won)
        if ours[0].definitions() != won:
            wrong.append(f"definitions of {member.organization} are not those that clients made")
        # Each name for which anybody tried was won by somebody.
        if len(won) != max(client.tried for client in ours):
            wrong.append(f"{len(won)} names of {member.organization} were won by somebody, and more were tried")
    return wrong


def over_http(calls: int) -> Outcome:
    """Work with a server that has a data directory, and look at that again after its end."""
    with TemporaryDirectory() as parent:
        folder = f"{parent}/data"
        with served(folder) as (dial, known):
            clients, outcome = work(dial, known, calls)
            outcome.wrong += compare(clients, dial)
        with served(folder) as (dial, _):
            outcome.wrong += compare(clients, dial)
    return outcome


def in_process(calls: int) -> Outcome:
    """Work with a platform in memory, in this process."""
    with Platform(auth="strict") as platform, InProcess(platform):
        clients, outcome = work(lambda: http.client.HTTPSConnection("api.abeja.io"), members(platform), calls)
        outcome.wrong += compare(clients, lambda: http.client.HTTPSConnection("api.abeja.io"))
        # The platform's own account of it.
        made = platform.journal.total
        counted = sum(client.calls for client in clients)
        if made != counted:
            outcome.wrong.append(f"the journal knows {made} calls, and the clients made {counted}")
    return outcome


def main() -> None:
    """Let clients work both ways, and say what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS, help="of each client")
    parser.add_argument("--serve", metavar="DIR", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    print(f"{CLIENTS} clients of two organizations, {arguments.calls:,} calls each\n")
    print("| how | calls | calls/s | ids given | names raced for | given twice | lost or wrong |")
    print("| --- | --: | --: | --: | --: | --: | --: |")
    outcomes = {"over HTTP, data directory": over_http, "in process, in memory": in_process}
    failed = False
    for how, run in outcomes.items():
        got = run(arguments.calls)
        print(
            f"| {how} | {got.calls:,} | {got.calls / got.seconds:,.0f} | {got.ids:,} | {got.raced:,} | {got.twice} "
            f"| {len(got.wrong)} |",
            flush=True,
        )
        for each in got.wrong[:20]:
            print(each, file=sys.stderr)
        failed = failed or bool(got.wrong or got.twice)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
