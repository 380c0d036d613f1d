"""`runs`: the runs of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import DONE
from abeja_emulator.cli.output import Output

if TYPE_CHECKING:
    import argparse

COLUMNS = ("run", "deployment", "status", "created", "tries", "trigger", "output")


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    output = Output(json=arguments.json)
    with Client(server_url(arguments.url)) as client:
        found = client.control(
            "GET", "/runs", status=arguments.status, deployment=arguments.deployment, limit=arguments.limit
        )
    output.document(found)
    output.listing("run", COLUMNS, [row(each) for each in found["runs"]], found["total"], arguments.status)
    return DONE


def row(each: dict[str, Any]) -> tuple[str, ...]:
    """Return what a line of the table says of a run; the output is `channel/file`."""
    return (
        each["run_id"],
        f"{each['deployment']}:{each['version']}",
        each["status"] + (" (waits)" if each["queued"] else ""),
        each["created_at"].partition(".")[0].replace("T", " "),
        f"{each['retries'] + 1} of {each['retry_count'] + 1}",
        each["trigger_id"] or "",
        ", ".join(map(str, (each["output"] or {}).values())),
    )
