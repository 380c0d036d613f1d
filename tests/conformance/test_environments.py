"""The environments of the clients: made once, made again where they are not what is wanted, never quietly missing."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Callable

import pytest

from tests.conformance.conftest import REQUIRED

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


@pytest.fixture
def made(make_clients: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Put an environment `cli` as it is wanted where they are made, or one that differs from it."""
    monkeypatch.setattr(make_clients, "FOLDER", tmp_path)
    wanted = make_clients.CLIENTS["cli"]

    def put(**changes: Any) -> None:
        (tmp_path / "cli" / "bin").mkdir(parents=True)
        (tmp_path / "cli" / "bin" / "python").touch()
        stamp = {"python": wanted.pythons[0], "requirements": list(wanted.requirements), "installed": {}, **changes}
        (tmp_path / "cli" / make_clients.STAMP).write_text(json.dumps(stamp))

    return put


def test_what_is_there_is_left_alone(make_clients: ModuleType, made: Callable[..., None], tmp_path: Path) -> None:
    """Nothing is called for it."""
    made()
    before = sorted(tmp_path.rglob("*"))
    assert make_clients.make("there is no such program", "cli") == "cli: is there"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("changes", [{"requirements": ["abejacli"]}, {"python": "3.13"}])
def test_what_is_not_wanted_any_more(
    make_clients: ModuleType, made: Callable[..., None], changes: dict[str, Any]
) -> None:
    """Other pins or another interpreter: it is to be made again."""
    made(**changes)
    assert not make_clients.is_made("cli")


def test_an_interpreter_that_has_gone(make_clients: ModuleType, made: Callable[..., None], tmp_path: Path) -> None:
    """Leaves no environment behind."""
    made()
    python = tmp_path / "cli" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert not make_clients.is_made("cli")


def test_one_that_was_not_finished(make_clients: ModuleType, made: Callable[..., None], tmp_path: Path) -> None:
    """Has no stamp, or half of one."""
    made()
    (tmp_path / "cli" / make_clients.STAMP).write_text("{")
    assert not make_clients.is_made("cli")
    (tmp_path / "cli" / make_clients.STAMP).unlink()
    assert not make_clients.is_made("cli")


def test_an_interpreter_that_is_not_there(make_clients: ModuleType, made: Callable[..., None], tmp_path: Path) -> None:
    """The environment is skipped with a sentence that names what would do."""
    del made
    finds_nothing = shutil.which("false")
    assert finds_nothing is not None
    sentence = make_clients.make(finds_nothing, "py36")
    assert sentence == "py36: skipped, because there is no Python 3.6 here; install one"
    assert list(tmp_path.iterdir()) == []


def test_a_test_without_its_environment(
    client_python: Callable[[str], Path], made: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is skipped and says how to make it; where it has to be there, it fails."""
    del made
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="make clients"):
        client_python("cli")
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="make clients"):
        client_python("cli")
