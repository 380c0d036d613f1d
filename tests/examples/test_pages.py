"""What a page of docs/guide shows is what its example file says, and what happens.

A page and the file of its name in this folder belong together. Of a page are checked:

- a block of Python: it stands in the file as it is;
- a block of YAML or of configuration, whose first line names a file: it is that file;
- a block of commands: they are run, with the example file beside the sample handler, and print what follows;
- rows of two codes, for wrong uses: the first stands in the file or is a command, the second is in what is printed.

In what is printed `…` stands for anything, and a line `...` for any lines.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from abeja_emulator.seeding import samples_folder

ROOT = Path(__file__).parents[2]
LIST_AND_PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
PAGES = [page for page in LIST_AND_PAGES if page.name != "README.md"]
EACH_PAGE = pytest.mark.parametrize("path", PAGES, ids=[page.stem for page in PAGES])

#: Lines of a page.
LONGEST = 75

#: So many wrong uses at least.
TEN = 10


class Command(NamedTuple):
    """A command of a page, and the lines that it prints."""

    line: str
    shown: list[str]


class Page:
    """A page, taken apart."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        self.name = path.stem.replace("-", "_")
        self.example = path.parents[2] / "tests" / "examples" / f"{self.name}.py"
        self._blocks = re.findall(r"^```(\w+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)

    def blocks(self, *languages: str) -> list[str]:
        """Return the blocks of one of these languages."""
        return [text for language, text in self._blocks if language in languages]

    @property
    def files(self) -> dict[str, str]:
        """The files that it shows whole: name → text."""
        return {block.partition("\n")[0].removeprefix("# "): block for block in self.blocks("yaml", "ini")}

    @property
    def commands(self) -> list[Command]:
        """The commands, in order."""
        found: list[Command] = []
        for line in "".join(self.blocks("console")).splitlines():
            if line.startswith("$ "):
                found.append(Command(line[2:], []))
            elif line != "...":
                found[-1].shown.append(line)
        return found

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The rows that consist of two codes."""
        return re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", self.text, re.MULTILINE)


def as_pattern(shown: str) -> str:
    return ".*".join(re.escape(part) for part in shown.split("…"))


def run(pytester: pytest.Pytester, page: Page, line: str) -> list[str]:
    """Run a command where the page's files are; it must say by its exit code whether something failed."""
    with zipfile.ZipFile(pytester.path / "source.zip", "w") as source:
        for handler in ("train.py", "predict.py"):
            shutil.copy(samples_folder() / "handlers" / "plain" / handler, pytester.path)
            source.write(pytester.path / handler, handler)
    shutil.copy(page.example, pytester.path / f"test_{page.name}.py")
    for name, text in page.files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    program, _, arguments = line.partition(" ")
    if program == "pytest":
        line = f"'{sys.executable}' -m pytest -p no:randomly -p no:cacheprovider {arguments}"
    elif program == "abeja-emulator":
        line = f"'{sys.executable}' -m abeja_emulator {arguments}"
    # How many warnings an older SDK gives off is no matter of the page.
    result = pytester.run("env", f"PYTEST_ADDOPTS={os.environ['PYTEST_ADDOPTS']} -p no:warnings", "sh", "-c", line)
    return [*result.outlines, *result.errlines, f"(exit code {int(result.ret)})"]


@EACH_PAGE
def test_blocks_of_python_stand_in_the_example_file(path: Path) -> None:
    """And no test of that file is hidden from the reader."""
    page = Page(path)
    example = page.example.read_text(encoding="utf-8")
    for block in page.blocks("python"):
        assert block in example
    if not page.rows:
        tests = re.findall(r"^def test_\w+", example, re.MULTILINE)
        assert tests == re.findall(r"^def test_\w+", "".join(page.blocks("python")), re.MULTILINE)


@EACH_PAGE
def test_commands_print_what_is_shown(path: Path, pytester: pytest.Pytester) -> None:
    """Line by line, in that order."""
    page = Page(path)
    assert page.commands
    for command in page.commands:
        lines = run(pytester, page, command.line)
        printed = iter(lines)
        for shown in command.shown:
            pattern = re.compile(as_pattern(shown))
            assert any(pattern.search(line) for line in printed), "\n".join([f"not printed: {shown}", *lines])
        fails = any(re.search(r"\d (failed|error)", shown) for shown in command.shown)
        assert lines[-1] == f"(exit code {int(fails)})", "\n".join(lines)


def test_wrong_uses_are_answered_as_shown(pytester: pytest.Pytester) -> None:
    """What the second code says is printed because of the first, and stands nowhere in the example itself."""
    page = Page(ROOT / "docs" / "guide" / "wrong-uses.md")
    assert len(page.rows) >= TEN
    example = page.example.read_text(encoding="utf-8")
    printed = "\n".join(run(pytester, page, page.commands[0].line))
    for code, message in page.rows:
        pattern = as_pattern(message)
        if code.startswith("pytest "):
            assert re.search(pattern, "\n".join(run(pytester, page, code))), code
        else:
            assert re.search(as_pattern(code), example), code
            assert re.search(pattern, printed), message
            assert not re.search(pattern, example), message


def test_every_example_file_has_its_page() -> None:
    """And every page its file; the list of pages names all of them."""
    files = {path.stem for path in Path(__file__).parent.glob("*.py")} - {"__init__", Path(__file__).stem}
    assert files == {Page(path).name for path in PAGES}
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "guide" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [path.name for path in PAGES]


@pytest.mark.parametrize("path", LIST_AND_PAGES, ids=[page.stem for page in LIST_AND_PAGES])
def test_a_page_is_short_and_its_links_lead_somewhere(path: Path) -> None:
    page = Page(path)
    assert len(page.text.splitlines()) <= LONGEST
    for link in re.findall(r"\]\(([^)#]+)", page.text):
        assert (path.parent / link).exists(), link


def test_every_fixture_has_a_page(pytester: pytest.Pytester) -> None:
    """That of its name, or a section of the page of other test libraries."""
    companions = (ROOT / "docs" / "companions.md").read_text(encoding="utf-8")
    output = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    fixtures = set(re.findall(r"^(abeja\w*) -- ", output, re.MULTILINE))
    assert {"abeja", "abeja_train"} <= fixtures
    assert fixtures <= {path.stem for path in PAGES} | set(re.findall(r"`(abeja_\w+)`", companions))


def test_every_option_and_key_is_on_the_page_of_options(pytester: pytest.Pytester) -> None:
    """In its table, and used in an example; and nothing that does not exist."""
    output = pytester.runpytest_subprocess("--help", "-p", "no:cacheprovider").stdout.str()
    options = set(re.findall(r"^  (--abeja-[a-z-]+)", output, re.MULTILINE))
    keys = set(re.findall(r"^  (abeja_\w+) \(", output, re.MULTILINE))
    page = Page(ROOT / "docs" / "guide" / "options.md")
    (table,) = re.findall(r"^\| --- .*?\n\n", page.text, re.MULTILINE | re.DOTALL)
    cells = [row.split("|")[1:3] for row in table.strip().splitlines()[1:]]
    assert options == {name for option, _ in cells for name in re.findall(r"--[\w-]+", option)}
    assert keys == {name for _, key in cells for name in re.findall(r"\w+", key)}
    assert options == set(re.findall(r"--abeja-[a-z-]+", "".join(page.blocks("console"))))
    assert keys == set(re.findall(r"^(\w+) =", page.files["pytest.ini"], re.MULTILINE))
