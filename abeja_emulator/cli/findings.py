"""What the doctor looks at, and what it finds."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

#: It will not work; it may not do what one thinks; good to know.
Level = Literal["breaks", "mind", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor has to say.

    Attributes:
        level: how bad it is.
        what: what there is.
        why: what comes of it.
        do: what to do about it.
    """

    level: Level
    what: str
    why: str
    do: str


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes:
        version: as it says.
        requires: its requirements, as they are written in its metadata.
    """

    version: str
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What there is here.

    Attributes:
        python: version of this Python.
        packages: normalized name → package, the first one that Python finds.
        environment: the variables of the shell.
        home: the user's folder.
        system: `linux`, `darwin` and so on.
    """

    python: tuple[int, int]
    packages: Mapping[str, Package]
    environment: Mapping[str, str]
    home: Path
    system: str

    @classmethod
    def of_here(cls) -> Facts:
        """Return those of this process."""
        packages: dict[str, Package] = {}
        for found in distributions():
            # One whose installation was broken off has no name.
            name = found.metadata["Name"]
            if name:
                packages.setdefault(normalized(name), Package(found.version, tuple(found.requires or ())))
        return cls((sys.version_info[0], sys.version_info[1]), packages, dict(os.environ), Path.home(), sys.platform)

    def version(self, package: str) -> tuple[int, ...] | None:
        """Return the numbers of a package's version, or None when it is not installed."""
        found = self.packages.get(package)
        return None if found is None else numbers(found.version)

    def shown(self, package: str) -> str:
        """Return the name and the version of a package that is installed."""
        return f"{package} {self.packages[package].version}"


def normalized(name: str) -> str:
    """Return the name of a package as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found is not None else ()
