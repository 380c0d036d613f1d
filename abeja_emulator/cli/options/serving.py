"""Commands that serve until they are ended: `serve` and `model`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.address import DEFAULT_PORT
from abeja_emulator.cli.options.shared import add_faults, add_json, add_of_jobs
from abeja_emulator.cli.options.values import pair, port, positive, repository, seconds, variable

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands

#: Port of a service's container, and of `abeja model run-local-server`.
MODEL_PORT = 5000


def add_serve(commands: Commands) -> None:
    """Add `serve`."""
    parser = commands.add(
        "serve",
        "serve a platform on an address of this machine, and run its jobs, services and runs",
        epilog="""\
stdout has the variables that clients need, in a form that a shell can read:
  abeja-emulator serve --env-file ../abeja.env &
  . ../abeja.env        # once the file is there, the server answers
Ctrl-C ends it with 130, SIGTERM with 0; what runs is stopped first.
""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, help="the port, 0 for any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--i-know-who-can-reach-this",
        action="store_true",
        help="listen on an address that others reach: whoever does has the platform, and runs code here as you",
    )
    parser.add_argument("--data", metavar="DIR", help="keep the state there; in memory by default")
    parser.add_argument("--organization", metavar="NAME", help="name of the organization (default: default-org)")
    parser.add_argument("--organization-id", metavar="ID", help="its id, when handlers have one in their code")
    parser.add_argument("--seed", metavar="FILE", help="put this on a new platform first; what `seed` takes")
    parser.add_argument(
        "--auth",
        choices=["open", "strict"],
        default="open",
        help="open (default): any well-formed credential is the default user; strict: credentials and the roles of "
        "users are checked",
    )
    parser.add_argument(
        "--enforce-cidrs",
        action="store_true",
        help="refuse calls from outside of the CIDRs of an organization that has some; jobs are let in",
    )
    parser.add_argument(
        "--env-file", metavar="FILE", help="write the variables there once the server answers; gone when it ends"
    )
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="jobs that run at once, and runs (default: one for each processor)"
    )
    parser.add_argument(
        "--job-mode",
        choices=["immediate", "held", "virtual"],
        default="immediate",
        help="jobs and runs begin at once (default), when they are let go, or by the platform's clock",
    )
    parser.add_argument(
        "--answer-timeout",
        type=seconds,
        metavar="SECONDS",
        help="what a service has for an answer before its process is killed (default: 30, as on the platform)",
    )
    add_of_jobs(parser)
    add_faults(parser)
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        type=pair,
        metavar="IMAGE=PYTHON",
        help="the Python that runs the jobs of an image, or of a pattern with *; may be given several times",
    )
    parser.add_argument(
        "--git",
        action="append",
        default=[],
        type=repository,
        metavar="URL=PATH",
        help="the repository here whose branches stand for those of a version from git, by its URL or a pattern with "
        "*; nothing is fetched; may be given several times",
    )
    add_json(parser, "print the variables as JSON, in one line")


def add_model(commands: Commands) -> None:
    """Add `model`."""
    parser = commands.add(
        "model",
        "serve a model handler on a port of this machine, as `abeja model run-local-server` does, without Docker",
        epilog="""\
example, with a result that `run` has kept:
  abeja-emulator model serve predict:handler --result-dir abeja-results/20251129-120000/result
  curl -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:5000/

The model runs in the source folder itself and takes GET, POST and PUT; `/health_check`
is 200 while it does. An API of its own, without anything on it, answers where the
model calls the platform. Ctrl-C ends it with 130, SIGTERM with 0.
""",
    )
    # It may be left out, so that whoever does is told what to write.
    parser.add_argument("action", nargs="?", choices=["serve"], help="what to do")
    parser.add_argument("handler", nargs="?", default="main:handler", help="module:function (default: %(default)s)")
    parser.add_argument(
        "--result-dir", metavar="DIR", help="the model's ABEJA_TRAINING_RESULT_DIR (default: an empty folder)"
    )
    parser.add_argument("--image", metavar="IMAGE", help="decides how the handler is called")
    parser.add_argument(
        *("--env", "-e", "--environment"),
        action="append",
        default=[],
        type=variable,
        metavar="NAME=VALUE",
        help="a variable of the model",
    )
    parser.add_argument(
        "--instance-type", metavar="TYPE", default="cpu-0.25", help="whose limits it has (default: %(default)s)"
    )
    parser.add_argument(
        "--port", "-p", type=port, default=MODEL_PORT, help="the port, 0 for any free one (default: %(default)s)"
    )
    parser.add_argument("--source", metavar="DIR", default=".", help="the handler's source folder (default: this one)")
    add_of_jobs(parser)
    add_json(parser, "print a JSON object a line: where it is, its log, and each answer")
