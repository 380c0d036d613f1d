"""The drift check finds every call of a client, and tells those that nothing here answers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.routing import Router
from tests.programs import TOOLS, load_program

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PROGRAM = TOOLS / "check_drift.py"


@pytest.fixture(scope="module")
def drift() -> ModuleType:
    """The program, as a module."""
    return load_program("check_drift")


def found(drift: ModuleType, folder: Path, body: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return method and paths of the calls in a function with that body."""
    package = folder / "client"
    package.mkdir(exist_ok=True)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (package / "commands.py").write_text(f"HERE = '/organizations/{{}}/here'\ndef f(self, a, b):\n{lines}\n")
    return [(call.method, call.paths) for call in drift.calls_of(package)]


@pytest.mark.parametrize(
    ("body", "method", "paths"),
    [
        ("self._connection.api_request(method='GET', path='/x/{}'.format(a))", "GET", ("/x/{}",)),
        ("path = '/x'\nself._connection.api_request('PUT', path)", "PUT", ("/x",)),
        (
            "path = '/organizations/{}'.format(a)\npath = path + '/y?z=1'\napi_get(path)",
            "GET",
            ("/organizations/{}/y",),
        ),
        ("url = f'{ORGANIZATION_ENDPOINT}/a/{b}'\napi_patch(url, a)", "PATCH", ("/organizations/{}/a/{}",)),
        ("url = '{}/a'.format(WEB_API_ENDPOINT)\napi_post(url, a)", "POST", ("<organization>/a",)),
        ("url = '%s/a/%s' % (ORGANIZATION_ENDPOINT, b)\nsession.delete(url)", "DELETE", ("{}/a/{}",)),
        ("api_get_data(ORGANIZATION_ENDPOINT.replace('org', 'lab/org'), a)", "GET", ("/lab/organizations/{}",)),
        ("api_get(HERE.format(a))", "GET", ("/organizations/{}/here",)),
        ("if a:\n    url = '/x'\nelse:\n    url = '/y'\napi_get(url)", "GET", ("/x", "/y")),
        ("url = '/x'\nif a:\n    url += '/y'\napi_get(url)", "GET", ("/x/y", "/x")),
        ("with a:\n    url = '/x'\n    try:\n        api_get(url)\n    except E:\n        pass", "GET", ("/x",)),
        ("api_get('/x' if a else '/y')", "GET", ("/x", "/y")),
    ],
)
def test_a_call_is_found(drift: ModuleType, tmp_path: Path, body: str, method: str, paths: tuple[str, ...]) -> None:
    """Whatever way its URL is put together."""
    expected = [] if paths[0].startswith("{}") else [(method, paths)]
    assert found(drift, tmp_path, body) == expected


def test_each_call_has_what_is_known_where_it_stands(drift: ModuleType, tmp_path: Path) -> None:
    """A name that is used again later does not change what it was."""
    body = "path = '/x'\nself.api_request(method='GET', path=path)\npath = '/y'\nself.api_request('POST', path=path)"
    assert found(drift, tmp_path, body) == [("GET", ("/x",)), ("POST", ("/y",))]


@pytest.mark.parametrize("body", ["a.get('name')", "session.get(a)", "api_get('http://localhost/x')", "a.get()"])
def test_what_is_no_call_of_the_platform(drift: ModuleType, tmp_path: Path, body: str) -> None:
    """Look-ups in a dict, signed URLs, and other hosts."""
    assert found(drift, tmp_path, body) == []


def test_the_sdk_that_is_installed(drift: ModuleType) -> None:
    """Every operation that its clients have is found, and none is unknown here."""
    package = next(folder for folder in drift.packages() if folder.name == "abeja")
    router = Router(all_operations())
    calls = list(drift.calls_of(package))
    assert len(calls) > 100
    assert [call for call in calls if not drift.answered(router, call)] == []


def test_a_call_that_came_new(drift: ModuleType, tmp_path: Path) -> None:
    """The program names it with its place, and fails."""
    found(drift, tmp_path, "api_get(ORGANIZATION_ENDPOINT + '/quantum_jobs')\napi_get(ORGANIZATION_ENDPOINT)")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path / "client")],
        cwd=PROGRAM.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "client/commands.py:3: GET /organizations/{}/quantum_jobs is no operation here" in done.stdout
    assert "client: 2 calls, 1 of them are neither emulated nor listed as a limit" in done.stdout
    assert "abeja_emulator/services" in done.stderr
