"""Calls a second that the server answers, one process, connections kept, asked by wrk, which is no Python.

`python -m benchmarks.server` needs `wrk` on the PATH, and for the peer moto, flask and flask-cors.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.serving import fetch, running

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = (1, 8)
ROUNDS = 9
SECONDS = 2
#: What moto's server answers with the least work: it reads no request and asks no backend.
MOTO_PATH = "/moto-api/config"
#: What moto's server needs.
PEER = ("moto", "flask", "flask_cors")
CREDENTIAL = "Authorization: Bearer anything"
MOTO = """
import logging, sys
from moto.server import ThreadedMotoServer
# A line for each call would cost it time; ours writes none either.
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Rates:
    """Calls a second at some number of connections, of the best round: what disturbs takes away and never adds.

    Attributes:
        ours: `get_dataset`.
        canned: one answer to everything, by the same server.
        moto: moto's simplest answer.
    """

    ours: float
    canned: float
    moto: float


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's own server in a process of its own."""
    command = [sys.executable, "-c", MOTO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            host, port = process.stdout.readline().split()
            yield f"http://{host}:{port}"
        finally:
            process.stdin.close()


def calls_a_second(wrk: str, url: str, connections: int) -> float:
    """Return how many calls a second are answered; each has to succeed."""
    command = [wrk, "-t1", f"-c{connections}", f"-d{SECONDS}s", "-H", CREDENTIAL, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    found = re.search(r"Requests/sec:\s*([\d.]+)", said)
    assert found is not None, said
    return float(found.group(1))


def measured(wrk: str) -> dict[int, Rates]:
    """Return the rates by number of connections, each contender's round next to the others'."""
    with ExitStack() as stack:
        ours = stack.enter_context(running("one"))
        path = f"/organizations/{ours['variables']['ABEJA_ORGANIZATION_ID']}/datasets/{ours['dataset']}"
        canned = stack.enter_context(running("canned", fetch(ours["url"] + path).decode()))
        moto = stack.enter_context(moto_server())
        urls = (ours["url"] + path, canned["url"] + path, moto + MOTO_PATH)
        taken = {
            connections: [[calls_a_second(wrk, url, connections) for url in urls] for _ in range(ROUNDS)]
            for connections in CONNECTIONS
        }
    return {connections: Rates(*map(max, zip(*rounds))) for connections, rounds in taken.items()}


def rows() -> list[tuple[str, str, str, str]]:
    """Return the rows of the table."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return [("calls a second of the server", "wrk is not installed (`apt-get install wrk`)", "not measured", "")]
    missing = [name for name in PEER if importlib.util.find_spec(name) is None]
    if missing:
        return [("calls a second of the server", f"without {', '.join(missing)} there is no peer", "not measured", "")]
    table = []
    for connections, rates in measured(wrk).items():
        at = f"{connections} connection" + ("s" if connections > 1 else "")
        shown = f"ours {rates.ours:,.0f}/s, moto {rates.moto:,.0f}/s"
        table += [
            (f"`get_dataset` beside moto_server, {at}", shown, f"{rates.ours / rates.moto:.1f} ×", "≥ 10"),
            (
                f"the same beside a canned answer, {at}",
                f"canned {rates.canned:,.0f}/s",
                f"{rates.ours / rates.canned:.2f} ×",
                "≥ 0.25",
            ),
        ]
    return table


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
