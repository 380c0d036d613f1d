"""`jobs`: the training jobs of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.address import server_url
from abeja_emulator.cli.client import Client
from abeja_emulator.cli.exits import DONE
from abeja_emulator.cli.output import Output
from abeja_emulator.report.summary import last_values_of, seconds

if TYPE_CHECKING:
    import argparse

COLUMNS = ("job", "definition", "status", "created", "time", "last statistics")


def run(arguments: argparse.Namespace) -> int:
    """List them."""
    output = Output(json=arguments.json)
    with Client(server_url(arguments.url)) as client:
        found = client.control("GET", "/jobs", status=arguments.status, limit=arguments.limit)
    output.document(found)
    output.listing("job", COLUMNS, [row(job) for job in found["jobs"]], found["total"], arguments.status)
    return DONE


def row(job: dict[str, Any]) -> tuple[str, ...]:
    """Return what a line of the table says of a job."""
    status = job["status"]
    if job["status_message"]:
        status += f" ({job['status_message'].splitlines()[0]})"
    elif status == "Pending" and job["queued"]:
        status += " (waits)"
    return (
        job["training_job_id"],
        f"{job['definition']}:{job['version']}",
        status,
        job["created_at"].partition(".")[0].replace("T", " "),
        "" if job["seconds"] is None else seconds(job["seconds"]),
        last_values_of([job["statistics"]] if job["statistics"] else []),
    )
