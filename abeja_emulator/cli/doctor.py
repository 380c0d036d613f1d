"""`doctor`: what will not work here, why, and what to do about it."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from abeja_emulator.cli.environment_checks import check_environment
from abeja_emulator.cli.exits import DONE, FAILED
from abeja_emulator.cli.findings import Facts, Finding
from abeja_emulator.cli.output import Output
from abeja_emulator.cli.project_checks import check_project
from abeja_emulator.cli.version_checks import check_versions
from abeja_emulator.report.summary import counted

if TYPE_CHECKING:
    import argparse

#: Level → what a person reads; the worst comes first.
_HEADINGS = {"breaks": "will not work", "mind": "mind", "note": "good to know"}

#: What is named at the top, where it is installed.
_SHOWN = (
    "abeja-emulator",
    "abeja-sdk",
    "abejacli",
    "urllib3",
    "requests",
    "pytest",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
)


def run(arguments: argparse.Namespace) -> int:
    """Look, and say what was found."""
    output = Output(json=arguments.json)
    facts = Facts.of_here()
    found = [*check_versions(facts), *check_environment(facts, arguments.url), *check_project(Path())]
    found.sort(key=lambda finding: list(_HEADINGS).index(finding.level))
    broken, minded = (sum(finding.level == level for finding in found) for level in ("breaks", "mind"))
    output.document(
        {
            "python": platform.python_version(),
            "packages": {name: facts.packages[name].version for name in _SHOWN if name in facts.packages},
            "broken": broken,
            "findings": [asdict(finding) for finding in found],
        }
    )
    versions = ", ".join(facts.shown(name) for name in _SHOWN if name in facts.packages)
    output.line(f"Python {platform.python_version()} ({sys.executable}), {versions}")
    for finding in found:
        _show(output, finding)
    output.line()
    if broken:
        output.line(f"{counted(broken, 'thing')} will not work")
    else:
        output.line(f"{counted(minded, 'thing')} to mind, as said above" if minded else "nothing here will break")
    return FAILED if broken else DONE


def _show(output: Output, finding: Finding) -> None:
    output.line()
    output.line(f"{_HEADINGS[finding.level]}: {finding.what}")
    output.line(f"  why: {finding.why}")
    output.line(f"  do:  {finding.do}")
