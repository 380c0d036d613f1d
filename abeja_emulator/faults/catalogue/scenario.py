"""A page of the catalogue as data, read from its text.

A page has a title, a list of what is known of it, paragraphs that begin with a bold word, and files: a line with a name
in backquotes and nothing else, and the block of code below it. `train.py (mended)` is the file `train.py` with the
remedy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn, Optional

#: What the pages are about, in the order in which they are listed.
FAMILIES = ("network", "data", "training", "disk", "models", "clients")

#: Where a job or a model runs.
PLACES = ("process", "child")

#: How well a failure is known, best first.
GRADES = ("client", "documented", "inferred")

#: The file that shows the failure, which every page has.
TEST = "test_it.py"

_PARAGRAPHS = ("symptom", "cause", "raised", "remedy")

_MENDED = " (mended)"

_FACT = re.compile(r"^- \*\*([a-z ]+)\*\*: (.+)$", re.MULTILINE)
_PARAGRAPH = re.compile(r"^\*\*([A-Z][a-z]+)\.\*\* (.+?)$(?=\n\n|\n?\Z)", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./-]+(?: \(mended\))?)`\n+```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class PageError(ValueError):
    """A page says something that cannot be."""


@dataclass(frozen=True)
class Without:
    """How a failure is taken away, so that its test can be shown to fail then.

    Attributes:
        kind: `mute`: its faults do not fire; `replace`: a text of its test is another; `mended`: its handler is.
        old: the text that is replaced.
        new: what stands there then.
    """

    kind: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Scenario:
    """A failure: what one sees, why, and a test that shows it.

    Attributes:
        name: of the page, as a person would look for it.
        title: what one sees, in a few words.
        family: one of `FAMILIES`.
        places: of `PLACES`, those where its test passes.
        only: why it is not both of them; empty where it is.
        grade: one of `GRADES`.
        source: where it is known from.
        without: how it is taken away.
        symptom: what a person sees, with the text of the error.
        cause: why it happens.
        raised: the exception, and where it comes up.
        remedy: what to do.
        files: name → text, `TEST` among them.
        mended: those of them that are others with the remedy.
        needs: modules that have to be there, with the least version where it matters, or the first that is too
            new: `urllib3 2`, `python <3.12`.
        options: of the run of pytest in which its test shows the failure.
    """

    name: str
    title: str
    family: str
    places: tuple[str, ...]
    only: str
    grade: str
    source: str
    without: Without
    symptom: str
    cause: str
    raised: str
    remedy: str
    files: dict[str, str]
    mended: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def files_without(self) -> dict[str, str]:
        """Return its files when the failure is taken away; with `mute` they are the same."""
        if self.without.kind == "mended":
            return {**self.files, **self.mended}
        if self.without.kind == "replace":
            return {**self.files, TEST: self.files[TEST].replace(self.without.old, self.without.new)}
        return dict(self.files)


def scenario_of(name: str, text: str) -> Scenario:
    """Return what a page says.

    Raises:
        PageError: when something is missing, or is none of what there is.
    """
    return _Page(name, text).scenario()


class _Page:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._facts: dict[str, str] = dict(_FACT.findall(text.partition("\n**")[0]))
        self._prose: dict[str, str] = {
            word.lower(): " ".join(said.split()) for word, said in _PARAGRAPH.findall(_without_code(text))
        }

    def scenario(self) -> Scenario:
        heading = self._text.partition("\n")[0]
        if not heading.startswith("# "):
            self._refuse("its first line is no title, '# What one sees'")
        said = {
            word: self._prose.get(word) or self._refuse(f"it has no paragraph '**{word.title()}.**'")
            for word in _PARAGRAPHS
        }
        files: dict[str, str] = dict(_FILE.findall(self._text))
        mended = {name[: -len(_MENDED)]: text for name, text in files.items() if name.endswith(_MENDED)}
        files = {name: text for name, text in files.items() if not name.endswith(_MENDED)}
        if TEST not in files:
            self._refuse(f"it has no file {TEST!r}")
        for name in mended:
            if name not in files:
                self._refuse(f"{name!r} is mended, and not there")
        places, only = self._places()
        grade, source = self._evidence()
        return Scenario(
            name=self._name,
            title=heading[2:].strip(),
            family=self._one_of("family", FAMILIES),
            places=places,
            only=only,
            grade=grade,
            source=source,
            without=self._without(files, mended),
            files=files,
            mended=mended,
            needs=tuple(word.strip() for word in self._facts.get("needs", "").split(",") if word.strip()),
            options=self._options(),
            **said,
        )

    def _fact(self, name: str) -> str:
        return self._facts.get(name) or self._refuse(f"it does not say '- **{name}**: …'")

    def _one_of(self, name: str, known: tuple[str, ...], said: Optional[str] = None) -> str:
        value = self._fact(name) if said is None else said
        if value not in known:
            self._refuse(f"{name} {value!r} is none of {', '.join(known)}")
        return value

    def _places(self) -> tuple[tuple[str, ...], str]:
        named, _, only = self._fact("where").partition(":")
        places = tuple(self._one_of("where", PLACES, word.strip()) for word in named.split(","))
        if set(places) != set(PLACES) and not only.strip():
            self._refuse(f"it says no reason why it is only in a {named}: '- **where**: {named}: …'")
        return places, only.strip()

    def _evidence(self) -> tuple[str, str]:
        said = self._fact("known from")
        grade = re.split(r"\W", said, maxsplit=1)[0]
        return self._one_of("known from", GRADES, grade), said[len(grade) :].lstrip(" —-:,(").rstrip(")")

    def _options(self) -> tuple[str, ...]:
        options = tuple(self._facts.get("options", "").split())
        for option in options:
            if not option.startswith("--"):
                self._refuse(f"options {option!r} is no option of pytest, '--name' or '--name=value'")
        return options

    def _without(self, files: dict[str, str], mended: dict[str, str]) -> Without:
        kind, _, rest = self._fact("without").partition(" ")
        if kind == "replace":
            old, arrow, new = (part.strip().strip("`") for part in rest.partition("=>"))
            if not arrow or old not in files[TEST]:
                self._refuse(f"'replace {rest}' must be 'replace OLD => NEW', and OLD must stand in {TEST}")
            return Without(kind, old, new)
        if self._one_of("without", ("mute", "mended"), kind) == "mended" and not mended:
            self._refuse("it says mended, and has no file that is")
        return Without(kind)

    def _refuse(self, why: str) -> NoReturn:
        message = f"page {self._name!r} of the catalogue: {why}"
        raise PageError(message)


def _without_code(text: str) -> str:
    return _FILE.sub("", text)
