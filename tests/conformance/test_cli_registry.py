"""The command line client and the registry: repositories made, described and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.services.registry.rules import Repositories
from tests.conformance.client import shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.registry.records import Repository
    from tests.conformance.client import Abeja


def registry(abeja: Abeja, command: str, *arguments: str) -> Any:
    """Run a command of the group `registry`, and return what it answers."""
    return abeja("registry", command, *arguments).json


def kept(server: Server) -> list[Repository]:
    """Return the repositories of the default organization."""
    with server.platform.world.store.reading():
        return Repositories(server.platform.world).select(server.platform.organization.id, 0, 100)[0]


def test_repositories(abeja: Abeja, server: Server) -> None:
    """They are made, with a description and without, described one by one and all at once, and deleted."""
    made = registry(abeja, "create-repository", "--name", "my-image", "--description", "画像")
    (record,) = kept(server)
    fields = ("id", "organization_id", "name", "description", "created_at", "updated_at")
    shows(made, record, *fields)
    assert (record.name, record.description) == ("my-image", "画像")
    other = registry(abeja, "create-repository", "--name", "other")
    assert other["description"] is None
    assert registry(abeja, "describe-repository", "--repository_id", record.id) == made
    listed = registry(abeja, "describe-repositories")
    assert [each["id"] for each in listed["registry_repositories"]] == [record.id, other["id"]]
    page = registry(abeja, "describe-repositories", "--limit", "1", "--offset", "1")
    assert [each["id"] for each in page["registry_repositories"]] == [other["id"]]
    assert registry(abeja, "delete-repository", "--repository_id", record.id) == made
    assert [each.name for each in kept(server)] == ["other"]


def test_tags(abeja: Abeja, server: Server) -> None:
    """Those that a push has left are described, a part of them when that is asked for."""
    made = registry(abeja, "create-repository", "--name", "my-image")
    repositories, creator = Repositories(server.platform.world), server.platform.user.id
    with server.platform.world.store.transaction():
        for number in range(3):
            repositories.tag(kept(server)[0], f"1.{number}", creator, digest=f"sha256:{number:064}", size=number)
    where = ("--repository_id", made["id"])
    tags = registry(abeja, "describe-repository-tags", *where)["tags"]
    assert [(tag["name"], tag["size"]) for tag in tags] == [("1.0", 0), ("1.1", 1), ("1.2", 2)]
    page = registry(abeja, "describe-repository-tags", *where, "--limit", "1", "--offset", "1")
    assert page["tags"] == tags[1:2]
    assert page["has_next"] is True


def test_refusals(abeja: Abeja, server: Server) -> None:
    """The client says what failed, and shows the platform's words."""
    registry(abeja, "create-repository", "--name", "my-image")
    said = abeja("registry", "create-repository", "--name", "my-image", code=1)
    assert said.out == "create-repository failed.\n"
    assert "exists already" in said.error
    for command in ("describe-repository", "describe-repository-tags", "delete-repository"):
        said = abeja("registry", command, "--repository_id", "1999999999999", code=1)
        assert said.out == f"{command} failed.\n"
        assert "404 Not Found" in said.error
    assert len(kept(server)) == 1
