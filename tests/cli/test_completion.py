"""Completion scripts: what a shell offers, and that the scripts are scripts."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.completion import script
from abeja_emulator.cli.parser import make_parser

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.cli.commands import Commands

_ASK = """\
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_abeja_emulator
printf '%s\\n' "${COMPREPLY[@]}"
"""

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@needs_bash
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["se"], {"serve", "seed", "services"}),
        (
            [""],
            {
                *(
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
                ),
                *("init", "openapi", "completion", "--help", "--version"),
            },
        ),
        (["serve", "--auth", ""], {"open", "strict"}),
        (["serve", "--auth", "s"], {"strict"}),
        (["serve", "--or"], {"--organization", "--organization-id"}),
        (["serve", "--seed", "a"], {"a.yaml", "a-folder"}),
        (["serve", "--data", "a"], {"a-folder"}),
        (["jobs", "--status", "Co"], {"Complete"}),
        (["services", "--status", "RE"], {"READY"}),
        (["runs", "--status", "RUN"], {"RUNNABLE", "RUNNING"}),
        (["snapshot", "l"], {"load", "list"}),
        (["faults", ""], {"list", "show"}),
        (["faults", "list", "--family", "d"], {"data", "disk"}),
        (["faults", "show", "--write", "a"], {"a-folder"}),
        (["model", ""], {"serve"}),
        (["model", "serve", "--result-dir", "a"], {"a-folder"}),
        (["pipeline", "train:handler", "predict:handler", "--request", "a"], {"a.yaml", "a-folder"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
        (["init", "a"], {"a-folder"}),
        (["jobs", "--limit", ""], {""}),
    ],
)
def test_bash_offers(command: Commands, words: list[str], offered: set[str]) -> None:
    """A real bash, asked as readline asks it, offers commands, options, choices, files and folders."""
    (command.folder / "a.yaml").touch()
    (command.folder / "a-folder").mkdir()
    assert set(ask_bash(command.folder, script("bash"), ["abeja-emulator", *words])) == offered


def ask_bash(folder: Path, text: str, words: Sequence[str]) -> list[str]:
    """Return what the script offers in a folder for the last of some words."""
    (folder / "completion").write_text(text, encoding="utf-8")
    asked = subprocess.run(
        ["bash", "-c", _ASK, "bash", "completion", *words], cwd=folder, capture_output=True, text=True, check=True
    )
    assert not asked.stderr
    return asked.stdout.rstrip("\n").split("\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_is_a_script_of_that_shell(command: Commands, shell: str) -> None:
    """The shell, where it is installed, can read what the command prints."""
    shown = command("completion", shell).stdout
    assert shown == script(shell)
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    subprocess.run([shell, "-n"], input=shown, text=True, check=True, capture_output=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_nothing_is_forgotten(shell: str) -> None:
    """Every command, every option and every choice is in the script."""
    shown = script(shell)
    for action in make_parser()._actions:
        if not isinstance(action.choices, dict):
            continue
        for name, parser in action.choices.items():
            assert name in shown
            for option in parser._actions:
                for text in (*option.option_strings, *(option.choices or ())):
                    assert str(text).lstrip("-") in shown
