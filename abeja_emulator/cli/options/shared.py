"""Options that several commands have, and what their help says alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.cli.address import DEFAULT_URL
from abeja_emulator.cli.options.values import pair, seed_number

if TYPE_CHECKING:
    from abeja_emulator.cli.options.commands import Parser

SOURCES = """\
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


def add_of_jobs(parser: Parser) -> None:
    """Add how the user's code is run."""
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
        type=pair,
        metavar="TYPE=LIMITS",
        help="what a type may use when its name does not say, such as 'gpu:b-4=16GB, 4 cpus'; sets --limits; "
        "may be given several times",
    )
    parser.add_argument(
        "--random-seed", type=seed_number, metavar="N", help="seed `random` and NumPy's generator in every job"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="let jobs call this host: name, name:port, *.name or *; may be given several times",
    )


def add_faults(parser: Parser) -> None:
    """Add what goes wrong on purpose."""
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="LINE",
        help="let this go wrong on the platform, such as 'get_dataset status=503 calls=1-2'; may be given several "
        "times; `abeja-emulator faults list` has failures to choose from",
    )


def add_url(parser: Parser) -> None:
    """Add where the server is."""
    parser.add_argument(
        "--url",
        help=f"where the server is; else ABEJA_EMULATOR_URL, or ABEJA_API_URL when it is on this machine, "
        f"or {DEFAULT_URL}",
    )


def add_json(parser: Parser, help_: str) -> None:
    """Add output for a program."""
    parser.add_argument("--json", action="store_true", help=help_)
