"""State and rules of the tags that histories have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.opsbeellm.listing import Part, check_name, shown, unknown, with_changes
from abeja_emulator.services.opsbeellm.records import History, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abeja_emulator.wire.call import World


class Tags:
    """The tags of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tags = world.store.table("opsbeellm_tag", Tag)
        self._histories = world.store.table("opsbeellm_history", History)

    def create(self, organization_id: str, name: str, description: str, color: str) -> Tag:
        """Create a tag.

        Raises:
            BadRequest: when the name is empty.
        """
        check_name("tag", name)
        now = iso(self._world.clock.now())
        tag = Tag(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            name=name,
            description=description,
            color=color,
            created_at=now,
            updated_at=now,
        )
        self._tags.insert(organization_id, tag.id, tag)
        return tag

    def get(self, organization_id: str, tag_id: str) -> Tag:
        """Return a tag.

        Raises:
            NotFound: when the organization has none with that id.
        """
        tag = self._tags.get(organization_id, tag_id)
        if tag is None:
            message = unknown("tag", tag_id, f"organization {organization_id}", self._newest(organization_id))
            raise NotFound(message)
        return tag

    def check(self, organization_id: str, tag_ids: Iterable[str]) -> list[str]:
        """Return ids of tags, each once and in their order.

        Raises:
            BadRequest: when the organization has none with one of the ids. 400, as it is what was sent that is
                wrong and not the path; evidence: inferred.
        """
        wanted = list(dict.fromkeys(tag_ids))
        for tag_id in wanted:
            if self._tags.get(organization_id, tag_id) is None:
                message = unknown("tag", tag_id, f"organization {organization_id}", self._newest(organization_id))
                raise BadRequest(message)
        return wanted

    def select(self, organization_id: str, offset: int, limit: int) -> Part:
        """Return a part of the tags, newest first."""
        found = self._tags.slice(organization_id, offset=offset, limit=limit, newest_first=True)
        return Part([shown(tag) for tag in found], offset, limit, self._tags.count(organization_id))

    def update(self, organization_id: str, tag_id: str, name: str, description: str | None, color: str | None) -> Tag:
        """Change a tag, wherever it is shown; what is None stays.

        Raises:
            BadRequest: when the name is empty.
        """
        tag = self.get(organization_id, tag_id)
        check_name("tag", name)
        changed = with_changes(tag, self._world.clock.now(), name=name, description=description, color=color)
        self._tags.update(organization_id, tag_id, changed)
        return changed

    def delete(self, organization_id: str, tag_id: str) -> None:
        """Delete a tag and take it off every history; when those were updated stays as it is."""
        self.get(organization_id, tag_id)
        for row in self._histories.all():
            history = row.record
            if tag_id in history.tag_ids:
                kept = [each for each in history.tag_ids if each != tag_id]
                self._histories.update(row.parent, history.id, msgspec.structs.replace(history, tag_ids=kept))
        self._tags.delete(organization_id, tag_id)

    def _newest(self, organization_id: str) -> list[str]:
        return [f"{tag.id} ({tag.name})" for tag in self._tags.slice(organization_id, limit=10, newest_first=True)]
