"""`snapshot`: named states of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client, segment
from abeja_emulator.cli.exits import DONE, USAGE, CommandError
from abeja_emulator.cli.output import Output
from abeja_emulator.report.summary import size

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Save, load, list or delete."""
    output, action, name = Output(json=arguments.json), arguments.action, arguments.name
    if (name is None) != (action == "list"):
        message = (
            f"snapshot list takes no name; to load {name!r}, write snapshot load {name}"
            if name
            else f"snapshot {action} needs the name of a snapshot; snapshot list shows them"
        )
        raise CommandError(message, USAGE)
    with Client(server_url(arguments.url)) as client:
        _perform(client, output, action, name)
    return DONE


def _perform(client: Client, output: Output, action: str, name: str | None) -> None:
    if action == "list":
        found = client.control("GET", "/snapshots")
        output.document(found)
        _show(output, found["snapshots"])
        return
    path = "/snapshots/" + segment(name or "")
    if action == "save":
        client.control("PUT", path)
        output.line(f"saved the state of {client.url} as {name}")
    elif action == "load":
        client.control("POST", f"{path}/restore")
        output.line(f"{client.url} is in the state {name} again")
    else:
        client.control("DELETE", path)
        output.line(f"deleted the snapshot {name}")
    output.document({"action": action, "name": name})


def _show(output: Output, snapshots: list[dict[str, Any]]) -> None:
    if not snapshots:
        output.line("there are no snapshots")
        return
    rows = [
        (each["name"], each["saved_at"].partition(".")[0].replace("T", " "), str(each["records"]), size(each["size"]))
        for each in snapshots
    ]
    output.table(("snapshot", "saved", "records", "size"), rows)
