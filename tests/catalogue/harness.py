"""Runs the tests of all pages of the catalogue, with their failures and without, in one run of pytest a way.

Ways: `process` and `child`, where each test has to pass; `without`, where the failure is taken away, and `mended`,
where the handler is the one with the remedy: there each test has to fail, since its symptom is gone.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, get_args
from xml.etree import ElementTree as ET

from abeja_emulator.faults.catalogue.pages import names, scenario
from abeja_emulator.faults.catalogue.scenario import TEST, PageError

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.faults.catalogue.scenario import Scenario

Way = Literal["process", "child", "without", "mended"]

#: Seconds; a run that takes longer hangs.
_TIMEOUT = 240

#: Characters of what a run printed that are told when it went wrong.
_TOLD = 4000

#: Pages that are run together in children.
_CHILDREN = 12


@dataclass
class Outcome:
    """What became of the tests of a page.

    Attributes:
        passed: how many did.
        failed: how many did not, by an assertion or an exception of their own.
        wrong: how many could not be run, or whose fixtures complained.
        skipped: how many were left out.
        text: what pytest says of those that did not pass.
        logs: of their jobs.
    """

    passed: int = 0
    failed: int = 0
    wrong: int = 0
    skipped: int = 0
    text: str = ""
    logs: str = ""


def readable() -> list[Scenario]:
    """Return the pages that can be read, by name; that all of them can is a test of its own."""
    found: list[Scenario] = []
    for name in names():
        with suppress(PageError):
            found.append(scenario(name))
    return found


def fault_of(page: Scenario, way: Way, outcome: Outcome) -> str:
    """Return what is wrong with a page, from what became of it in a way; or an empty text."""
    if outcome.wrong or not outcome.passed + outcome.failed:
        return outcome.text
    if way in page.places:
        return outcome.text if outcome.failed else ""
    if outcome.passed:
        return f"{outcome.passed} of its tests pass, and so do not show this failure"
    is_mended = way == "mended" or page.without.kind == "mended"
    return outcome.logs if is_mended and "Traceback (most recent call last)" in outcome.logs else ""


def ways_of(page: Scenario) -> list[Way]:
    """Return the ways in which the test of a page has something to show."""
    ways: list[Way] = [place for place in ("process", "child") if place in page.places]
    ways.append("without")
    if page.mended and page.without.kind != "mended":
        ways.append("mended")
    return ways


def missing(page: Scenario) -> list[str]:
    """Return what a page needs and is not there."""
    return [need for need in page.needs if not _is_there(need)]


def _is_there(need: str) -> bool:
    name, _, bound = need.partition(" ")
    least = bound.lstrip("<")
    if name != "python" and find_spec(name) is None:
        return False
    installed = platform.python_version() if name == "python" else metadata.version(name) if least else ""
    return (_numbers(installed) < _numbers(least)) == bound.startswith("<")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


@dataclass(frozen=True)
class Group:
    """Pages that are run together.

    Attributes:
        name: of the folder they are unpacked in.
        way: how they are run.
        place: where their jobs run.
        muted: whether no fault fires.
        options: of the run of pytest, that these pages ask for.
        pages: the pages.
    """

    name: str
    way: Way
    place: str
    muted: bool
    options: tuple[str, ...]
    pages: list[Scenario]


class Harness:
    """Runs pages, each way once for all processes of a test run.

    Args:
        folder: where they are unpacked; the processes share it.
        options: of each run of pytest.
    """

    def __init__(self, folder: Path, options: str) -> None:
        self._folder = folder
        self._options = options
        self._groups = [group for way in get_args(Way) for group in groups_of(way)]

    def outcome(self, page: Scenario, way: Way) -> Outcome:
        """Return what became of a page in a way.

        The first to ask for one runs all of its group. Who asks meanwhile runs another group, when there is one.
        """
        (group,) = (each for each in self._groups if each.way == way and page.name in {one.name for one in each.pages})
        while not self._run(group):
            if not any(self._run(other) for other in self._groups if other != group and not self._is_done(other)):
                self._run(group, wait=True)
        output = (self._folder / group.name / "output.txt").read_text(encoding="utf-8")
        found = _outcomes(self._folder / group.name / "report.xml", self._folder / group.name / "kept")
        return found.get(page.name, Outcome(text=f"pytest has not run it\n{output[-_TOLD:]}"))

    def _is_done(self, group: Group) -> bool:
        # Also when it went wrong: each of its tests would try again.
        return (self._folder / group.name / "output.txt").exists()

    def _run(self, group: Group, *, wait: bool = False) -> bool:
        """Run a group unless it has been run; return False, at once, when another process runs it."""
        folder = self._folder / group.name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            if not self._is_done(group):
                for page in group.pages:
                    _unpack(page, group.way, folder / "pages" / page.name)
                output = _run_pytest(folder, self._command(group))
                (folder / "output.txt").write_text(output, encoding="utf-8")
        return True

    def _command(self, group: Group) -> list[str]:
        command = [sys.executable, "-m", "pytest", "-q", "--abeja-emulate", "--import-mode=importlib", "--rootdir=."]
        command += [
            "--continue-on-collection-errors",
            "-p",
            "no:cacheprovider",
            *self._options.split(),
            f"--abeja-train-in={group.place}",
        ]
        command += ["--abeja-mute-faults"] if group.muted else []
        command += group.options
        command += ["--abeja-keep=../kept", "--junitxml=../report.xml"]
        # Time does not go back in a run, so those that need the machine's come before those that move the platform's.
        pages = sorted(group.pages, key=lambda page: "clock" in page.files[TEST])
        return [*command, *(page.name for page in pages)]


def groups_of(way: Way) -> list[Group]:
    """Return the pages that have a way, by how they are run; in children, where each takes seconds, few at a time."""
    groups: list[Group] = []
    pages = [each for each in readable() if way in ways_of(each) and not missing(each)]
    for place in ("process", "child"):
        # Where both will do, in the test's own process, which is faster.
        here = [page for page in pages if place == (way if way in page.places else page.places[0])]
        for muted, options in sorted({(_is_muted(page, way), page.options) for page in here}):
            chosen = [page for page in here if (_is_muted(page, way), page.options) == (muted, options)]
            size = _CHILDREN if place == "child" else len(chosen)
            words = [way, place, *(["muted"] if muted else []), *(option.strip("-") for option in options)]
            for first in range(0, len(chosen), size):
                name = re.sub(r"[^\w-]", "-", "-".join([*words, str(first)]))
                groups.append(Group(name, way, place, muted, options, chosen[first : first + size]))
    return groups


def _is_muted(page: Scenario, way: Way) -> bool:
    return way == "without" and page.without.kind == "mute"


def _unpack(page: Scenario, way: Way, folder: Path) -> None:
    """Write the files of a page, as they are in a way."""
    files = {"without": page.files_without(), "mended": {**page.files, **page.mended}}.get(way, page.files)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _run_pytest(folder: Path, command: list[str]) -> str:
    """Run pages and return what pytest prints."""
    (folder / "pages" / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    # What is kept from one run to the next is of this one.
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        ran = subprocess.run(
            command,
            cwd=folder / "pages",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return (error.output or b"").decode("utf-8", "replace") + f"(ended after {_TIMEOUT} s)\n"
    return ran.stdout.decode("utf-8", "replace") + f"(exit code {ran.returncode})\n"


def _outcomes(report: Path, kept: Path) -> dict[str, Outcome]:
    """Return what became of the pages of a run, by name; none where there is no report."""
    found: dict[str, Outcome] = {}
    if not report.exists():
        return found
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own report
        name = (case.get("classname") or case.get("name") or "").partition(".")[0]
        outcome = found.setdefault(name, Outcome())
        kinds = {child.tag for child in case}
        outcome.failed += "failure" in kinds
        outcome.wrong += "error" in kinds
        outcome.skipped += "skipped" in kinds
        outcome.passed += not kinds & {"failure", "error", "skipped"}
        outcome.text += "".join(f"{child.get('message')}\n{child.text}\n" for child in case)
    for log in sorted(kept.glob("*/*/log.txt")):
        name = log.parent.parent.name.partition("_")[0]
        if name in found:
            found[name].logs += log.read_text(encoding="utf-8", errors="replace")
    return found
