"""What may stand on the command line; imports nothing of what it starts."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from abeja_emulator.cli.address import DEFAULT_PORT, DEFAULT_URL
from abeja_emulator.cli.exits import EPILOG

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "abeja-emulator"

_HIGHEST_PORT = 65535

#: Port of a service's container, and of `abeja model run-local-server`.
MODEL_PORT = 5000

_SOURCES = """\
A SOURCE is one of
  a folder with one sub-folder for each label, or with files and no labels;
  a JSON or YAML file: a list of items or a dataset with `items` (each item has `file` or
    `content` or `source_data`, and `label` or `attributes`), or a seed file with
    organization, users, cidrs, channels, datasets;
  a CSV file whose first line names the columns: one of `file` (a path), `content`
    (text), `data_uri`, `data_uris`, and if wanted `label`, `label_id`, `content_type`
    or `data_type`; every other column is an attribute of the item;
  a file of JSON lines (.jsonl), an item in each;
  the name of sample data: shapes, points.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """End with a sentence, without the usage in front of it."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def make_parser() -> Parser:
    """Return the parser of the whole command; `module` of what it returns says who performs it."""
    parser = Parser(
        prog=PROGRAM,
        description="The ABEJA Platform on this machine: train, serve, seed, look.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action=_Version, help="show the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help_: str, *, epilog: str = "", module: str | None = None) -> Parser:
        made: Parser = commands.add_parser(
            name,
            help=help_,
            description=help_[0].upper() + help_[1:] + ".",
            epilog="\n".join(filter(None, [epilog, EPILOG])),
        )
        made.set_defaults(module=module or name)
        return made

    _serve(
        command(
            "serve",
            "serve a platform on an address of this machine, and run its jobs",
            epilog="""\
stdout has the variables that clients need, in a form that a shell can read:
  abeja-emulator serve --env-file ../abeja.env &
  . ../abeja.env        # once the file is there, the server answers
Ctrl-C ends it with 130, SIGTERM with 0; jobs that run are stopped first.
""",
        )
    )
    _run(
        command(
            "run",
            "train on this machine, in a child process, as the platform does",
            epilog=f"""\
example:
  abeja-emulator run train:handler --dataset train=./flowers --env NUM_EPOCHS=3

{_SOURCES}
Ctrl-C stops the job as the platform does, with SIGINT; a handler that takes
care of that signal has 25 seconds to save something. A second Ctrl-C kills it.
""",
        )
    )
    _pipeline(
        command(
            "pipeline",
            "train, serve the model and ask it, each step as a client of the platform takes it",
            epilog=f"""\
example, in a folder with train.py and predict.py:
  abeja-emulator pipeline train:handler predict:handler --dataset train=./flowers --request rose.jpg

The steps are those of abeja-sdk: a job of the folder, a training model of its
result, a deployment, a code version, a service with the model mounted, and the
endpoint `default`. The result is where the model's ABEJA_TRAINING_RESULT_DIR says.
Without --request the service answers until Ctrl-C, and a curl line says how.
It ends with 0 only if every request was answered with a status below 400.

{_SOURCES}""",
        )
    )
    _model(
        command(
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
    )
    _seed(
        command(
            "seed", "put datasets, or all of a seed file, on a running server or in a data directory", epilog=_SOURCES
        )
    )
    _snapshot(command("snapshot", "save, load, list and delete named states of a running server"))
    _jobs(command("jobs", "list the training jobs of a running server, newest first"))
    _logs(
        command(
            "logs",
            "show the log of a job of a running server",
            epilog="With --follow the exit code is the job's: 0 Complete, 1 Failed, 4 Stopped.\n",
        )
    )
    _doctor(command("doctor", "look for what will not work here, and say what to do about it"))
    _init(command("init", "write a starter: a handler, its test, a seed file and training.yaml"))
    _openapi(command("openapi", "write the platform's API down, as OpenAPI 3.1 or as a page for a browser"))
    completion = command(
        "completion",
        "print a completion script for a shell",
        epilog="""\
  bash: eval "$(abeja-emulator completion bash)", in ~/.bashrc
  zsh:  abeja-emulator completion zsh > "${fpath[1]}/_abeja-emulator"
  fish: abeja-emulator completion fish > ~/.config/fish/completions/abeja-emulator.fish
