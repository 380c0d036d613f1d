"""The page about other libraries: its examples pass as they stand."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "companions.md").read_text(encoding="utf-8")

#: Heading → example.
EXAMPLES = {
    section.partition("\n")[0]: section.partition("```python\n")[2].partition("```")[0]
    for section in PAGE.split("\n## ")[1:]
    if "```python" in section
}

#: Heading → how many tests its example has, and what it needs.
KNOWN = {
    "moto: `abeja_s3`": (1, ["moto", "boto3"]),
    "responses: `abeja_responses`": (2, ["responses"]),
    "S3 and other hosts that fail: `abeja_faults`": (2, ["moto", "boto3", "responses"]),
    "pyfakefs: `abeja_fs`": (3, ["pyfakefs"]),
    "A disk that fails: `abeja_disk`": (3, ["pyfakefs"]),
    "freezegun and time-machine": (2, ["freezegun"]),
}


def test_every_example_is_run() -> None:
    """None is on the page that is not below."""
    assert set(EXAMPLES) == set(KNOWN)
    assert PAGE.count("```python") == len(KNOWN)


@pytest.mark.parametrize("heading", KNOWN)
def test_an_example_passes(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], heading: str) -> None:
    """With `--abeja-emulate` and without."""
    count, libraries = KNOWN[heading]
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    if "pyfakefs" in libraries and sys.version_info < (3, 11):
        pytest.skip("before Python 3.11 pathlib cannot be faked once a path is made")
    pytester.makepyfile(test_example=EXAMPLES[heading])
    run().assert_outcomes(passed=count)


def test_the_table_names_extras_that_there_are() -> None:
    """Each command installs an extra of the package."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"abeja-emulator\[(\w+)\]", PAGE):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra


def test_links_within_the_page_lead_to_headings() -> None:
    """As the usual renderers make anchors of them."""
    headings = re.findall(r"^## (.+)", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) == anchors
