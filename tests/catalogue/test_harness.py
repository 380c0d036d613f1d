"""The harness itself: it notices a page that does not show what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.faults.catalogue.pages import scenario
from abeja_emulator.faults.catalogue.scenario import Scenario, scenario_of
from tests.catalogue import harness as tested
from tests.catalogue.harness import Harness, Outcome, fault_of, missing, ways_of
from tests.catalogue.test_scenario import PAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.catalogue.harness import Way

#: Tests of pages, by what is to be noticed of them.
TESTS = {
    "shows": """
def test_it(abeja, abeja_faults):
    abeja_faults.add("list_datasets", status=404)
    import pytest
    from abeja.datasets import APIClient
    with pytest.raises(Exception, match="404"):
        APIClient().list_datasets(abeja.organization.id)
""",
    "shows-nothing": "def test_it(abeja_faults): abeja_faults.add('list_datasets', status=404, optional=True)\n",
    "fails": "def test_it(): assert False, 'this one'\n",
    "breaks": "import nothing_of_this_name\n",
    "asks": "def test_it(pytestconfig): assert pytestconfig.getoption('abeja_install_requirements')\n",
    "skips": "import pytest\n@pytest.mark.skip(reason='not here')\ndef test_it(): pass\n",
}


def page_of(name: str, **changes: str) -> Scenario:
    """Return a page with another test, and other facts."""
    text = PAGE.replace('limit = "99GB"\n', TESTS.get(name, "")).replace("PIL, numpy", "pytest")
    text = text.replace("--one --two=2", "--abeja-install-requirements" if name == "asks" else "")
    for old, new in changes.items():
        text = text.replace(f"**{old}**: mute", f"**{old}**: {new}")
    return scenario_of(name, text)


def test_what_became_of_pages_is_told_from_one_another(
    tmp_path: Path, bare_options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a group do not touch each other, and a test that passes without its failure is found."""
    pages = {name: page_of(name) for name in TESTS}
    monkeypatch.setattr(tested, "readable", lambda: list(pages.values()))
    harness = Harness(tmp_path, bare_options)

    def found(name: str, way: Way) -> str:
        return fault_of(pages[name], way, harness.outcome(pages[name], way))

    assert found("shows", "process") == found("shows", "without") == ""
    assert found("shows-nothing", "process") == ""
    assert found("shows-nothing", "without") == "1 of its tests pass, and so do not show this failure"
    assert "this one" in found("fails", "process")
    assert "nothing_of_this_name" in found("breaks", "process")
    assert "nothing_of_this_name" in found("breaks", "without")
    assert harness.outcome(pages["skips"], "process").skipped == 1
    assert found("asks", "process") == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "process-process-0",
        "process-process-abeja-install-requirements-0",
        "without-process-muted-0",
    ]


def test_a_run_that_breaks_is_told_and_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pytest says of it stands in each page of the group."""
    pages = [page_of("shows"), page_of("fails")]
    monkeypatch.setattr(tested, "readable", lambda: pages)
    harness = Harness(tmp_path, "--no-such-option")

    first = fault_of(pages[0], "process", harness.outcome(pages[0], "process"))
    assert "pytest has not run it" in first
    assert "unrecognized arguments: --no-such-option" in first
    (tmp_path / "process-process-0" / "output.txt").write_text("said once", encoding="utf-8")
    assert "said once" in fault_of(pages[1], "process", harness.outcome(pages[1], "process"))


def test_a_remedy_that_raises_is_no_remedy() -> None:
    """Its test fails then, as it should, but not because the symptom is gone."""
    failed, raised = Outcome(failed=1), Outcome(failed=1, logs="Traceback (most recent call last):\nNameError: x")

    assert fault_of(page_of("shows"), "mended", failed) == ""
    assert fault_of(page_of("shows", without="mended"), "without", failed) == ""
    assert "NameError: x" in fault_of(page_of("shows"), "mended", raised)
    assert "NameError: x" in fault_of(page_of("shows", without="mended"), "without", raised)
    assert fault_of(page_of("shows"), "without", raised) == ""


def test_the_ways_of_a_page() -> None:
    """Where it runs, without its failure, and mended if that is not the same."""
    assert ways_of(page_of("shows")) == ["process", "child", "without", "mended"]
    assert ways_of(page_of("shows", without="mended")) == ["process", "child", "without"]
    assert ways_of(scenario("certificate-not-trusted")) == ["process", "without"]


@pytest.mark.parametrize(
    ("needs", "lacking"),
    [
        ("pytest, abeja_emulator", []),
        ("no_such_module", ["no_such_module"]),
        ("python 3.9", []),
        ("python 3.99", ["python 3.99"]),
        ("pytest 1", []),
        ("pytest <1", ["pytest <1"]),
        ("pytest 999", ["pytest 999"]),
        ("pytest <999", []),
    ],
)
def test_what_a_page_needs(needs: str, lacking: list[str]) -> None:
    """Modules, with the least version or the first that is too new."""
    assert missing(scenario_of("page", PAGE.replace("PIL, numpy", needs))) == lacking