""",
    )
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell")
    return parser


def _serve(parser: Parser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="the port, 0 for any free one (default: %(default)s)"
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
        "--jobs", type=_positive, metavar="N", help="jobs that run at once (default: one for each processor)"
    )
    parser.add_argument(
        "--job-mode",
        choices=["immediate", "held", "virtual"],
        default="immediate",
        help="jobs begin at once (default), when they are let go, or by the platform's clock",
    )
    _of_jobs(parser)
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        type=_pair,
        metavar="IMAGE=PYTHON",
        help="the Python that runs the jobs of an image, or of a pattern with *; may be given several times",
    )
    parser.add_argument(
        "--git",
        action="append",
        default=[],
        type=_pair,
        metavar="URL=PATH",
        help="the repository here whose branches stand for those of a version from git, by its URL or a pattern with "
        "*; nothing is fetched; may be given several times",
    )
    _json(parser, "print the variables as JSON, in one line")


def _run(parser: Parser) -> None:
    parser.add_argument(
        "handler", nargs="?", help="module:function; by default what training.yaml in the source folder says"
    )
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        type=_pair,
        metavar="ALIAS=SOURCE",
        help="a dataset of the handler; may be given several times",
    )
    parser.add_argument("--image", metavar="IMAGE", help="of the job; it decides what the handler's context is")
    parser.add_argument(
        "--env", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="a variable of the job"
    )
    parser.add_argument("--instance-type", metavar="TYPE", help="of the job, such as cpu-1")
    parser.add_argument(
        "--keep",
        metavar="DIR",
        help="keep result, log and statistics there (default: abeja-results/<time>, new for each run)",
    )
    parser.add_argument("--source", metavar="DIR", default=".", help="the handler's source folder (default: this one)")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="leave such files of the source folder out"
    )
    _of_jobs(parser)
    _json(parser, "print a JSON object a line: log, statistics, and at last the result")


def _pipeline(parser: Parser) -> None:
    parser.add_argument("handler", help="module:function that trains")
    parser.add_argument("model_handler", metavar="model-handler", help="module:function that answers")
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        type=_pair,
        metavar="ALIAS=SOURCE",
        help="a dataset of the training handler; may be given several times",
    )
    parser.add_argument(
        "--request",
        action="append",
        default=[],
        metavar="FILE",
        help="what the service is asked with POST, a file or a JSON text; may be given several times",
    )
    parser.add_argument(
        "--content-type", metavar="TYPE", help="of the requests (default: by the file's name, or application/json)"
    )
    parser.add_argument(
        "--image", metavar="IMAGE", help="of the job and the service; it decides how handlers are called"
    )
    parser.add_argument(
        "--env", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="a variable of job and service"
    )
    parser.add_argument("--instance-type", metavar="TYPE", help="of the job and the service, such as cpu-1")
    parser.add_argument("--port", type=_port, default=0, help="the port of the platform's API (default: any free one)")
    parser.add_argument(
        "--keep",
        metavar="DIR",
        help="keep result, logs, statistics and answers there (default: abeja-results/<time>, new for each run)",
    )
    parser.add_argument("--source", metavar="DIR", default=".", help="the handlers' source folder (default: this one)")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="leave such files of the source folder out"
    )
    _of_jobs(parser)
    _json(parser, "print a JSON object a line: steps, logs, statistics, answers, and at last the result")


def _model(parser: Parser) -> None:
    parser.add_argument("action", choices=["serve"], help="what to do")
    parser.add_argument("handler", nargs="?", default="main:handler", help="module:function (default: %(default)s)")
    parser.add_argument(
        "--result-dir", metavar="DIR", help="the model's ABEJA_TRAINING_RESULT_DIR (default: an empty folder)"
    )
    parser.add_argument("--image", metavar="IMAGE", help="decides how the handler is called")
    parser.add_argument(
        *("--env", "-e", "--environment"),
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="a variable of the model",
    )
    parser.add_argument(
        "--instance-type", metavar="TYPE", default="cpu-0.25", help="whose limits it has (default: %(default)s)"
    )
    parser.add_argument(
        "--port", "-p", type=_port, default=MODEL_PORT, help="the port, 0 for any free one (default: %(default)s)"
    )
    parser.add_argument("--source", metavar="DIR", default=".", help="the handler's source folder (default: this one)")
    _of_jobs(parser)
    _json(parser, "print a JSON object a line: where it is, its log, and each answer")


def _of_jobs(parser: Parser) -> None:
    parser.add_argument("--python", metavar="PATH", help="the Python that runs jobs (default: this one)")
    parser.add_argument(
        "--install-requirements",
        action="store_true",
        help="run a job in an environment of its own with what its requirements.txt or Pipfile asks for",
    )
    parser.add_argument(
        "--limits", action="store_true", help="hold jobs to the memory and processors of their instance type"
    )
    parser.add_argument(
        "--instance-limit",
        action="append",
        default=[],
        type=_pair,
        metavar="TYPE=LIMITS",
        help="what a type may use when its name does not say, such as 'gpu:b-4=16GB, 4 cpus'; sets --limits; "
        "may be given several times",
    )
    parser.add_argument(
        "--random-seed", type=_seed_number, metavar="N", help="seed `random` and NumPy's generator in every job"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="let jobs call this host: name, name:port, *.name or *; may be given several times",
    )


def _seed(parser: Parser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="see below")
    parser.add_argument("--name", help="name of the dataset; by default that of the source")
    parser.add_argument("--type", help="classification, detection, segmentation or custom; by default it is guessed")
    parser.add_argument("--data", metavar="DIR", help="a data directory that no server has open, in place of a server")
    _url(parser)
    _json(parser, "print what was made as JSON")


def _snapshot(parser: Parser) -> None:
    parser.add_argument("action", choices=["save", "load", "list", "delete"], help="what to do")
    parser.add_argument("name", nargs="?", help="name of the snapshot; not for list")
    _url(parser)
    _json(parser, "print the outcome as JSON")


def _jobs(parser: Parser) -> None:
    parser.add_argument(
        "--status",
        choices=["Pending", "Active", "Complete", "Failed", "Stopped"],
        help="only jobs of this status",
    )
    parser.add_argument("--limit", type=_positive, default=50, help="how many at most (default: %(default)s)")
    _url(parser)
    _json(parser, "print them as JSON")


def _logs(parser: Parser) -> None:
    parser.add_argument("job", nargs="?", metavar="JOB", help="id of the job; the newest one by default")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the job has ended")
    _url(parser)
    _json(parser, "print a JSON object a line")


def _doctor(parser: Parser) -> None:
    _url(parser)
    _json(parser, "print the findings as JSON")


def _init(parser: Parser) -> None:
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (default: this folder)")
    _json(parser, "print the names of the files as JSON")


def _openapi(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="where, api.json or api.html; stdout by default")
    parser.add_argument("--html", action="store_true", help="the page, whatever the file is called")


def _url(parser: Parser) -> None:
    parser.add_argument(
        "--url",
        help=f"where the server is; else ABEJA_EMULATOR_URL, or ABEJA_API_URL when it is on this machine, "
        f"or {DEFAULT_URL}",
    )


def _json(parser: Parser, help_: str) -> None:
    parser.add_argument("--json", action="store_true", help=help_)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _HIGHEST_PORT:
        message = f"{text!r} is no port; it is a number from 0 to {_HIGHEST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        message = f"{text!r} is no number of 1 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seed_number(text: str) -> int:
    from abeja_emulator.runtime.randomness import seed_of  # noqa: PLC0415 - imports nothing unless it is given

    try:
        return seed_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        message = f"{text!r} has no = with a name before it"
        raise argparse.ArgumentTypeError(message)
    return name.strip(), value


class _Version(argparse.Action):
    """`--version`, which asks for the version only when it is wanted."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it and end."""
        from importlib.metadata import version  # noqa: PLC0415 - costs more than the rest of the parser

        sys.stdout.write(f"{PROGRAM} {version(PROGRAM)}\n")
        parser.exit(0)
