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
from tests.conformance.scenarios.kit import Kit, checks, scenarios, seen
from tests.conformance.witnesses import WitnessedPlatform, note, note_round

if TYPE_CHECKING:
    from types import CodeType

    from tests.conformance.conftest import Called

#: Environments with older SDKs. Each must pass what the newest passes, but for what it does not have.
OLDER = {"sdk102": "1.0.2", "sdk131": "1.3.1", "sdk200": "2.0.0", "sdk212": "2.1.2", "sdk224": "2.2.4"}

#: Methods that no check calls, and why not.
NOT_DRIVEN = {
    "datalake.Channel.add_datasource": "raises NotImplementedError",
    "datalake.Channel.list_datasources": "raises NotImplementedError",
    "datalake.Channel.remove_datasource": "raises NotImplementedError",
    "training.AbstractSizedIterator.build_entry": "is abstract; each of its subclasses has its own",
    "training.AbstractSizedIterator.invoke_api": "is abstract; each of its subclasses has its own",
}

#: So many checks there are at least; fewer would mean that a file of them is not found.
MANY = 150

CHECKS = {
    f"{name}.{check.__name__}": check
    for name in scenarios()
    for check in checks(importlib.import_module(f"{Kit.__module__.rpartition('.')[0]}.{name}"))
}


def data_source(platform: Platform) -> dict[str, str]:
    """Make a data source, which no client can, and return the variables that name it to the SDK."""
    made = platform.seed.datasource("sensor")
    return {"ABEJA_PLATFORM_DATASOURCE_ID": made.datasource_id, "ABEJA_PLATFORM_DATASOURCE_SECRET": made.secret}


def run_here(name: str, platform: Platform, folder: Path) -> None:
    """Run a check with the SDK of this process, on a platform that nothing is on yet."""
    with Emulation(platform, folder), pytest.MonkeyPatch.context() as patch:
        for variable, value in data_source(platform).items():
            patch.setenv(variable, value)
        CHECKS[name](Kit())


@pytest.mark.parametrize("name", CHECKS)
def test_newest_sdk(name: str, known: dict[CodeType, str], called: Called, tmp_path: Path) -> None:
    """Whatever a check says holds, with nothing absent; what stands behind each call is noted for the page."""
    with seen(known) as methods, WitnessedPlatform(known) as platform:
        run_here(name, platform, tmp_path)
    called.note(name, methods)
    note("abeja-sdk", platform.pairs)


def test_the_newest_sdk_has_everything() -> None:
    """No check is about what it does not have: each passed above, where nothing may be absent."""
    import abeja.version

    note_round(f"abeja-sdk {abeja.version.VERSION}", len(CHECKS), 0)
    assert len(CHECKS) >= MANY


def run_there(python: Path, platform: Platform, folder: Path, *names: str) -> list[dict[str, Any]]:
    """Run the checks of some scenarios, or of all, in an interpreter with nothing but an SDK; return what it told."""
    variables = {**data_source(platform), "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parent)}
    with Server(platform) as server:
        done = subprocess.run(
            [str(python), "-m", "scenarios", *names],
            cwd=folder,
            env={**server.variables(), **variables},
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,  # more than a hundred checks in one process
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", OLDER)
def test_older_sdks(name: str, client_python: Callable[[str], Path], tmp_path: Path) -> None:
    """They pass every check, but for those about things that came later, and so each of their methods is called."""
    with Platform(auth="strict") as platform:
        told = run_there(client_python(name), platform, tmp_path)
        operations = {(entry.method, entry.path): entry.operation for entry in platform.journal if entry.operation}
    known = set(told.pop()["known"])
    assert [each["check"] for each in told] == list(CHECKS)
    failed = [f"{each['check']}\n{each['why']}" for each in told if each["outcome"] == "failed"]
    assert not failed, "\n".join(failed)
    # Which method a call came from is seen there, and which operation it came to here.
    calls = {(method, verb, path) for each in told for method, verb, path in each["calls"]}
    pairs = {(method, operations[verb, path]) for method, verb, path in calls if (verb, path) in operations}
    note(f"abeja-sdk {OLDER[name]}", pairs)
    called = {method for each in told for method in each["methods"]}
    assert known - called <= set(NOT_DRIVEN)
    outcomes = [each["outcome"] for each in told]
    assert outcomes.count("passed") >= len(outcomes) // 3
    note_round(f"abeja-sdk {OLDER[name]}", outcomes.count("passed"), outcomes.count("absent"))


def test_the_newest_sdk_asks_over_the_network(client_python: Callable[[str], Path], tmp_path: Path) -> None:
    """In memory, as above, the organization's host has a name; from another process a proxy leads there."""
    with Platform(auth="strict") as platform:
        told = run_there(client_python("sdk236"), platform, tmp_path, "services_asking")
        assert platform.calls("request_service")
    failed = [each for each in told[:-1] if each["outcome"] != "passed"]
    assert not failed, failed
    assert len(told) > 1
