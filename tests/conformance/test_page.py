"""The commands of `docs/clients.md` do what the page says, and that of conformance who drives what."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from abeja_emulator.seeding import samples_folder
from abeja_emulator.services.catalogue import all_operations
from tests.conformance.client import PATIENCE
from tests.programs import load_program

PAGE = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the one block of the page in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_commands_train(client_python: Callable[[str], Path], tmp_path: Path) -> None:
    """In a shell that knows both commands and nothing of any platform: the job is Complete, with its statistics."""
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    (programs / "abeja").symlink_to(client_python("cli").with_name("abeja"))
    (programs / "abeja-emulator").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m abeja_emulator "$@"\n')
    (programs / "abeja-emulator").chmod(0o755)
    shutil.copytree(samples_folder() / "handlers" / "plain", project)
    (tmp_path / "seed.yaml").write_text(block("yaml"))
    commands = [line.removeprefix("$ ") for line in block("console").splitlines()]
    trap = "trap 'kill $! && wait $!' EXIT"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ABEJA_", "PLATFORM_"))}
    done = subprocess.run(
        ["bash", "-ec", "\n".join([commands[0], trap, *commands[1:]])],
        cwd=project,
        env={
            **kept,
            "HOME": str(tmp_path),
            "PATH": f"{programs}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = json.loads(done.stdout[done.stdout.rindex("\n{\n") :])["entries"]
    assert job["status"] == "Complete"
    assert job["statistics"]["epoch"] == 5


def witnessed(folder: Path, *operations: str) -> None:
    """Write down, as the checks do, that the SDK drives some operations."""
    lines = ({"client": "abeja-sdk", "by": "a.APIClient.b", "operation": operation} for operation in operations)
    (folder / "1.jsonl").write_text("\n".join(json.dumps(line) for line in lines))


def test_who_drives_an_operation(tmp_path: Path) -> None:
    """A client, or nobody and why; what is neither driven nor explained, or both, makes no page."""
    program = load_program("conformance_page")
    names = [operation.name for operation in all_operations() if operation.name not in program.NOBODY]
    page = tmp_path / "conformance.md"
    for driven, wrong in ((names[1:], names[0]), ([*names, "upload_file"], "upload_file")):
        witnessed(tmp_path, *driven)
        with pytest.raises(SystemExit, match=f"who drives {wrong} is not known"):
            program.main([str(tmp_path)], page)
    assert not page.exists()
    witnessed(tmp_path, *names)
    program.main([str(tmp_path)], page)
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if "nobody" in line]
    assert len(rows) == len(program.NOBODY)
    assert all("| nobody: " in row for row in rows)


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        ({"abeja-sdk": ["train.Client.a", "train.APIClient.b"]}, ["`train.APIClient.b`"]),
        ({"abeja-sdk": ["train.Client.b", "train.Client.a"]}, ["`train.Client.a`"]),
        ({"abeja-sdk": ["x.APIClient.a"], "abeja-sdk 1.0.2": ["x.APIClient.b"]}, ["`x.APIClient.a`"]),
        (
            {"abeja-sdk 1.0.2": ["x.APIClient.a"], "abeja-sdk 1.10.0": ["x.Y.b", "x.APIClient.b"], "abejacli": ["x y"]},
            ["`x.APIClient.b` of abeja-sdk 1.10.0", "`abeja x y`"],
        ),
    ],
)
def test_which_of_those_who_drive_it_are_named(seen: dict[str, list[str]], shown: list[str]) -> None:
    """What the others are built on; of SDKs the newest; and whatever the command is."""
    program = load_program("conformance_page")
    operation = next(iter(all_operations()))
    found = program.Seen({operation.name: {client: set(names) for client, names in seen.items()}}, {})
    assert list(program._drivers(operation, found)) == shown
