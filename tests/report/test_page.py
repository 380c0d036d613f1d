"""The report page is one file, well-formed, and says what the summary says."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.report.page import STYLE, page
from abeja_emulator.report.summary import CHARACTERS_SHOWN
from tests.report.records import failed, faulted, learned, served
from tests.report.talkative import talkative

if TYPE_CHECKING:
    from abeja_emulator.report.records import TestRecord

VOID = {"meta", "br"}


class Checker(HTMLParser):
    """Notes what is open, what is loaded from elsewhere, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.foreign: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and what it refers to."""
        self.tags.append(tag)
        self.foreign += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the innermost open tag is the one that ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def checked(*records: TestRecord) -> Checker:
    """Return the parsed page of tests, two by default."""
    checker = Checker()
    checker.feed(page(records or [learned(), failed()]))
    checker.close()
    return checker


def test_it_is_well_formed_and_needs_nothing_else() -> None:
    """Every tag ends where it should; nothing is loaded from anywhere."""
    checker = checked()
    assert checker.open == []
    assert checker.foreign == []
    assert "script" not in checker.tags


def test_it_shows_curves_artifacts_calls_and_log() -> None:
    """Two pictures for the job that learned."""
    checker = checked()
    assert checker.tags.count("svg") == 2
    for text in ("model.h5", "117.0 kB", "GET /nowhere", "is no operation", "Traceback", "weights.example", "broken:2"):
        assert text in checker.text


def test_it_shows_services_and_runs() -> None:
    """Status and log; that of what failed is open."""
    text = page([served()])
    assert '<span class="Failed">FAILED</span> shapes <small>service ser-1</small>' in text
    assert "<details open><summary>log, last 1 lines</summary><pre>No module named &#x27;&lt;main&gt;&#x27;" in text
    assert "SUCCEEDED</span> shapes <small>run run-1</small>" in text


def test_it_shows_what_went_wrong_on_purpose() -> None:
    """How often each fault fired, at which calls, and what was tried again; in the table what the client saw."""
    checker = checked(faulted())
    for text in (
        "fault create_dataset lost: fired once, 1 call of the client because of it",
        "POST /<datasets>: answer lost",
        "because of it\n  POST /<datasets> → 200",
        "fault get_dataset status=503: did not fire",
        "no answer (fault: answer lost, done with 200)",
        "200 (because of fault 1)",
    ):
        assert text in checker.text


def test_names_are_text_and_never_markup() -> None:
    """A test or an error may be called anything."""
    checker = checked()
    assert "b" not in checker.tags
    assert "test_<b>bold</b>" in checker.text
    assert "KeyError: '<missing>'" in checker.text


@pytest.mark.parametrize(
    ("outcome", "meaning"),
    [("xfailed", "failed, as it is expected to"), ("xpassed", "passed, but is expected to fail")],
)
def test_what_was_expected_is_told(outcome: str, meaning: str) -> None:
    """In pytest's word, which has a colour of its own, and in plain ones."""
    record = learned()
    record.outcome = outcome
    assert f'<span class="{outcome}">{outcome}</span>' in page([record])
    assert f".{outcome}" in STYLE
    assert f"{outcome} test_train.py::test_it_learns {meaning}" in checked(record).text
    assert "expected" not in checked(learned(), failed()).text


def test_no_line_is_longer_than_anybody_reads() -> None:
    """Of a log, a message, a path or an error; what is cut off is counted."""
    text = checked(talkative()).text
    for beginning in ("MESSAGE", "REFUSED", "ERROR"):
        assert (
            f"{beginning}{'x' * (CHARACTERS_SHOWN - len(beginning))}… (100000{len(beginning)} characters more)" in text
        )
    assert f"\n{'z' * CHARACTERS_SHOWN}… (1 character more)\n" in text
    assert f"{'y' * CHARACTERS_SHOWN}\n" in text
    assert "x" * (CHARACTERS_SHOWN + 1) not in text
    assert "\nthe end" in text
