"""Operations on the data sources linked to a channel (`abeja/datalake/api/client.py`)."""

from typing import Any

import msgspec

from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.paths import DATASOURCE, DATASOURCES
from abeja_emulator.services.datalake.shapes import DatasourceEnvelope, DatasourceList, DatasourceListView
from abeja_emulator.services.organizations.records import Datasource
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, Role, operation, operations_in

SOURCE = "abeja/datalake/api/client.py"


@operation(
    "GET",
    DATASOURCES,
    query=DatasourceList,
    answer=DatasourceListView,
    errors=(400, 401, 403, 404),
    # Inferred: it shows their secrets, each of which lets in a developer.
    role=Role.DEVELOPER,
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} list_channel_datasources",
)
def list_channel_datasources(call: Call[DatasourceList, None]) -> dict[str, Any]:
    """List the data sources linked to a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    query = call.query
    found, more = channels.datasources(organization, call.path["channel_id"], query.offset, query.limit)
    shown = [_datasource(each) for each in found]
    return Accounts(call.world).envelope(
        organization, datasources=shown, limit=query.limit, offset=query.offset, has_next=more
    )


@operation(
    "PUT",
    DATASOURCE,
    answer=DatasourceEnvelope,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} put_channel_datasource",
)
def put_channel_datasource(call: Call[None, None]) -> dict[str, Any]:
    """Link a data source to a channel; linking it twice is a conflict."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    linked = channels.link(organization, call.path["channel_id"], call.path["datasource_id"])
    return Accounts(call.world).envelope(organization, datasource=_datasource(linked))


@operation(
    "DELETE",
    DATASOURCE,
    answer=DatasourceEnvelope,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_channel_datasource",
)
def delete_channel_datasource(call: Call[None, None]) -> dict[str, Any]:
    """End the link of a data source to a channel."""
    channels, organization = Channels(call.world), call.path["organization_id"]
    unlinked = channels.unlink(organization, call.path["channel_id"], call.path["datasource_id"])
    return Accounts(call.world).envelope(organization, datasource=_datasource(unlinked))


def _datasource(record: Datasource) -> dict[str, Any]:
    shown = msgspec.structs.asdict(record)
    del shown["channels"]
    return shown


OPERATIONS = operations_in(globals())
