"""Commands that show what a server runs: `jobs`, `services`, `runs` and `logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.options.shared import add_json, add_url
from abeja_emulator.cli.options.values import positive

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands, Parser


def add_jobs(commands: Commands) -> None:
    """Add `jobs`."""
    parser = commands.add("jobs", "list the training jobs of a running server, newest first")
    parser.add_argument(
        "--status",
        choices=["Pending", "Active", "Complete", "Failed", "Stopped"],
        help="only jobs of this status",
    )
    parser.add_argument("--limit", type=positive, default=50, help="how many at most (default: %(default)s)")
    add_url(parser)
    add_json(parser, "print them as JSON")


def add_services(commands: Commands) -> None:
    """Add `services`."""
    parser = commands.add("services", "list the services of a running server, newest first")
    parser.add_argument(
        "--status", choices=["IN_PROGRESS", "READY", "STOPPED", "FAILED"], help="only services of this status"
    )
    _add_of_deployments(parser)


def add_runs(commands: Commands) -> None:
    """Add `runs`."""
    parser = commands.add("runs", "list the runs of a running server, newest first")
    parser.add_argument(
        "--status",
        choices=["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"],
        help="only runs of this status",
    )
    _add_of_deployments(parser)


def add_logs(commands: Commands) -> None:
    """Add `logs`."""
    parser = commands.add(
        "logs",
        "show the log of a job, a service or a run of a running server",
        epilog="""\
With --follow it goes on until the job or the run has ended, or the service is stopped
or has failed. The exit code says how: 0 Complete or SUCCEEDED, 1 Failed, 4 Stopped.
""",
    )
    parser.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="of a job (digits), a service (ser-...) or a run (run-...); by default of the newest job",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on until it has ended")
    add_url(parser)
    add_json(parser, "print a JSON object a line")


def _add_of_deployments(parser: Parser) -> None:
    parser.add_argument("--deployment", metavar="NAME", help="only those of this deployment, by its name or its id")
    parser.add_argument("--limit", type=positive, default=50, help="how many at most (default: %(default)s)")
    add_url(parser)
    add_json(parser, "print them as JSON")
