"""The commands of `docs/clients.md` do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

from abeja_emulator.seeding import samples_folder
from tests.conformance.client import PATIENCE

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
