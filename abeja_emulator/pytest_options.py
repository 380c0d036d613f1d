"""The options of a test run and what the configuration may say instead; imports nothing but pytest."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest


class Option(NamedTuple):
    """One setting of a run: an option of the command line, a key of the configuration, or both.

    Attributes:
        key: of the configuration; the option is the same with dashes.
        help: what it does.
        metavar: what stands for a value in the help; a switch has none.
        choices: the values there are.
        default: what holds when nobody says anything.
        on: where it can be said: `both`, `configuration`, or `command`.
        lines: key of the configuration that takes several, one a line; the option is given several times.
    """

    key: str
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    on: str = "both"
    lines: str = ""

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return not (self.metavar or self.choices or self.lines)


OPTIONS = (
    Option("abeja_emulate", "emulate the platform for the whole run, from before test modules are imported"),
    Option(
        "abeja_auth",
        "open (default): any well-formed credential is the default user; strict: credentials are checked",
        choices=("open", "strict"),
        default="open",
    ),
    Option(
        "abeja_enforce_cidrs",
        "refuse calls from outside of the CIDRs of an organization that has some; off by default, a list alone keeps "
        "nobody out",
    ),
    Option(
        "abeja_image",
        "image of jobs that name none; it decides what a handler's context is (up to 18.10 an object)",
        metavar="IMAGE",
    ),
    Option(
        "abeja_train_in",
        "where a job of abeja_train runs: process (default), the test's own, for breakpoints and coverage; or child, "
        "one of its own, with nothing but what an upload of its source folder would hold",
        choices=("process", "child"),
        default="process",
    ),
    Option(
        "abeja_jobs",
        "when a job that is made through the API begins, in a child process: immediate (default); held, once "
        "abeja_jobs lets it go; or virtual, by the platform's clock",
        choices=("immediate", "held", "virtual"),
        default="immediate",
    ),
    Option(
        "abeja_answer_timeout",
        "seconds that a service has for an answer before its process is killed; 30 by default, as on the platform",
        metavar="SECONDS",
    ),
    Option(
        "abeja_python",
        "interpreter of jobs that are made through the API, from Python 3.6 on; the current one by default",
        metavar="PYTHON",
    ),
    Option(
        "abeja_images",
        "IMAGE = PYTHON or IMAGE = PYTHON, object|dict|script, one a line",
        on="configuration",
        lines="abeja_images",
    ),
    Option(
        "abeja_install_requirements",
        "install what their requirements.txt or Pipfile says, into an environment for each content of it",
    ),
    Option("abeja_limits", "hold them to the memory and processors of their instance type"),
    Option(
        "abeja_instance_types",
        "limits of instance types: TYPE = 2GB, 1 cpu, one a line",
        on="configuration",
        lines="abeja_instance_types",
    ),
    Option(
        "abeja_git",
        "URL = PATH, one a line: the repository here whose branches stand for those of a version from git; nothing is "
        "fetched",
        on="configuration",
        lines="abeja_git",
    ),
    Option(
        "abeja_random_seed",
        "seed `random` and NumPy's generator in every job, so that its random numbers repeat",
        metavar="N",
    ),
    Option(
        "abeja_seed",
        "JSON or YAML: organization, users, channels and datasets that are on the platform from the start",
        metavar="FILE",
    ),
    Option(
        "abeja_allow_host",
        "let calls to this host leave the machine: name, name:port, *.name or *; may be given several times",
        metavar="HOST",
        lines="abeja_allow_hosts",
    ),
    Option(
        "abeja_unknown_host",
        "a call to any other host: raise (default) at once, and fail the test even when the handler swallows "
        "it; or connection-error, as on a machine without a network",
        choices=("raise", "connection-error"),
        default="raise",
    ),
    Option(
        "abeja_min_evidence",
        "fail a test that relies on behaviour which is known no better than this: recorded, client, documented or "
        "inferred (default)",
        choices=("recorded", "client", "documented", "inferred"),
        default="inferred",
    ),
    Option(
        "abeja_fault",
        "let this go wrong in every test, such as 'get_dataset status=503 calls=1-2'; may be given several times, and "
        "the run fails when it fired in none (docs/guide/abeja_faults.md)",
        metavar="LINE",
        lines="abeja_faults",
    ),
    Option(
        "abeja_mute_faults",
        "let no fault of any test fire: a test of a failure has to fail then, or it does not test that failure",
    ),
    Option(
        "abeja_fault_sweep",
        "run each test once as it is, and then once for each of its calls and each fault; show which runs survive, end "
        "in the right or a wrong exception, hang, or duplicate data (docs/guide/abeja_fault_sweep.md)",
        on="command",
    ),
    Option(
        "abeja_sweep_faults",
        "what goes wrong in the sweep, a fault without its place, such as 'status=503 calls=1-' or 'reset=after'; may "
        "be given several times",
        metavar="LINE",
        lines="abeja_sweep_faults",
        on="command",
    ),
    Option(
        "abeja_sweep_budget",
        "what the sweep may cost: runs, such as 200, or a time, such as 60s or 5m; what is left out is said",
        metavar="BUDGET",
        on="command",
    ),
    Option(
        "abeja_sweep_limit",
        "seconds after which a run counts as hanging and is ended; by default 10, or ten times as long as the run "
        "without a fault",
        metavar="SECONDS",
        on="command",
    ),
    Option("abeja_sweep_resume", "go on with what an earlier sweep of the same code has found", on="command"),
    Option(
        "abeja_sweep_file",
        "keep what the sweep finds there, and not in pytest's cache",
        metavar="FILE",
        on="command",
    ),
    Option("abeja_sweep_report", "write the matrix of the sweep as a page", metavar="FILE.html", on="command"),
    Option(
        "abeja_sweep_allow",
        "let the run not fail for some of wrong,hangs,duplicates",
        metavar="WORDS",
        on="command",
    ),
    Option("abeja_keep", "keep result, log and statistics of every job there: DIR/<test>/<job id>/", metavar="DIR"),
    Option(
        "abeja_report",
        "write a page with the training curves, calls, artifacts and logs of every test",
        metavar="FILE.html",
    ),
    Option(
        "abeja_environment",
        "NAME=value of every job's variables, one a line",
        on="configuration",
        lines="abeja_environment",
    ),
    Option(
        "abeja_result_dir",
        "'absolute' (default), as the platform's runner passes ABEJA_TRAINING_RESULT_DIR, or 'relative'",
        choices=("absolute", "relative"),
        default="absolute",
        on="configuration",
    ),
)

#: Keys whose lines or values are checked even in a run that emulates nothing: what they say could be wrong.
_CHECKED = tuple(
    option
    for option in OPTIONS
    if not option.is_switch and option.key != "abeja_report" and not option.key.startswith("abeja_sweep")
)


def add_options(parser: pytest.Parser) -> None:
    """Add the options to pytest's, and what the configuration may say instead."""
    group = parser.getgroup("abeja", "ABEJA Platform emulator")
    for option in OPTIONS:
        if option.on != "configuration":
            _add_to_command(group, option)
        if option.on == "command":
            continue
        if option.lines:
            text = option.help if option.on == "configuration" else f"as {_flag(option)}, one a line"
            parser.addini(option.lines, text, type="linelist")
        elif option.is_switch:
            parser.addini(option.key, f"as {_flag(option)}", type="bool", default=False)
        else:
            text = option.help if option.on == "configuration" else f"as {_flag(option)}"
            parser.addini(option.key, text, default=option.default)
    parser.addini(
        "abeja_fixtures",
        "folders in which abeja_dataset looks for a name, one a line; fixtures by default",
        type="linelist",
        default=["fixtures"],
    )


