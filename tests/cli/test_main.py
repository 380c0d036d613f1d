"""The command itself: help that costs nothing, exit codes, and errors that are one sentence."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.exits import EPILOG
from abeja_emulator.cli.parser import make_parser
from tests.cli.commands import shell_environment

if TYPE_CHECKING:
    from tests.cli.commands import Commands

COMMANDS = (
    "serve",
    "run",
    "pipeline",
    "model",
    "seed",
    "snapshot",
    "jobs",
    "services",
    "runs",
    "logs",
    "faults",
    "doctor",
    "init",
    "openapi",
    "completion",
)

_WHAT_HELP_IMPORTS = """
import sys
from abeja_emulator.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
print("IMPORTED", *sorted({name.partition(".")[0] for name in sys.modules} | set(sys.modules)))
"""


def test_help_imports_nothing_that_costs(command: Commands) -> None:
    """Neither pytest nor a database, nor anything that is installed, nor a client of HTTP."""
    shown = subprocess.run(
        [sys.executable, "-c", _WHAT_HELP_IMPORTS],
        env=shell_environment(command.home, {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    help_, _, imported = shown.partition("IMPORTED ")
    assert "usage: abeja-emulator" in help_
    costly = {"pytest", "sqlite3", "msgspec", "multipart", "yaml", "rich", "abeja", "http.client", "importlib.metadata"}
    assert not costly & set(imported.split())


def test_every_command_explains_itself(command: Commands) -> None:
    """The help of the whole names each command, and that of each says what its exit codes mean."""
    whole = command("--help").stdout
    for name in COMMANDS:
        assert f"\n    {name}" in whole
        assert EPILOG in command(name, "--help").stdout


def test_version(command: Commands) -> None:
    """`--version` is that of the installed package."""
    assert command("--version").stdout == f"abeja-emulator {version('abeja-emulator')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["sreve"], "invalid choice: 'sreve'"),
        (["serve", "--port", "70000"], "'70000' is no port"),
        (["serve", "--jobs", "0"], "'0' is no number of 1 or more"),
        (["serve", "--answer-timeout", "soon"], "'soon' is no number of seconds"),
        (["serve", "--answer-timeout", "0"], "must be a number of seconds over 0"),
        (["model"], "say what to do with the model: abeja-emulator model serve module:function"),
        (["model", "predict:handler"], "invalid choice: 'predict:handler'"),
        (["serve", "--job", "1"], "unrecognized arguments: --job 1"),
        (["run", "--dataset", "./flowers"], "'./flowers' has no = with a name before it"),
        (["run", "--env", "NUM_EPOCHS"], "'NUM_EPOCHS' has no = with a name before it"),
        (["run", "--env", "=3"], "'=…' has no = with a name before it"),
        (["jobs", "--status", "Running"], "invalid choice: 'Running'"),
        (["services", "--status", "RUNNING"], "invalid choice: 'RUNNING'"),
        (["runs", "--limit", "0"], "'0' is no number of 1 or more"),
        (["snapshot", "save"], "snapshot save needs the name of a snapshot"),
        (["snapshot", "list", "one"], "snapshot list takes no name"),
        (["seed", "points", "--data", "here", "--url", "http://127.0.0.1:1"], "--data and --url are two places"),
        (["jobs", "--url", "https://127.0.0.1"], "--url is 'https://127.0.0.1'"),
        (["jobs", "--url", "http://127.0.0.1:port"], "is no URL of a server"),
        (["run", "--source", "nowhere"], "--source nowhere is no folder"),
        (["run"], "no handler is named"),
        (["completion", "tcsh"], "invalid choice: 'tcsh'"),
    ],
)
def test_a_command_line_that_cannot_be(command: Commands, arguments: list[str], words: str) -> None:
    """It ends with 2 and one sentence that says what is wrong."""
    assert words in command.refused(*arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["serve", "--git", "https://user:hunter22@host/a"], "'https://host/a'"),
        (["serve", "--git", "=https://user:hunter22@host/a"], "'=https://host/a'"),
        (["run", "--env", "TOKEN:hunter22"], "'TOKEN:…'"),
        (["pipeline", "train:handler", "predict:handler", "--env", "=hunter22"], "'=…'"),
        (["model", "serve", "-e", "TOKEN hunter22"], "'TOKEN …'"),
    ],
)
def test_a_secret_on_a_command_line_that_cannot_be(command: Commands, arguments: list[str], shown: str) -> None:
    """What may be a credential is not in the sentence, which is often in a log."""
    said = command.refused(*arguments, code=2)
    assert f"{shown} has no = with a name before it" in said
    assert "hunter22" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seed", "ponits", "--data", "data"], "did you mean 'points'?"),
        (["run", "train:handler", "--dataset", "train=nowhere"], "there is no folder and no file 'nowhere'"),
        (["run", "train:handler", "--python", "/nowhere/python"], "/nowhere/python does not exist"),
        (["serve", "--port", "0", "--image", "custom/*=python0.1"], "PATH has no such program"),
        (["serve", "--port", "0", "--seed", "nowhere.yaml"], "there is no folder and no file 'nowhere.yaml'"),
        (["serve", "--port", "0", "--env-file", "no/such/folder/env"], "No such file or directory"),
    ],
)
def test_what_is_not_there(command: Commands, arguments: list[str], words: str) -> None:
    """It ends with 1 and one sentence that says what to do; nothing is left running."""
    (command.folder / "train.py").write_text("def handler(context):\n    pass\n", encoding="utf-8")
    assert words in command.refused(*arguments, code=1)


@pytest.mark.parametrize(
    "arguments",
    [["jobs"], ["services"], ["runs"], ["logs"], ["logs", "ser-1"], ["snapshot", "list"], ["seed", "points"]],
)
def test_no_server(command: Commands, arguments: list[str]) -> None:
    """Commands that need a server end with 3 when none answers, and say how to start one."""
    command.environment["ABEJA_EMULATOR_URL"] = "http://127.0.0.1:9"
    said = command.refused(*arguments, code=3)
    assert "no server answers at http://127.0.0.1:9 (Connection refused)" in said
    assert "abeja-emulator serve" in said


def test_a_reader_that_has_gone(command: Commands) -> None:
    """`abeja-emulator … | head` ends without a complaint."""
    with subprocess.Popen(
        [*command.line("completion", "bash")],
        env=shell_environment(command.home, {"PYTHONUNBUFFERED": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate()
    assert (process.returncode, said) == (141, b"")


def test_every_option_has_a_help() -> None:
    """Nothing on a command line is left to be guessed."""
    actions = [action for action in make_parser()._actions if action.choices and not action.option_strings]
    parsers = dict(actions[0].choices.items()) if isinstance(actions[0].choices, dict) else {}
    assert tuple(parsers) == COMMANDS
    for name, parser in parsers.items():
        for action in parser._actions:
            assert action.help, f"{name} {action.dest}"
