"""`faults`: the catalogue of failures, and files to begin a test of one with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abeja_emulator.cli.exits import DONE, USAGE, CommandError
from abeja_emulator.cli.output import Output
from abeja_emulator.faults.catalogue.pages import UnknownScenario, scenario, scenarios, text_of

if TYPE_CHECKING:
    import argparse

    from abeja_emulator.faults.catalogue.scenario import Scenario

COLUMNS = ("failure", "family", "what one sees")


def run(arguments: argparse.Namespace) -> int:
    """List them, or show one."""
    output = Output(json=arguments.json)
    if arguments.action == "list":
        _refuse_unless(arguments.name is None, f"faults list takes no name; write faults show {arguments.name}")
        _refuse_unless(arguments.write is None, "--write is of faults show NAME")
        _list(output, arguments.family)
        return DONE
    _refuse_unless(arguments.name is not None, "faults show needs the name of a failure; faults list shows them")
    _refuse_unless(arguments.family is None, "--family is of faults list")
    try:
        page = scenario(arguments.name)
    except UnknownScenario as error:
        raise CommandError(str(error), USAGE) from error
    if arguments.write is None:
        output.document(_document(page))
        output.line(text_of(page.name).rstrip("\n"))
    else:
        _write(output, page, Path(arguments.write))
    return DONE


def _list(output: Output, family: str | None) -> None:
    found = scenarios(family)
    output.document({"failures": [_summary(page) for page in found]})
    output.table(COLUMNS, [(page.name, page.family, page.title) for page in found])


def _write(output: Output, page: Scenario, folder: Path) -> None:
    """Write the files of a page, all of them or none, and say how they are run."""
    there = [name for name in page.files if (folder / name).exists() or (folder / name).is_symlink()]
    _refuse_unless(
        not there, f"{folder} has {', '.join(there)} already, and nothing is overwritten; name another folder", code=1
    )
    for name, text in page.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # Exclusively: somebody else may have written it just now.
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    command = command_of(page)
    output.document({"folder": str(folder), "files": list(page.files), "command": command})
    for name in page.files:
        output.line(f"wrote {folder / name}")
    output.line()
    output.line(f"next, in {folder}:")
    output.line(f"  {command}")


def command_of(page: Scenario) -> str:
    """Return the command that runs the test of a page."""
    words = ["pytest", "--abeja-emulate", *(["--abeja-train-in child"] if page.places == ("child",) else [])]
    return " ".join([*words, *page.options])


def _summary(page: Scenario) -> dict[str, Any]:
    return {"name": page.name, "family": page.family, "title": page.title}


def _document(page: Scenario) -> dict[str, Any]:
    return {
        **_summary(page),
        "where": list(page.places),
        "known_from": page.grade,
        "source": page.source,
        "needs": list(page.needs),
        "options": list(page.options),
        "symptom": page.symptom,
        "cause": page.cause,
        "raised": page.raised,
        "remedy": page.remedy,
        "files": page.files,
        "mended": page.mended,
    }


def _refuse_unless(holds: bool, message: str, code: int = USAGE) -> None:  # noqa: FBT001 - what holds is said first
    if not holds:
        raise CommandError(message, code)
