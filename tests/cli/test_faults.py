"""`faults`: the catalogue of failures on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.faults import command_of
from abeja_emulator.faults.catalogue.pages import scenario, scenarios, text_of

if TYPE_CHECKING:
    from tests.cli.commands import Commands


def test_the_list(command: Commands) -> None:
    """Each failure is a line, or those of a family; for a program, too."""
    rows = command("faults", "list").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [page.name for page in scenarios()]

    document = json.loads(command("faults", "list", "--family", "network", "--json").stdout)
    assert [failure["name"] for failure in document["failures"]] == [page.name for page in scenarios("network")]
    assert set(document["failures"][0]) == {"name", "family", "title"}


def test_a_page(command: Commands) -> None:
    """It is shown as it is written; a program gets its parts."""
    assert command("faults", "show", "upload-answer-lost").stdout == text_of("upload-answer-lost")

    document = json.loads(command("faults", "show", "upload-answer-lost", "--json").stdout)
    assert (document["family"], document["known_from"], document["where"]) == (
        "network",
        "client",
        ["process", "child"],
    )
    assert sorted(document["files"]) == ["test_it.py", "train.py"]
    assert sorted(document["mended"]) == ["train.py"]


def test_a_test_to_begin_with(command: Commands) -> None:
    """`--write` writes the files of the page, and nothing over what is there; tests/catalogue runs these."""
    shown = command("faults", "show", "platform-503-once", "--write", "a/b").stdout.splitlines()
    assert shown[-2:] == ["next, in a/b:", "  pytest --abeja-emulate"]
    written = {path.name: path.read_text(encoding="utf-8") for path in (command.folder / "a" / "b").iterdir()}
    assert written == scenario("platform-503-once").files

    again = command.refused("faults", "show", "platform-503-once", "--write", "a/b", code=1)
    assert "has train.py, test_it.py already" in again

    document = json.loads(command("faults", "show", "platform-503-once", "--write", "c", "--json").stdout)
    assert document == {"folder": "c", "files": ["train.py", "test_it.py"], "command": "pytest --abeja-emulate"}


def test_what_is_run_in_a_child_says_so() -> None:
    """A page that is shown in a child alone is run there."""
    commands = {page.places: command_of(page) for page in scenarios() if not page.options}
    assert commands["process", "child"] == "pytest --abeja-emulate"
    assert commands.get(("child",), "pytest --abeja-emulate --abeja-train-in child").endswith("--abeja-train-in child")


def test_options_of_a_page_are_in_its_command() -> None:
    """Without them its test does not show the failure."""
    assert command_of(scenario("requirements-cannot-be-installed")) == (
        "pytest --abeja-emulate --abeja-train-in child --abeja-install-requirements"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "platform-503-strom"), "did you mean platform-503-storm"),
        (("show",), "faults show needs the name of a failure; faults list shows them"),
        (("show", "platform-503-once", "--family", "data"), "--family is of faults list"),
        (("list", "platform-503-once"), "write faults show platform-503-once"),
        (("list", "--write", "here"), "--write is of faults show NAME"),
        (("list", "--family", "newtork"), "invalid choice: 'newtork'"),
    ],
)
def test_what_cannot_be(command: Commands, words: tuple[str, ...], said: str) -> None:
    """One sentence says so, and what to do."""
    assert said in command.refused("faults", *words, code=2)
