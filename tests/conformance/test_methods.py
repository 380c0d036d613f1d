"""Together the checks call every public method of the SDK: whatever it can say has been said to a Platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.platform import Platform
from tests.conformance.scenarios.kit import seen
from tests.conformance.test_scenarios import CHECKS, NOT_DRIVEN, run_here

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType

    from tests.conformance.conftest import Called

#: Methods that the clients of SDK 2.3.6 have, so that none is overlooked.
API_METHODS = 171


def test_every_method_is_called(known: dict[CodeType, str], called: Called, tmp_path: Path) -> None:
    """But for those that are said not to be: each of these is there, and really is not called.

    Checks that have passed in this run are not run again for it.
    """
    met: set[str] = set()
    for name in CHECKS:
        methods = called.methods(name)
        if methods is None:
            with seen(known) as methods, Platform(auth="strict") as platform:
                run_here(name, platform, tmp_path / name)
        met |= methods
    wanted = set(known.values())
    assert len([name for name in wanted if ".APIClient." in name]) >= API_METHODS
    assert wanted - met == set(NOT_DRIVEN)
