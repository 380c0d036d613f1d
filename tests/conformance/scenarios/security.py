"""The networks an organization lets in."""

from .kit import Kit


def check_life_of_an_entry(kit: Kit) -> None:
    """What is created is shown and listed, changes, and is gone once it is deleted."""
    api, organization = kit.api("security"), kit.organization
    assert api.get_ip_addresses(organization)["cidrs"] == []
    made = api.create_ip_address(organization, {"description": "office", "cidr": "192.0.2.0/24"})
    assert (made["description"], made["cidr"]) == ("office", "192.0.2.0/24")
    assert api.get_ip_address(organization, made["id"]) == made
    listed = api.get_ip_addresses(organization)
    assert listed["organization_id"] == organization
    assert listed["cidrs"] == ["192.0.2.0/24"]
    changed = api.update_ip_address(organization, made["id"], {"cidr": "198.51.100.0/24"})
    assert (changed["description"], changed["cidr"]) == ("office", "198.51.100.0/24")
    assert api.get_ip_address(organization, made["id"]) == changed
    assert api.get_ip_addresses(organization)["cidrs"] == ["198.51.100.0/24"]
    assert api.delete_ip_address(organization, made["id"])["id"] == made["id"]
    assert api.get_ip_addresses(organization)["cidrs"] == []
    kit.refused(404, api.get_ip_address, organization, made["id"])
    kit.refused(404, api.update_ip_address, organization, made["id"], {"description": "gone"})
    kit.refused(404, api.delete_ip_address, organization, made["id"])


def check_addresses(kit: Kit) -> None:
    """An address is let in when it is in one of the networks, or there is none."""
    api, organization = kit.api("security"), kit.organization

    def accessible(address: str) -> bool:
        answer = api.check_ip_address(organization, {"ip_address": address})
        assert answer["ip_address"] == address
        return bool(answer["accessible"])

    assert accessible("203.0.113.9")
    made = api.create_ip_address(organization, {"cidr": "192.0.2.0/24"})
    assert accessible("192.0.2.7")
    assert not accessible("203.0.113.9")
    api.update_ip_address(organization, made["id"], {"cidr": "203.0.113.0/24"})
    assert not accessible("192.0.2.7")
    assert accessible("203.0.113.9")
    kit.refused(400, api.check_ip_address, organization, {"ip_address": "office"})


def check_refusals(kit: Kit) -> None:
    """What is no network, and what is on the list already, is refused."""
    api, organization = kit.api("security"), kit.organization
    kit.refused(400, api.create_ip_address, organization, {"cidr": "office"})
    kit.refused(400, api.create_ip_address, organization, {"description": "nothing"})
    api.create_ip_address(organization, {"cidr": "192.0.2.0/24"})
    kit.refused(409, api.create_ip_address, organization, {"cidr": "192.0.2.0/24"})
    assert api.get_ip_addresses(organization)["cidrs"] == ["192.0.2.0/24"]
