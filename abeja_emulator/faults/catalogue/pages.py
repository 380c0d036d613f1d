"""The pages of the catalogue, by name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from abeja_emulator.faults.catalogue.scenario import FAMILIES, Scenario, scenario_of

#: Where the pages are.
FOLDER = Path(__file__).parent


class UnknownScenario(LookupError):
    """No page has that name."""

    def __str__(self) -> str:
        return str(self.args[0])


def names() -> list[str]:
    """Return the names of all pages."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def text_of(name: str) -> str:
    """Return a page as it is written.

    Raises:
        UnknownScenario: when no page has that name.
    """
    known = names()
    if name not in known:
        raise UnknownScenario(_meant(name, known))
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def scenario(name: str) -> Scenario:
    """Return what a page says.

    Raises:
        UnknownScenario: when no page has that name.
        PageError: when it says something that cannot be.
    """
    return scenario_of(name, text_of(name))


def scenarios(family: str | None = None) -> list[Scenario]:
    """Return what all pages say, or those of a family, by family and name.

    Raises:
        PageError: when one says something that cannot be.
    """
    found = [scenario(name) for name in names()]
    return sorted(
        (each for each in found if family in {None, each.family}),
        key=lambda each: (FAMILIES.index(each.family), each.name),
    )


def _meant(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 3)
    words = set(name.lower().replace("_", "-").split("-"))
    akin = near or [each for each in known if words & set(each.split("-"))][:3]
    if akin:
        return f"no failure of the catalogue is called {name!r}; did you mean {' or '.join(akin)}?"
    # What somebody has read in a log is no name, but leads to one.
    said = [each for each in known if " ".join(name.lower().split()) in " ".join(text_of(each).lower().split())]
    if said and name.strip():
        return f"no failure of the catalogue is called {name!r}; it is what is said in {', '.join(said)}"
    return f"no failure of the catalogue is called {name!r}; abeja-emulator faults list shows all of them"
