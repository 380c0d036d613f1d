"""What the documents show is what happens."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("every_plugin")
def test_the_example_of_the_readme_passes(pytester: pytest.Pytester) -> None:
    """The ten lines, next to the sample handler, under the command that the README shows."""
    pytest.importorskip("keras", reason="the example trains with Keras")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(test_train=example)
    for name in ("train.py", "data.py", "model.py"):
        shutil.copy(ROOT / "fixtures" / "handlers" / "keras" / name, pytester.path)
    shutil.copytree(ROOT / "fixtures" / "shapes", pytester.path / "fixtures" / "shapes")

    result = pytester.runpytest_subprocess("--abeja-emulate", "-p", "no:randomly", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)


def test_the_commands_of_the_readme_exist() -> None:
    """Every `make` command that a document shows is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = set(re.findall(r"^\$ make ([a-z-]+)", README, re.MULTILINE))
    assert shown == {"demo", "test"}
    assert shown <= targets


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of README and docs/ names a file that is there."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "fixtures" / "README.md"]:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
