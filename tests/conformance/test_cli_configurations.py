"""The command line client has several configurations, and calls as the user of the one that is active."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.deployments.rules import Deployments

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja

TOKEN = "token-of-the-other"


@pytest.fixture
def users(abeja: Abeja, server: Server) -> tuple[str, str]:
    """The ids of the default user and of another; the client knows them by its file alone, the other as `second`."""
    variables = server.variables()
    names = ("ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "ABEJA_ORGANIZATION_ID")
    user, token, organization = (variables[name] for name in names)
    for name in names:
        del abeja.variables[name]
    second = server.platform.seed.user(TOKEN).id
    abeja("config", "init", typed=f"{user}\n{token}\n{organization}\n")
    abeja("config", "init", "second", typed=f"{second}\n{TOKEN}\n{organization}\n")
    return user, f"user-{second}"


def active(said: str) -> str:
    """Return the name of the active configuration in a list of them."""
    (line,) = (line for line in said.splitlines() if line.startswith("*"))
    return line.split()[1]


def test_switch(abeja: Abeja, server: Server, users: tuple[str, str]) -> None:
    """Whose configuration is active creates what is created, and it is marked in the list."""
    for name, arguments in (("second", ("second",)), ("(default)", ())):
        said = abeja("config", "switch", *arguments)
        assert f'"{name}" successfully activated' in said.out
        listed = abeja("config", "list").out
        assert active(listed) == name
        assert f"{'*' * (len(TOKEN) - 4)}{TOKEN[-4:]}" in listed
        abeja("model", "create-deployment", "--name", name)
    with server.platform.world.store.reading():
        made = Deployments(server.platform.world).all(server.platform.organization.id)
    assert [(each.name, f"user-{each.creator_id}") for each in made] == [
        ("second", users[1]),
        ("(default)", users[0]),
    ]
    assert "Named configuration not found" in abeja("config", "switch", "third", code=2).error


def test_delete(abeja: Abeja, users: tuple[str, str]) -> None:
    """The one that is active goes, once that is confirmed; another one stays, though the client says that it went."""
    assert "successfully deleted" in abeja("config", "delete", "second", "--yes").out
    assert "second" in abeja("config", "list").out
    abeja("config", "delete", code=1, typed="n\n")
    assert active(abeja("config", "list").out) == "(default)"
    abeja("config", "delete", typed="y\n")
    shown = json.loads(abeja("config", "show", "--format", "json").out)
    assert (shown["abeja-platform-user"], shown["personal-access-token"]) == (users[1], TOKEN)
    abeja("config", "delete", "second", "--yes")
    assert "configuration not found" in abeja("config", "list", code=1).out
