"""Who may use the control API: programs, and no web page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.control.access import check_access
from abeja_emulator.control.operations import OPERATIONS
from abeja_emulator.errors import Forbidden
from abeja_emulator.wire.messages import Request

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.wire.operations import Operation
    from tests.control.steering import Steering


def refusal(host: str, *origins: str, hosts: tuple[str, ...] = ()) -> str | None:
    """Return why a request is refused, or None."""
    headers = [("oRIGIN", origin) for origin in origins]
    try:
        check_access(Request("GET", "/_emulator/health", scheme="http", host=host, headers=headers), hosts)
    except Forbidden as error:
        return error.description
    return None


class TestHost:
    """A name that somebody else could make lead here is none of this server's."""

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.0.0.1:80", "127.1.2.3:5000", "localhost", "localhost:5000", "[::1]", "[::1]:5000"]
    )
    def test_this_machine(self, host: str) -> None:
        """Its loopback is."""
        assert refusal(host) is None

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:5000",
            "api.abeja.io",
            "org.localhost",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "127.0.0.1@evil.example:80",
            "192.168.0.1",
            "0.0.0.0",
            "[2001:db8::1]:5000",
            "[evil.example]",
            "",
        ],
    )
    def test_elsewhere(self, host: str) -> None:
        """Any other name is not, nor an address it does not listen on; the refusal says what to do."""
        refused = refusal(host)
        assert refused is not None
        assert "127.0.0.1" in refused

    def test_where_it_listens(self) -> None:
        """An address or a name it listens on is its own, whatever the port, and no other becomes so."""
        hosts = ("192.0.2.7", "workstation")
        assert refusal("192.0.2.7:5000", hosts=hosts) is None
        assert refusal("workstation", hosts=hosts) is None
        assert refusal("192.0.2.8", hosts=hosts)
        assert refusal("evil.example", hosts=hosts)

    @pytest.mark.parametrize("everywhere", ["0.0.0.0", "::", ""])
    def test_on_every_address(self, everywhere: str) -> None:
        """Then any address is its own, which nobody can make lead elsewhere; a name still is not."""
        assert refusal("192.168.0.1:5000", hosts=(everywhere,)) is None
        assert refusal("[2001:db8::1]:5000", hosts=(everywhere,)) is None
        assert refusal("evil.example", hosts=(everywhere,))


class TestOrigin:
    """A request that a page made says which page's it is."""

    @pytest.mark.parametrize(
        ("host", "origin"),
        [
            ("127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("localhost", "http://localhost"),
            ("localhost", "http://localhost:80"),
            ("127.0.0.1:80", "http://127.0.0.1"),
            ("[::1]:5000", "http://[::1]:5000"),
        ],
    )
    def test_its_own(self, host: str, origin: str) -> None:
        """A page that this server itself gave may."""
        assert refusal(host, origin) is None

    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.example",
            "https://evil.example:5000",
            "http://127.0.0.1:5001",
            "http://127.0.0.1",
            "http://localhost:5000",
            "http://127.0.0.1:5000.evil.example",
            "null",
            "127.0.0.1:5000",
            "",
        ],
    )
    def test_another(self, origin: str) -> None:
        """Any other may not, one of another server of this machine included; the refusal names it."""
        refused = refusal("127.0.0.1:5000", origin)
        assert refused is not None
        assert repr(origin) in refused

    def test_one_of_several(self) -> None:
        """One that is its own does not excuse another."""
        assert refusal("localhost", "http://localhost", "http://evil.example")
        assert refusal("localhost", "http://evil.example", "http://localhost")


class TestOverTheWire:
    """What a browser sends, byte for byte."""

    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
    def test_every_operation_is_guarded(self, steer: Steering, operation: Operation) -> None:
        """Whatever a page asks for, it is refused before anything is looked at."""
        path = operation.path.removeprefix("/_emulator").replace("{", "").replace("}", "")
        steer.refused(403, operation.method, path, "web page", headers={"Origin": "http://evil.example"})
        steer.refused(403, operation.method, path, "evil.example", headers={"Host": "evil.example"})

    def test_nothing_was_done(self, steer: Steering, platform: Platform) -> None:
        """A refused request changes nothing: the form of a page could otherwise turn the clock."""
        refused = {"Origin": "http://evil.example", "Content-Type": "text/plain"}
        steer.refused(403, "POST", "/clock/advance", headers=refused, data=b'{"seconds": 60}')
        assert platform.clock.offset == 0
        steer("POST", "/clock/advance", headers={"Origin": steer.url}, data=b'{"seconds": 60}')
        assert platform.clock.offset == 60

    def test_preflight(self, steer: Steering) -> None:
        """A browser that asks whether it may is told no, in a status and without a header that allows it."""
        response = steer.raw(
            "OPTIONS",
            "/_emulator/reset",
            headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
        )
        assert response.status_code == 403
        assert not [name for name in response.headers if name.lower().startswith("access-control")]

    def test_the_address_it_listens_on(self, steer: Steering) -> None:
        """As a client names it that came through it."""
        steer("GET", "/health", headers={"Host": "192.0.2.7:5000"})

    def test_platform_is_not_guarded(self, steer: Steering, platform: Platform) -> None:
        """What is the platform's is answered as it was: its hosts are others, and its credentials guard it."""
        response = steer.raw(
            "GET", f"/organizations/{platform.organization.id}", headers={"Host": "api.abeja.io"}, auth=("user-1", "x")
        )
        assert response.status_code == 200