def is_wanted(config: pytest.Config, options: Any) -> bool:
    """Tell whether the whole run is to be emulated.

    Raises:
        UsageError: when the configuration says neither true nor false.
    """
    try:
        configured = config.getini("abeja_emulate")
    except (ValueError, pytest.UsageError) as error:
        message = f"abeja_emulate: {error}; it must be true or false"
        raise pytest.UsageError(message) from error
    given = getattr(options, "abeja_emulate", None) or getattr(options, "abeja_fault_sweep", None)
    return bool(configured if given is None else given)


def is_swept(options: Any) -> bool:
    """Tell whether there is a fault sweep.

    Raises:
        UsageError: when there is none, and an option says something about it.
    """
    if getattr(options, "abeja_fault_sweep", None):
        return True
    about = [option for option in OPTIONS if option.key.startswith("abeja_sweep")]
    given = [option for option in about if getattr(options, option.key, None)]
    if given:
        message = f"{_flag(given[0])} is about a sweep, and there is none; add --abeja-fault-sweep"
        raise pytest.UsageError(message)
    return False


def is_configured(config: pytest.Config, options: Any) -> bool:
    """Tell whether options or configuration say anything that could be wrong; a run that says nothing pays nothing."""
    return any(
        (getattr(options, option.key, None) or config.getini(option.lines or option.key))
        not in (None, "", [], option.default)
        for option in _CHECKED
    )


def choices_of(*names: str) -> dict[str, tuple[Any, ...]]:
    """Return the values there are of settings, by their names without `abeja_`; a switch is True or False."""
    return {
        name: option.choices or (True, False) for name in names for option in OPTIONS if option.key == f"abeja_{name}"
    }


def _flag(option: Option) -> str:
    return "--" + option.key.replace("_", "-")


def _add_to_command(group: pytest.OptionGroup, option: Option) -> None:
    if option.is_switch:
        group.addoption(_flag(option), action="store_true", default=None, help=option.help)
    elif option.lines:
        group.addoption(_flag(option), action="append", default=None, metavar=option.metavar, help=option.help)
    elif option.choices:
        group.addoption(_flag(option), choices=list(option.choices), default=None, help=option.help)
    else:
        group.addoption(_flag(option), default=None, metavar=option.metavar, help=option.help)
