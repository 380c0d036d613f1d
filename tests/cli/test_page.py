"""The commands of `docs/cli.md` print what the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
PATIENCE = 180


def test_the_commands_print_what_is_shown(tmp_path: Path) -> None:
    """One after the other in one shell; `…` stands for anything in a line, `...` for any lines."""
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    project.mkdir()
    for name, module in (("abeja-emulator", "abeja_emulator"), ("pytest", "pytest -p no:cacheprovider -p no:warnings")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    shown = "".join(re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)).splitlines()
    commands = [line.removeprefix("$ ") for line in shown if line.startswith("$ ")]
    served = next(number for number, command in enumerate(commands) if command.endswith("&"))
    commands.insert(served + 1, "trap 'kill $! && wait $!' EXIT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ABEJA_", "PLATFORM_"))}
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        cwd=project,
        env={
            **kept,
            "HOME": str(tmp_path),
            "PATH": f"{programs}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(PAGE.parents[1]),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    printed = iter([*done.stdout.splitlines()])
    for line in shown:
        if line.startswith("$ ") or line == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        assert any(pattern.search(each) for each in printed), f"not printed: {line}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, done.stderr
