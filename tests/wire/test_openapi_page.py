"""The page of an API says all that its document says, and needs nothing from anywhere else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Annotated, Any, Literal, Optional, Union

import msgspec
import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.openapi import platform_openapi
from abeja_emulator.wire.content import Download, Multipart, Upload
from abeja_emulator.wire.openapi import openapi
from abeja_emulator.wire.openapi_page import page, shown
from abeja_emulator.wire.operations import Base, Evidence, Operation

#: Elements that have no end.
_VOID = {"meta", "input"}


class Reader(HTMLParser):
    """Reads a page, and notes what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        elif tag != "a":
            self.loaded += [given[name] for name in ("src", "href") if name in given]

    def handle_endtag(self, tag: str) -> None:
        """Check that what ends is what began last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take the text."""
        self.text += data


def read(text: str) -> Reader:
    """Return what a browser would make of a page."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


class Leaf(msgspec.Struct):
    """A leaf."""

    size: Annotated[int, msgspec.Meta(ge=1, le=9)]


class Tree(msgspec.Struct):
    """A tree, which may grow on another."""

    name: Annotated[str, msgspec.Meta(max_length=5)]
    leaves: list[Leaf]
    kind: Literal["oak", "elm"]
    marks: dict[str, Optional[float]]
    anything: Any = None
    on: Optional[Tree] = None
    age: Union[int, str, None] = None


def rule(call: Any) -> Any:
    """Plant `<b>`.

    It grows & grows.
    """


def declared(**fields: Any) -> Operation:
    """Return an operation."""
    values = {"name": "plant", "method": "POST", "path": "/{place}/trees", "rule": rule, "service": "wood"}
    return Operation(**{**values, "evidence": Evidence.CLIENT, "source": "the forester", **fields})


def text_of(*operations: Operation) -> str:
    """Return the text of the page of some operations."""
    return read(page(openapi(operations, title="Trees", version="1"))).text


class TestWhole:
    """The page of the platform."""

    def test_every_operation_is_on_it(self) -> None:
        """Once, under its name, with its path; every link leads to a service."""
        reader = read(page(platform_openapi()))
        operations = all_operations()
        others = {f"{each.name}_with_{way.lower()}" for each in operations for way in each.also}
        assert sorted(reader.ids) == sorted(
            {each.name for each in operations} | {each.service for each in operations} | others
        )
        assert set(reader.links) == {f"#{operation.service}" for operation in operations}
        for operation in operations:
            assert operation.path in reader.text

    def test_nothing_is_fetched(self) -> None:
        """No script, style or picture of another place."""
        text = page(platform_openapi())
        assert read(text).loaded == []
        assert not re.search(r"https?://(?!api\.abeja)[a-z]", re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL))


class TestOperation:
    """One operation."""

    def test_words(self) -> None:
        """Summary, description, evidence, source and role are there, and nothing of them is taken for HTML."""
        text = text_of(declared(answer=Tree))
        for words in ("Plant <b>.", "It grows & grows.", "client", "known from the forester", "POST", "/{place}/trees"):
            assert words in text
        assert "needs the role regular" in text

    def test_types(self) -> None:
        """A person sees what may be left out, what may be null, and what is allowed."""
        text = text_of(declared(answer=Tree))
        for line in (
            '"name": string, at most 5',
            '"leaves": [{',
            '"size": integer ≥ 1 ≤ 9',
            '"kind": "elm" | "oak"',
            '"marks": {string: number | null}',
            '"anything"?: anything',
            '"age"?: integer | string | null',
        ):
            assert line in text, line
        assert "…" in text, "a type that has itself in it ends somewhere"

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"body": Tree, "answer": Tree}, "body"),
            ({"body": Upload, "answer": Download}, "bytes"),
            ({"body": Multipart("picture", Leaf), "answer": Leaf}, '"picture": bytes'),
            ({"query": Leaf, "answer": Leaf}, "integer ≥ 1 ≤ 9"),
            ({"base": Base.ORGANIZATION, "answer": Leaf}, "{organization}.api.abeja.io/{place}/trees"),
            ({"errors": (404,), "answer": Leaf}, "404Nothing has that id or path."),
            ({"rule": None}, "501"),
        ],
    )
    def test_parts(self, fields: dict[str, Any], words: str) -> None:
        """Bodies, queries, hosts and refusals are told."""
        assert words in text_of(declared(**fields))

    def test_what_is_not_emulated_is_pale(self) -> None:
        """It has another look."""
        document = openapi([declared(rule=None)], title="Trees", version="1")
        assert 'class="limit"' in page(document)
        assert 'class="limit"' not in page(openapi([declared(answer=Tree)], title="Trees", version="1"))


def test_a_schema_that_says_nothing() -> None:
    """Is anything."""
    assert shown({}, {}) == "anything"
    assert shown({}, {"type": "object"}) == "object"
    assert shown({}, {"enum": [1, None, "a"]}) == '1 | null | "a"'
