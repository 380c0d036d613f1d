"""What `docs/contributing.md` shows works: its ten lines are an operation, and its command writes one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import abeja_emulator.platform
from abeja_emulator.errors import NotFound
from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.services.openapi import platform_openapi
from abeja_emulator.wire.call import Call, World
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.operations import Evidence, Operation, operation
from tests.platform_calls import answer, call

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
TEN = 14


class Robot(msgspec.Struct):
    """A robot."""

    robot_id: str
    name: str


class Robots:
    """The rule that the page speaks of."""

    def __init__(self, world: World) -> None:
        self._table = world.store.table("robot", Robot)

    def get(self, organization_id: str, robot_id: str) -> Robot:
        """Return a robot."""
        found = self._table.get(organization_id, robot_id)
        if found is None:
            message = f"robot {robot_id!r} does not exist"
            raise NotFound(message)
        return found


@pytest.fixture(scope="module")
def declared() -> Operation:
    """The operation of the page."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(block.splitlines()) <= TEN
    names: dict[str, Any] = {
        "operation": operation,
        "Robot": Robot,
        "Robots": Robots,
        "Evidence": Evidence,
        "Call": Call,
    }
    # As a module of a service, whose folder is the name of the service.
    names["__name__"] = "abeja_emulator.services.robots.operations"
    exec(block, names)  # noqa: S102 - our own page
    found: Operation = names["get_robot"]
    return found


