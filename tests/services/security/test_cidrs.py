"""The networks an organization lets in: what each operation changes in the answers of the others, and refusals."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.wire import ZULU_SECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.security.api.client import APIClient

    from abeja_emulator.platform import Platform

CIDRS = "/organizations/{org}/security/cidrs"
OFFICE = "192.0.2.0/24"


def lets_in(api: APIClient, organization: str, address: str) -> bool:
    """Ask whether an address is let in."""
    answer = api.check_ip_address(organization, {"ip_address": address})
    check_answer("check_ip_address", answer)
    assert answer["ip_address"] == address
    return bool(answer["accessible"])


class TestEffects:
    """What one operation changes in the answers of the others."""

    def test_create(self, platform: Platform, api: APIClient, organization: str) -> None:
        """A new entry has a short number as its id and shows what was sent; the list has its network as text."""
        made = api.create_ip_address(organization, {"description": "office", "cidr": OFFICE})
        check_answer("create_ip_address", made)
        assert made["id"].isdecimal()
        assert ZULU_SECONDS.fullmatch(made["created_at"])
        assert made == {
            "id": made["id"],
            "cidr": OFFICE,
            "description": "office",
            "created_at": made["created_at"],
            "updated_at": made["created_at"],
        }
        assert api.get_ip_address(organization, made["id"]) == made
        listed = api.get_ip_addresses(organization)
        check_answer("get_ip_addresses", listed)
        assert listed == {
            "organization_id": organization,
            "organization_name": platform.organization.name,
            "created_at": platform.organization.created_at,
            "updated_at": platform.organization.updated_at,
            "cidrs": [OFFICE],
            "limit": 50,
            "offset": 0,
            "has_next": False,
        }

    def test_check(self, api: APIClient, organization: str) -> None:
        """Without any entry every address is let in, with some only those that are in one of them."""
        for address in ("192.0.2.7", "203.0.113.9", "2001:db8::1"):
            assert lets_in(api, organization, address)
        office = api.create_ip_address(organization, {"cidr": OFFICE})["id"]
        assert lets_in(api, organization, "192.0.2.7")
        assert lets_in(api, organization, "::ffff:192.0.2.7")
        assert not lets_in(api, organization, "192.0.3.7")
        assert not lets_in(api, organization, "2001:db8::1")
        other = api.create_ip_address(organization, {"cidr": "2001:db8::/32"})["id"]
        assert lets_in(api, organization, "2001:db8::1")
        api.update_ip_address(organization, office, {"cidr": "192.0.3.0/24"})
        assert not lets_in(api, organization, "192.0.2.7")
        assert lets_in(api, organization, "192.0.3.7")
        api.delete_ip_address(organization, office)
        assert not lets_in(api, organization, "192.0.3.7")
        api.delete_ip_address(organization, other)
        assert lets_in(api, organization, "192.0.3.7")

    @given(
        networks=st.lists(st.ip_addresses(v=4), min_size=1, max_size=3),
        bits=st.integers(0, 32),
        address=st.ip_addresses(v=4),
        near=st.integers(0, 2**33),
    )
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_check_of_any(
        self,
        platform: Platform,
        api: APIClient,
        organization: str,
        networks: list[ipaddress.IPv4Address],
        bits: int,
        address: ipaddress.IPv4Address,
        near: int,
    ) -> None:
        """An address is let in when its first bits are those of a network, near its edges too."""
        snapshot = platform.snapshot()
        mask = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
        kept = sorted({int(network) & mask for network in networks})
        for network in kept:
            api.create_ip_address(organization, {"cidr": f"{ipaddress.IPv4Address(network)}/{bits}"})
        close = ipaddress.IPv4Address((kept[0] + near % 3 - 1) % 2**32)
        for each in (address, close):
            assert lets_in(api, organization, str(each)) is (int(each) & mask in kept)
        snapshot.rollback()

    def test_update(self, platform: Platform, api: APIClient, wire: Wire, organization: str) -> None:
        """What is given changes, everywhere, and what is not stays; null takes the description away."""
        made = api.create_ip_address(organization, {"description": "office", "cidr": OFFICE})
        platform.clock.advance(2)
        changed = api.update_ip_address(organization, made["id"], {"cidr": "198.51.100.0/24"})
        check_answer("update_ip_address", changed)
        assert changed["updated_at"] > made["updated_at"]
        assert changed == {**made, "cidr": "198.51.100.0/24", "updated_at": changed["updated_at"]}
        assert api.get_ip_addresses(organization)["cidrs"] == ["198.51.100.0/24"]
        again = api.update_ip_address(organization, made["id"], {"description": "other"})
        assert (again["cidr"], again["description"]) == ("198.51.100.0/24", "other")
        assert wire("PATCH", f"{CIDRS}/{made['id']}", json={"description": None}).json()["description"] is None
        assert api.get_ip_address(organization, made["id"])["description"] is None
        # The network it was is free again.
        api.create_ip_address(organization, {"cidr": OFFICE})

    def test_delete(self, api: APIClient, organization: str) -> None:
        """A deleted entry is shown once more, and gone; neither its id comes back, nor is its network taken."""
        made = api.create_ip_address(organization, {"cidr": OFFICE})
        deleted = api.delete_ip_address(organization, made["id"])
        check_answer("delete_ip_address", deleted)
        assert deleted == {**made, "message": f"{made['id']} deleted"}
        assert api.get_ip_addresses(organization)["cidrs"] == []
        for call in (api.get_ip_address, api.delete_ip_address):
            with pytest.raises(abeja.exceptions.NotFound, match=made["id"]):
                call(organization, made["id"])
        assert api.create_ip_address(organization, {"cidr": OFFICE})["id"] != made["id"]

    @pytest.mark.parametrize(
        ("query", "found", "has_next"),
        [
            ("", [0, 1, 2], False),
            ("?limit=2", [0, 1], True),
            ("?limit=2&offset=1", [1, 2], False),
            ("?offset=9", [], False),
        ],
    )
    def test_pages(self, wire: Wire, query: str, found: list[int], *, has_next: bool) -> None:
        """A list is in order of creation, cut by limit and offset; has_next says whether something is left."""
        networks = ["198.51.100.0/24", "192.0.2.0/24", "203.0.113.0/24"]
        for network in networks:
            wire("POST", CIDRS, json={"cidr": network})
        page = wire("GET", CIDRS + query).json()
        assert page["cidrs"] == [networks[place] for place in found]
        assert page["has_next"] is has_next

    def test_organizations_are_apart(self, platform: Platform, api: APIClient, organization: str) -> None:
        """Each has a list of its own."""
        other = platform.seed.organization("other-org").id
        made = api.create_ip_address(organization, {"cidr": OFFICE})
        assert api.get_ip_addresses(other)["cidrs"] == []
        assert lets_in(api, other, "203.0.113.9")
        with pytest.raises(abeja.exceptions.NotFound, match=made["id"]):
            api.get_ip_address(other, made["id"])
        assert api.create_ip_address(other, {"cidr": OFFICE})["id"] != made["id"]


class TestRefusals:
    """What is no request."""

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [("192.0.2.7", "192.0.2.7/32"), ("2001:DB8:0::/32", "2001:db8::/32"), ("192.0.2.0/255.255.255.0", OFFICE)],
    )
    def test_other_forms(self, api: APIClient, organization: str, sent: str, shown: str) -> None:
        """A network is kept in one form, so that it is known again."""
        assert api.create_ip_address(organization, {"cidr": sent})["cidr"] == shown
        with pytest.raises(abeja.exceptions.Conflict, match=shown):
            api.create_ip_address(organization, {"cidr": shown})

    @pytest.mark.parametrize(
        "cidr", ["", "office", "192.0.2.7/24", "192.0.2.0/33", "192.0.2/24", "2001:db8::1/32", 1, None]
    )
    def test_network(self, api: APIClient, wire: Wire, organization: str, cidr: Any) -> None:
        """What is no network is 400, and neither made nor changed to."""
        made = api.create_ip_address(organization, {"cidr": OFFICE})
        check_refusal(wire("POST", CIDRS, json={"cidr": cidr}), 400, "cidr")
        if cidr is not None:
            check_refusal(wire("PATCH", f"{CIDRS}/{made['id']}", json={"cidr": cidr}), 400, "cidr")
        assert api.get_ip_addresses(organization)["cidrs"] == [OFFICE]

    def test_twice(self, api: APIClient, organization: str) -> None:
        """One network has one entry: a second is 409, by change too; an entry may become what it is."""
        made = api.create_ip_address(organization, {"cidr": OFFICE})
        with pytest.raises(abeja.exceptions.Conflict, match=f"CIDR {made['id']}"):
            api.create_ip_address(organization, {"cidr": OFFICE})
        second = api.create_ip_address(organization, {"cidr": "203.0.113.0/24"})
        with pytest.raises(abeja.exceptions.Conflict, match=f"CIDR {made['id']}"):
            api.update_ip_address(organization, second["id"], {"cidr": OFFICE})
        assert api.update_ip_address(organization, made["id"], {"cidr": OFFICE})["cidr"] == OFFICE
        assert api.get_ip_addresses(organization)["cidrs"] == [OFFICE, "203.0.113.0/24"]

    @pytest.mark.parametrize(
        "body", [{}, {"cidr": OFFICE, "description": 1}, {"cidr": OFFICE, "description": "x" * 257}]
    )
    def test_body(self, wire: Wire, body: dict[str, Any]) -> None:
        """An entry needs a network, and a description is text of no more than 256 characters."""
        check_refusal(wire("POST", CIDRS, json=body), 400, "create_ip_address")
        assert wire("GET", CIDRS).json()["cidrs"] == []

    @pytest.mark.parametrize("body", [{}, {"ip_address": "office"}, {"ip_address": OFFICE}, {"ip_address": 1}, []])
    def test_address(self, wire: Wire, body: Any) -> None:
        """What is no address is 400."""
        check_refusal(wire("POST", f"{CIDRS}/check", json=body), 400)

    def test_check_is_no_id(self, wire: Wire) -> None:
        """The path of the check is a path of its own."""
        check_refusal(wire("GET", f"{CIDRS}/check"), 405, "POST")

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1"])
    def test_query(self, wire: Wire, query: str) -> None:
        """What is no part of a list is 400."""
        check_refusal(wire("GET", f"{CIDRS}?{query}"), 400, query.partition("=")[0])

    def test_unknown(self, api: APIClient, organization: str) -> None:
        """An entry that does not exist is 404, and the refusal names those that do."""
        made = api.create_ip_address(organization, {"cidr": OFFICE})
        for call in (api.get_ip_address, api.update_ip_address, api.delete_ip_address):
            with pytest.raises(abeja.exceptions.NotFound) as refused:
                call(organization, "999", *([{}] if call == api.update_ip_address else []))
            assert f"{made['id']} ({OFFICE})" in refused.value.error_description
