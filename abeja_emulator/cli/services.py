"""`services`: the services of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import DONE
from abeja_emulator.cli.output import Output

if TYPE_CHECKING:
    import argparse

COLUMNS = ("service", "deployment", "status", "created", "instances", "endpoints")


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    output = Output(json=arguments.json)
    with Client(server_url(arguments.url)) as client:
        found = client.control(
            "GET", "/services", status=arguments.status, deployment=arguments.deployment, limit=arguments.limit
        )
    output.document(found)
    output.listing("service", COLUMNS, [row(each) for each in found["services"]], found["total"], arguments.status)
    return DONE


def row(service: dict[str, Any]) -> tuple[str, ...]:
    """Return what a line of the table says of a service."""
    instances = service["instances"]
    return (
        service["service_id"],
        f"{service['deployment']}:{service['version']}",
        service["status"],
        service["created_at"].partition(".")[0].replace("T", " "),
        "" if instances is None else f"{instances} of {service['instance_number']}",
        ", ".join(endpoint["custom_alias"] for endpoint in service["endpoints"]),
    )
