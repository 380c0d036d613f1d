"""Together the tests drive every command of the command line client, but for those that a table here leaves out."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import pytest

from tests.conformance.client import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Runs in the interpreter of the client, and prints its commands, one a line.
LISTS = """
import click
from abejacli.run import main

def walk(command, path):
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            walk(below, [*path, name])
    else:
        print(" ".join(path))

walk(main, [])
"""

#: Commands that no test drives to a good end, and why not.
NOT_DRIVEN = {
    "dx-template init": "clones a repository over the network",
    "labs init": "clones a repository over the network",
    "model check-endpoint-image": "sends the image, and ends with exit code 1 whatever the answer is",
    "model run-local": "starts a container with Docker",
    "model run-local-server": "starts a container with Docker",
    "training debug-local": "starts a container with Docker",
}

FOLDER = Path(__file__).parent

PAGE = FOLDER.parents[1] / "docs" / "clients.md"

#: A line of the page's table: the group, and its commands.
ROW = re.compile(r"\| `([a-z-]+)` \| ((?:`[a-z-]+`(?:, )?)+) \|")

#: A test source as this folder has them, and what it drives.
SOURCE = """
def model(abeja, command, *arguments):
    return abeja("model", command, *arguments).json

def test_calls(abeja, project):
    abeja("config", "show", "--format", "json")
    abeja("config", "list", code=1)
    abeja(*("secret", "list"), "--limit", "1")
    abeja("startapp", "--name", "x")
    abeja(unknown(), "show")

def test_helper(abeja):
    model(abeja, *("create-service", "--version_id", "1"), "--name", "x")
    model(abeja, said(), "delete-service")
    with nothing():
        model(abeja, "stop-service", code=1)

def test_names(abeja):
    name = "describe-runs"
    upload = ("bucket", "upload")
    more = (*upload, "--retry", "no")
    start = ("start-service", "--service_id", "1")
    abeja(*more)
    model(abeja, *start)
    model(abeja, name)

def test_other_names(abeja):
    model(abeja, name)
    abeja(*upload)
"""


@pytest.fixture(scope="module")
def driven() -> set[str]:
    """What the test sources of this folder drive."""
    return {command for path in FOLDER.glob("test_cli_*.py") for command in calls_of(path.read_text(encoding="utf-8"))}


@pytest.fixture
def commands(client_python: Callable[[str], Path]) -> set[str]:
    """The commands of the client, as it knows them itself."""
    done = subprocess.run(
        [str(client_python("cli")), "-c", LISTS], capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_every_command_is_driven(commands: set[str], driven: set[str]) -> None:
    """But for those that are said not to be: each of these is there, and really is not driven."""
    assert commands - driven == set(NOT_DRIVEN)


def test_the_page_names_them(commands: set[str], driven: set[str]) -> None:
    """The table of commands has those that are driven, and nothing else."""
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    named = [f"{group} {command}" for group, cells in rows for command in re.findall("[a-z-]+", cells)]
    assert sorted(named) == sorted(command for command in commands & driven if " " in command)


def test_what_a_source_drives() -> None:
    """Is what it calls, under whatever name, to a good end."""
    assert set(calls_of(SOURCE)) == {
        *("config show", "secret list", "startapp", "bucket upload"),
        *("model create-service", "model start-service", "model describe-runs"),
    }


# -- reading of test sources --------------------------------------------------------------------


def calls_of(source: str) -> Iterator[str]:
    """Yield the commands that a test source calls and that are to end well, as far as literals say them.

    A call is one of `abeja`, or of a function `(abeja, command, …)` that puts a group in front of what it is given.
    """
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    groups = {function.name: _group(function) for function in functions if _is_helper(function)}
    for function in functions:
        known = _literals(function)
        for call in _calls(function):
            words = [word for argument in call.args for word in _words(argument, known)]
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            if name in groups:
                words[:1] = [groups[name]]
            elif name != "abeja":
                continue
            if not any(keyword.arg == "code" for keyword in call.keywords):
                command = " ".join(words[:2] if words[1:2] and not words[1].startswith("-") else words[:1])
                if UNKNOWN not in command:
                    yield command


#: Stands for a word that is only known when the test runs.
UNKNOWN = "?"


def _calls(function: ast.FunctionDef) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def _is_helper(function: ast.FunctionDef) -> bool:
    return [argument.arg for argument in function.args.args[:2]] == ["abeja", "command"]


def _group(function: ast.FunctionDef) -> str:
    """Return the word that a helper calls `abeja` with."""
    (call,) = (call for call in _calls(function) if isinstance(call.func, ast.Name) and call.func.id == "abeja")
    return _words(call.args[0], {})[0]


def _literals(function: ast.FunctionDef) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _words(argument: ast.expr, known: Mapping[str, ast.expr]) -> list[str]:
    """Return the words that an argument of a call stands for."""
    if isinstance(argument, ast.Starred):
        argument = argument.value
    if isinstance(argument, ast.Name) and argument.id in known:
        # Without itself, as in `where = (*where, "--limit")`.
        return _words(known[argument.id], {name: node for name, node in known.items() if name != argument.id})
    if isinstance(argument, ast.Tuple):
        return [word for element in argument.elts for word in _words(element, known)]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return [argument.value]
    return [UNKNOWN]