@pytest.fixture
def platform(declared: Operation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A strict platform that has it, and one robot."""
    monkeypatch.setattr(abeja_emulator.platform, "all_operations", lambda: (*all_operations(), declared))
    with Platform(auth="strict") as platform:
        with platform.world.store.transaction():
            platform.world.store.table("robot", Robot).insert(platform.organization.id, "7", Robot("7", "Ada"))
        yield platform


def test_the_ten_lines(declared: Operation, platform: Platform) -> None:
    """It is routed to, asks for a credential, is validated, refuses, is in the journal and in OpenAPI."""
    path = "/organizations/{org}/robots/"
    assert answer(platform.handle(Request("GET", path + "7")), 401)["error"]
    platform.auth = "open"
    assert answer(call(platform, "GET", path + "7")) == {"robot_id": "7", "name": "Ada"}
    assert "robot '8' does not exist" in answer(call(platform, "GET", path + "8"), 404)["error_description"]
    assert answer(call(platform, "DELETE", path + "7"), 405)["error"]
    assert [entry.operation for entry in platform.calls("get_robot")] == ["get_robot"] * 3
    (described,) = platform_openapi([declared])["paths"].values()
    assert described["get"]["summary"] == "Return a robot."
    assert described["get"]["tags"] == ["robots"]
    assert described["get"]["x-evidence"] == "client"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the command writes into."""
    for name in ("abeja_emulator", "tests"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "cli", "conformance")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the copy, with what is in it before what is installed."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


def written(project: Path, *arguments: str) -> list[str]:
    """Run the program of the page on the copy, and return the files it names."""
    done = run(project, str(ROOT / "tools" / "new_operation.py"), *arguments, "--root", str(project))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_command(project: Path) -> None:
    """It writes what the page says: an operation that is declared, answers 501, and has a test that fails."""
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    line, *files = block.splitlines()
    words = [word.strip("'") for word in line.split()]
    assert written(project, *words[3:]) == files
    found = run(project, "-c", _SHOW)
    assert found.stdout.split() == ["robots", "get_robot", "GET", "501"], found.stderr
    tested = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", files[-1])
    assert "1 failed" in tested.stdout, tested.stdout + tested.stderr
    assert "its rule is still to be written" in tested.stdout


_SHOW = """
from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.messages import Request

(found,) = [each for each in all_operations() if each.name == "get_robot"]
with Platform() as platform:
    path = f"/organizations/{platform.organization.id}/robots/1"
    answer = platform.handle(Request("GET", path, headers=[("Authorization", "Bearer x")]))
print(found.service, found.name, found.method, answer.status)
"""


@pytest.mark.parametrize("service", ["datasets", "registry"])
def test_into_a_service_that_is_there(project: Path, service: str) -> None:
    """Its module is still one that can be imported, with the errors that it knew before, and has one operation more."""
    path = "/organizations/{organization_id}/robots"
    files = written(project, "POST", path, "create_robot", "--service", service)
    assert files == [
        f"abeja_emulator/services/{service}/operations.py",
        f"tests/services/{service}/test_create_robot.py",
    ]
    code = """
from abeja_emulator.services.catalogue import all_operations
print([each.errors for each in all_operations() if each.name == "create_robot"])
"""
    assert run(project, "-c", code).stdout.strip() == "[(400, 401, 403, 404)]"


@pytest.mark.parametrize(
    ("arguments", "noun", "new"),
    [
        # The last word of the path that is one: there are channels, datasources and files.
        (("POST", "/organizations/{organization_id}/channels/{channel_id}/robots"), "channels", False),
        (("GET", "/channels/{channel_id}/robots", "--noun", "files"), "files", False),
        (("PUT", "/organizations/{organization_id}/robots/{robot_id}", "--noun", "robots"), "robots", True),
    ],
)
def test_into_a_service_that_gathers(project: Path, arguments: tuple[str, ...], noun: str, new: bool) -> None:
    """It goes into the module of its noun, behind what is there; a new one is gathered from, after the others."""
    method, path, *rest = arguments
    before = [each.name for each in all_operations() if each.service == "datalake"]
    folder = "abeja_emulator/services/datalake"
    files = written(project, method, path, "steer_robots", "--service", "datalake", *rest)
    assert files == [
        *[f"{folder}/operations.py"] * new,
        f"{folder}/operations_{noun}.py",
        "tests/services/datalake/test_steer_robots.py",
    ]
    code = """
from abeja_emulator.services.catalogue import all_operations
print(*[each.name for each in all_operations() if each.service == "datalake"])
"""
    done = run(project, "-c", code)
    found = done.stdout.split()
    assert [name for name in found if name != "steer_robots"] == before, done.stderr
    assert found.count("steer_robots") == 1
    assert (found[-1] == "steer_robots") is (new or noun == "files")


@pytest.mark.parametrize("noun", ["channels", "robots"])
def test_imports_are_sorted(project: Path, noun: str) -> None:
    """What is added to a module is imported once, and in its place."""
    pytest.importorskip("ruff")
    written(project, "GET", "/robots", "get_robots", "--service", "datalake", "--noun", noun)
    checked = run(project, "-m", "ruff", "check", "--no-cache", "--select", "I,F", "abeja_emulator/services/datalake")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_many_modules(project: Path) -> None:
    """However many a service gathers from, its `operations.py` can still be imported and has no line too long."""
    gatherer = project / "abeja_emulator" / "services" / "datalake" / "operations.py"
    nouns = [f"robots_of_kind_{number}" for number in range(10)]
    for noun in nouns:
        path = f"/organizations/{{organization_id}}/{noun}"
        written(project, "GET", path, f"get_{noun}", "--service", "datalake", "--noun", noun)
    assert max(map(len, gatherer.read_text(encoding="utf-8").splitlines())) <= 120
    code = """
from abeja_emulator.services.catalogue import all_operations
print(*[each.name for each in all_operations() if "robots" in each.name])
"""
    done = run(project, "-c", code)
    assert done.stdout.split() == [f"get_{noun}" for noun in nouns], done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("GET", "robots", "get_robot", "--service", "robots"), "does not begin with /"),
        (("GET", "/robots", "getRobot", "--service", "robots"), "is no name"),
        (("GET", "/robots", "get_robot", "--service", "my-robots"), "is no service"),
        (("GET", "/robots", "get_dataset", "--service", "datasets"), "datasets has an operation get_dataset already"),
        (("GET", "/robots", "get_channel", "--service", "datalake"), "datalake has an operation get_channel already"),
        (("GET", "/robots", "get_robot", "--service", "datalake", "--noun", "myRobots"), "is no noun"),
        (("GET", "/robots", "get_robot", "--service", "datalake"), "gathers those on channels, datasources, files"),
        (("GET", "/robots", "get_robot", "--service", "datasets", "--noun", "robots"), "leave --noun out"),
        (("GET", "/robots", "get_robot", "--service", "robots", "--noun", "robots"), "leave --noun out"),
        (("GET", "/robots", "get_robot", "--service", "logs"), "logs is what other services share"),
    ],
)
def test_what_cannot_be(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """It is said, and nothing is written."""
    services = tmp_path / "abeja_emulator" / "services"
    services.mkdir(parents=True)
    for name in ("datasets", "datalake", "logs"):
        shutil.copytree(ROOT / "abeja_emulator" / "services" / name, services / name)
    before = sorted(tmp_path.rglob("*"))
    done = run(tmp_path, str(ROOT / "tools" / "new_operation.py"), *arguments, "--root", str(tmp_path))
    assert done.returncode != 0
    assert words in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
