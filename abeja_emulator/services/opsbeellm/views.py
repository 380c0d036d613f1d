"""What calls about histories have in common, in `qa` and `chat` deployments alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.services.opsbeellm.histories import Exchange, Histories

if TYPE_CHECKING:
    from abeja_emulator.services.opsbeellm.histories import Place
    from abeja_emulator.services.opsbeellm.shapes import HistoryChange, HistoryQuery
    from abeja_emulator.wire.call import Call


def exchange_of(body: HistoryChange) -> Exchange:
    """Return what a body says of a history."""
    sent = msgspec.structs.asdict(body)
    return Exchange(*(sent[name] for name in Exchange._fields))


def history_list(call: Call[HistoryQuery, None], place: Place) -> dict[str, Any]:
    """Return the histories that a query asks for."""
    histories, query = Histories(call.world), call.query
    part = histories.select(
        place,
        query.search_query,
        sort_by=query.sort_by,
        sort_order=query.sort_order,
        offset=query.offset,
        limit=query.limit,
    )
    thread = histories.thread_of(place)
    return part.view(
        "histories",
        organization_id=place.organization_id,
        deployment_id=place.deployment_id,
        thread_id=thread and thread.id,
        thread_name=thread and thread.name,
        sort_by=query.sort_by,
        sort_order=query.sort_order,
        total=part.total,
    )
