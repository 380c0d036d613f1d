"""Operations on the networks that an organization lets in (`abeja/security/api/client.py`)."""

from typing import Any, Optional, Union

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.paging import Limit, Offset
from abeja_emulator.services.security.records import Cidr
from abeja_emulator.services.security.rules import Cidrs
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, Role, operation, operations_in

CIDRS = "/organizations/{organization_id}/security/cidrs"
CIDR = CIDRS + "/{cidr_id}"
SOURCE = "abeja/security/api/client.py"

#: Who changes the list can let outsiders in and shut everybody out, administrators too. Of what decides who gets in,
#: users and their roles are known to be for administrators alone (developers.abeja.io, general/basic), and the work of
#: a developer, which is on models, needs none of it. That the list is like them is inferred.
CHANGES = Role.ADMIN


class NewCidr(msgspec.Struct):
    """A network to let in."""

    cidr: str
    description: Optional[Description] = None


class CidrChange(msgspec.Struct, omit_defaults=True):
    """What to change of an entry; what is not named stays."""

    cidr: Optional[str] = None
    description: Union[Description, msgspec.UnsetType, None] = msgspec.UNSET


class CidrList(msgspec.Struct):
    """Which networks to list; the SDK asks for no part, but the answer says which one it is."""

    limit: Limit = 50
    offset: Offset = 0


class CidrListView(msgspec.Struct):
    """Networks, as text, with the organization around them."""

    organization_id: str
    organization_name: str
    created_at: str
    updated_at: str
    cidrs: list[str]
    limit: int
    offset: int
    has_next: bool


class DeletedCidr(Cidr, kw_only=True):
    """An entry that was deleted, as it was, and a sentence."""

    message: str


class AddressQuestion(msgspec.Struct):
    """An address to check."""

    ip_address: str


class AddressAnswer(msgspec.Struct):
    """Whether an address is let in."""

    accessible: bool
    ip_address: str


@operation(
    "POST",
    CIDRS,
    body=NewCidr,
    answer=Cidr,
    errors=(400, 401, 403, 404, 409),
    role=CHANGES,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_ip_address; what it refuses, and whom, is inferred",
)
def create_ip_address(call: Call[None, NewCidr]) -> Cidr:
    """Let the addresses of a network in."""
    return Cidrs(call.world).create(call.path["organization_id"], call.body.cidr, call.body.description)


@operation(
    "GET",
    CIDRS,
    query=CidrList,
    answer=CidrListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_ip_addresses shows networks as text, without their ids",
)
def get_ip_addresses(call: Call[CidrList, None]) -> dict[str, Any]:
    """List the networks that are let in, in order of creation."""
    organization, query = call.path["organization_id"], call.query
    found, more = Cidrs(call.world).select(organization, query.offset, query.limit)
    return Accounts(call.world).envelope(
        organization,
        cidrs=[entry.cidr for entry in found],
        limit=query.limit,
        offset=query.offset,
        has_next=more,
    )


@operation(
    "GET",
    CIDR,
    answer=Cidr,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_ip_address",
)
def get_ip_address(call: Call[None, None]) -> Cidr:
    """Return an entry of the list."""
    return Cidrs(call.world).get(call.path["organization_id"], call.path["cidr_id"])


@operation(
    "PATCH",
    CIDR,
    body=CidrChange,
    answer=Cidr,
    errors=(400, 401, 403, 404, 409),
    role=CHANGES,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_ip_address; whom it refuses is inferred",
)
def update_ip_address(call: Call[None, CidrChange]) -> Cidr:
    """Change an entry of the list."""
    change = msgspec.to_builtins(call.body)
    return Cidrs(call.world).update(call.path["organization_id"], call.path["cidr_id"], change)


@operation(
    "DELETE",
    CIDR,
    answer=DeletedCidr,
    errors=(401, 403, 404),
    role=CHANGES,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_ip_address shows the entry; that there is a message too is inferred from other services, "
    "and so is whom it refuses",
)
def delete_ip_address(call: Call[None, None]) -> DeletedCidr:
    """Take an entry off the list."""
    entry = Cidrs(call.world).delete(call.path["organization_id"], call.path["cidr_id"])
    return DeletedCidr(**msgspec.structs.asdict(entry), message=f"{entry.id} deleted")


@operation(
    "POST",
    CIDRS + "/check",
    body=AddressQuestion,
    answer=AddressAnswer,
    errors=(400, 401, 403, 404),
    # It is a question, whatever its method.
    role=Role.REGULAR,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} check_ip_address; that anybody may ask is inferred, because it changes nothing",
)
def check_ip_address(call: Call[None, AddressQuestion]) -> AddressAnswer:
    """Tell whether an address is let in; without any entry every one is."""
    asked = call.body.ip_address
    return AddressAnswer(Cidrs(call.world).lets_in(call.path["organization_id"], asked), asked)


OPERATIONS = operations_in(globals())
