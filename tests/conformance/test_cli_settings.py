"""How the command line client finds the server and says who it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from tests.conformance.client import Abeja


def test_every_variable_is_taken(abeja: Abeja, server: Server) -> None:
    """`Server.variables` are all that it needs, and it reports them as its own."""
    variables = server.variables()
    shown = json.loads(abeja("config", "show", "--format", "json").out)
    assert shown["abeja-platform-user"] == variables["ABEJA_PLATFORM_USER_ID"]
    assert shown["personal-access-token"] == variables["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
    assert shown["organization-name"] == variables["ABEJA_ORGANIZATION_ID"]


def test_a_file_of_its_own(abeja: Abeja, server: Server) -> None:
    """`config init` asks for the credentials, and the address may be in the file too."""
    variables = server.variables()
    names = ("ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "ABEJA_ORGANIZATION_ID")
    for name in variables:
        del abeja.variables[name]
    assert "configuration not found" in abeja("datalake", "describe-channels", code=1).out
    abeja("config", "init", typed="".join(f"{variables[name]}\n" for name in names))
    path = abeja.home / ".abeja" / "config"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "abeja-api-url": server.url}), encoding="utf-8")
    server.platform.seed.channel("mine")
    channels = abeja("datalake", "describe-channels").json["channels"]
    assert [channel["name"] for channel in channels] == ["mine"]


def test_the_name_of_the_organization(abeja: Abeja, server: Server) -> None:
    """Is as good as its id."""
    server.platform.seed.channel("mine")
    abeja.variables["ABEJA_ORGANIZATION_ID"] = server.platform.organization.name
    channels = abeja("datalake", "describe-channels").json["channels"]
    assert [channel["name"] for channel in channels] == ["mine"]


def test_a_bearer_token(abeja: Abeja, server: Server) -> None:
    """Is sent where no user is named."""
    server.platform.seed.bearer_token("of-a-machine")
    for name in ("ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"):
        del abeja.variables[name]
    abeja.variables["PLATFORM_AUTH_TOKEN"] = "of-a-machine"
    assert abeja("datalake", "describe-channels").json["channels"] == []
    abeja.variables["PLATFORM_AUTH_TOKEN"] = "of-another"
    assert "401 Unauthorized" in abeja("datalake", "describe-channels", code=1).error


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "wrong", "401 Unauthorized"),
        ("ABEJA_PLATFORM_USER_ID", "user-1999999999999", "401 Unauthorized"),
        ("ABEJA_ORGANIZATION_ID", "theirs", "403 Forbidden"),
        ("ABEJA_ORGANIZATION_ID", "nobodys", "404 Not Found"),
    ],
)
def test_who_is_not_let_in(abeja: Abeja, server: Server, name: str, value: str, status: str) -> None:
    """The server is strict: a wrong token, user or organization is refused, in words that reach the person."""
    server.platform.seed.organization("theirs")
    abeja.variables[name] = value
    said = abeja("dataset", "describe-datasets", code=1)
    assert said.out == "describe-dataset failed.\n"
    assert status in said.error


def test_the_server_as_a_proxy(abeja: Abeja, server: Server) -> None:
    """The platform's own address, over plain HTTP, leads to the server, and so do the URLs that it signs."""
    abeja.variables.update(ABEJA_API_URL="http://api.abeja.io", http_proxy=server.url)
    channel = server.platform.seed.channel("mine")
    server.platform.seed.file(channel, b"content", metadata={"filename": "file.txt"})
    abeja("datalake", "download", "--channel-id", channel, "--output-path", "there")
    assert (abeja.folder / "there" / "file.txt").read_bytes() == b"content"
    (call,) = server.platform.calls("download_file")
    assert call.status == 200
