"""The real SDK is put through every scenario: that of this environment in this process, older ones in their own."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.server import Server
from tests.conformance.client import PATIENCE
from tests.conformance.scenarios.kit import Kit, checks, methods, scenarios
from tests.conformance.witnesses import WitnessedPlatform, note

if TYPE_CHECKING:
    from types import CodeType

#: Environments with older SDKs. Each must pass what the newest passes, but for what it does not have.
OLDER = ("sdk131", "sdk200", "sdk212", "sdk224")

CHECKS = {
    f"{name}.{check.__name__}": check
    for name in scenarios()
    for check in checks(importlib.import_module(f"{Kit.__module__.rpartition('.')[0]}.{name}"))
}


@pytest.fixture(scope="session")
def known() -> dict[CodeType, str]:
    """The methods of the SDK."""
    return methods()


@pytest.mark.parametrize("name", CHECKS)
def test_newest_sdk(name: str, known: dict[CodeType, str], tmp_path: Path) -> None:
    """Whatever a check says holds, with nothing absent; what stands behind each call is noted for the page."""
    with WitnessedPlatform(known) as platform, Emulation(platform, tmp_path):
        CHECKS[name](Kit())
    note("abeja-sdk", platform.pairs)


@pytest.mark.parametrize("name", OLDER)
def test_older_sdks(name: str, client_python: Callable[[str], Path], tmp_path: Path) -> None:
    """They pass every check, but for those about things that came later."""
    with Platform(auth="strict") as platform, Server(platform) as server:
        done = subprocess.run(
            [str(client_python(name)), "-m", "scenarios"],
            cwd=tmp_path,
            env={**server.variables(), "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["check"] for each in told] == list(CHECKS)
    failed = [f"{each['check']}\n{each['why']}" for each in told if each["outcome"] == "failed"]
    assert not failed, "\n".join(failed)
    assert any(each["outcome"] == "passed" for each in told)
