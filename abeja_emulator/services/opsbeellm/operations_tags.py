"""Operations on tags (`abeja/opsbeellm/history/api/client.py`)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.opsbeellm.listing import shown
from abeja_emulator.services.opsbeellm.records import Tag
from abeja_emulator.services.opsbeellm.shapes import NewTag, PartQuery, TagChange, TagListView
from abeja_emulator.services.opsbeellm.tags import Tags
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

TAGS = "/opsbee-llm/organizations/{organization_id}/tags"
TAG = TAGS + "/{tag_id}"
SOURCE = "abeja/opsbeellm/history/api/client.py"


@operation(
    "GET",
    TAGS,
    query=PartQuery,
    answer=TagListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_tags",
)
def get_tags(call: Call[PartQuery, None]) -> dict[str, Any]:
    """List the tags of an organization, newest first."""
    organization = call.path["organization_id"]
    part = Tags(call.world).select(organization, call.query.offset, call.query.limit)
    return part.view("tags", organization_id=organization)


@operation(
    "POST",
    TAGS,
    body=NewTag,
    answer=Tag,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_tag",
)
def create_tag(call: Call[None, NewTag]) -> dict[str, Any]:
    """Create a tag, grey unless a colour is named."""
    body = call.body
    made = Tags(call.world).create(call.path["organization_id"], body.name, body.description or "", body.color)
    return shown(made)


@operation(
    "GET",
    TAG,
    answer=Tag,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_tag",
)
def get_tag(call: Call[None, None]) -> dict[str, Any]:
    """Return a tag."""
    return shown(Tags(call.world).get(call.path["organization_id"], call.path["tag_id"]))


@operation(
    "PATCH",
    TAG,
    body=TagChange,
    answer=Tag,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} update_tag",
)
def update_tag(call: Call[None, TagChange]) -> dict[str, Any]:
    """Change a tag; the histories that have it show it as it is then."""
    path, body = call.path, call.body
    changed = Tags(call.world).update(path["organization_id"], path["tag_id"], body.name, body.description, body.color)
    return shown(changed)


@operation(
    "DELETE",
    TAG,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_tag",
)
def delete_tag(call: Call[None, None]) -> dict[str, Any]:
    """Delete a tag and take it off every history."""
    Tags(call.world).delete(call.path["organization_id"], call.path["tag_id"])
    return {"message": f"tag {call.path['tag_id']} was deleted."}


OPERATIONS = operations_in(globals())
