"""The client of a server: where it looks for one, whom it takes for one, and what it says of itself."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.address import DEFAULT_URL, is_loopback, server_url
from abeja_emulator.cli.client import Client, NoServerError, ServerError, authorization, segment
from abeja_emulator.cli.exits import CommandError
from tests.cli.test_seed import listener

if TYPE_CHECKING:
    from tests.cli.commands import Server


class TestAddress:
    """Where the server is."""

    @pytest.mark.parametrize(
        ("option", "variables", "url"),
        [
            (None, {}, DEFAULT_URL),
            (None, {"ABEJA_EMULATOR_URL": "", "ABEJA_API_URL": ""}, DEFAULT_URL),
            (None, {"ABEJA_API_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
            (None, {"ABEJA_API_URL": "http://[::1]:1"}, "http://[::1]:1"),
            (None, {"ABEJA_API_URL": "https://api.abeja.io"}, DEFAULT_URL),
            (None, {"ABEJA_API_URL": "http://127.0.0.1:1", "ABEJA_EMULATOR_URL": "http://box:2"}, "http://box:2"),
            (
                "http://box:3/",
                {"ABEJA_API_URL": "http://127.0.0.1:1", "ABEJA_EMULATOR_URL": "http://box:2"},
                "http://box:3",
            ),
        ],
    )
    def test_the_nearest_wins(self, option: str | None, variables: dict[str, str], url: str) -> None:
        """The option, then our variable, then the SDK's; but the real platform is never taken for a server."""
        assert server_url(option, variables) == url

    @pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:8910", "ftp://127.0.0.1", "http://"])
    def test_what_is_no_url(self, url: str) -> None:
        """Anything but `http://host` is refused, and the sentence says which variable it came from."""
        with pytest.raises(CommandError, match="--url is") as refused:
            server_url(url, {})
        assert refused.value.code == 2
        with pytest.raises(CommandError, match="ABEJA_EMULATOR_URL is"):
            server_url(None, {"ABEJA_EMULATOR_URL": url})

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST"])
    def test_this_machine(self, host: str) -> None:
        """A name or an address of the loopback."""
        assert is_loopback(host)

    @pytest.mark.parametrize(
        "host", ["", "0.0.0.0", "::", "192.168.1.1", "localhost.example.org", "127.0.0.1.example.org"]
    )
    def test_another_machine(self, host: str) -> None:
        """Every address of this machine is not only this machine, and a name may only look like one."""
        assert not is_loopback(host)


class TestCalls:
    """What is called, and what is made of the answer."""

    def test_health(self, server: Server) -> None:
        """One connection serves many calls."""
        with Client(server.url) as client:
            assert [client.health()["status"] for _ in range(3)] == ["ok"] * 3

    def test_a_connection_that_was_closed(self, server: Server) -> None:
        """A connection that the server has closed meanwhile is opened again."""
        with Client(server.url) as client:
            client.health()
            sock = client._connection.sock
            assert sock is not None
            sock.shutdown(2)
            assert client.health()["status"] == "ok"

    def test_refusals(self, server: Server) -> None:
        """A refused call raises what the server says, with its status."""
        with Client(server.url) as client, pytest.raises(ServerError, match="the nearest one is") as refused:
            client.control("GET", "/helath")
        assert refused.value.status == 404

    def test_something_else(self) -> None:
        """What answers otherwise is no emulator, and what it says is shown."""
        with listener() as (url, _), Client(url) as client:
            with pytest.raises(
                NoServerError, match=r"is no abeja-emulator: it answers GET /_emulator/jobs with 200 '\?'"
            ):
                client.control("GET", "/jobs")
            with pytest.raises(NoServerError, match="501"):
                client.control("PUT", "/snapshots/a")

    def test_a_segment(self) -> None:
        """A name with anything in it is one segment of a path."""
        assert segment("../a b/ü") == "..%2Fa%20b%2F%C3%BC"


class TestAuthorization:
    """The credential of calls to the platform's own API."""

    def test_open(self) -> None:
        """Where any will do, none of the shell's is sent."""
        assert "secret" not in authorization("open", {"PLATFORM_AUTH_TOKEN": "secret"})

    @pytest.mark.parametrize("prefix", ["", "user-"])
    def test_strict(self, prefix: str) -> None:
        """A bearer token comes first, as in the SDK; a user id gets the prefix it needs."""
        user = {"ABEJA_PLATFORM_USER_ID": f"{prefix}12", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": "token"}
        assert authorization("strict", {**user, "PLATFORM_AUTH_TOKEN": "bearer"}) == "Bearer bearer"
        kind, _, value = authorization("strict", user).partition(" ")
        assert (kind, base64.b64decode(value)) == ("Basic", b"user-12:token")

    @pytest.mark.parametrize("variables", [{}, {"ABEJA_PLATFORM_USER_ID": "1"}, {"PLATFORM_AUTH_TOKEN": ""}])
    def test_none(self, variables: dict[str, str]) -> None:
        """Without one, the sentence says which variables to set."""
        with pytest.raises(CommandError, match="--env-file"):
            authorization("strict", variables)
