"""Operations on organizations."""

from typing import Any, Optional

import msgspec

from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in


class OrganizationView(msgspec.Struct):
    """An organization, as the API shows it."""

    id: str
    name: str
    display_name: Optional[str]
    created_at: str
    updated_at: str


@operation(
    "GET",
    "/organizations/{organization_id}",
    answer=OrganizationView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source="abejacli get_organization_id() reads `id`; the other fields are inferred",
)
def get_organization(call: Call[None, None]) -> dict[str, Any]:
    """Return the organization with that id or name; the CLI turns names into ids with it."""
    return msgspec.structs.asdict(Accounts(call.world).organization(call.path["organization_id"]))


OPERATIONS = operations_in(globals())
