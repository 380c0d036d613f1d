"""Commands that train here: `run` and `pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.options.shared import SOURCES, add_faults, add_json, add_of_jobs
from abeja_emulator.cli.options.values import pair, port, variable

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Commands


def add_run(commands: Commands) -> None:
    """Add `run`."""
    parser = commands.add(
        "run",
        "train on this machine, in a child process, as the platform does",
        epilog=f"""\
example:
  abeja-emulator run train:handler --dataset train=./flowers --env NUM_EPOCHS=3

{SOURCES}
Ctrl-C stops the job as the platform does, with SIGINT; a handler that takes
care of that signal has 25 seconds to save something. A second Ctrl-C kills it.
""",
    )
    parser.add_argument(
        "handler", nargs="?", help="module:function; by default what training.yaml in the source folder says"
    )
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        type=pair,
        metavar="ALIAS=SOURCE",
        help="a dataset of the handler; may be given several times",
    )
    parser.add_argument("--image", metavar="IMAGE", help="of the job; it decides what the handler's context is")
    parser.add_argument(
        "--env", action="append", default=[], type=variable, metavar="NAME=VALUE", help="a variable of the job"
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
    add_of_jobs(parser)
    add_faults(parser)
    add_json(parser, "print a JSON object a line: log, statistics, and at last the result")


def add_pipeline(commands: Commands) -> None:
    """Add `pipeline`."""
    parser = commands.add(
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

{SOURCES}""",
    )
    parser.add_argument("handler", help="module:function that trains")
    parser.add_argument("model_handler", metavar="model-handler", help="module:function that answers")
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        type=pair,
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
        "--env", action="append", default=[], type=variable, metavar="NAME=VALUE", help="a variable of job and service"
    )
    parser.add_argument("--instance-type", metavar="TYPE", help="of the job and the service, such as cpu-1")
    parser.add_argument("--port", type=port, default=0, help="the port of the platform's API (default: any free one)")
    parser.add_argument(
        "--keep",
        metavar="DIR",
        help="keep result, logs, statistics and answers there (default: abeja-results/<time>, new for each run)",
    )
    parser.add_argument("--source", metavar="DIR", default=".", help="the handlers' source folder (default: this one)")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="leave such files of the source folder out"
    )
    add_of_jobs(parser)
    add_faults(parser)
    add_json(parser, "print a JSON object a line: steps, logs, statistics, answers, and at last the result")
