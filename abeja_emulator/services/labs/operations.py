"""Operations on Labs apps (`abejacli/labs/commands.py`); the SDK has none."""

from typing import Annotated, Any, Optional

import msgspec

from abeja_emulator.services.labs.rules import FILES, LabsApps
from abeja_emulator.services.messages import Message
from abeja_emulator.services.paging import MOST
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Files, FilesForm
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/labs/organizations/{organization_id}/apps"
APP = COLLECTION + "/{labs_app_id}"
SOURCE = "abejacli/labs/commands.py"


class PushQuery(msgspec.Struct):
    """How to run an app: for how many hours, 0 for good. The client refuses less than 0."""

    stop_after: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0


class LabsAppView(msgspec.Struct):
    """An app, as the API shows it, with the files it was made from."""

    labs_app_id: str
    organization_id: str
    status: str
    name: str
    description: Optional[str]
    version: Optional[str]
    scope: str
    abeja_user_only: bool
    author: str
    auth_type: str
    github_url: Optional[str]
    image: str
    instance_type: Optional[str]
    command: Optional[str]
    setting_yaml_base64: str
    thumbnail_base64: str
    how_to_use_base64: str
    how_to_use_jp_base64: str
    created_at: str
    modified_at: str


class LabsAppListView(msgspec.Struct):
    """All apps of an organization."""

    entries: list[LabsAppView]


@operation(
    "GET",
    COLLECTION,
    answer=LabsAppListView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} push reads `entries`, and of each what it shows; the other fields are those of the other answers",
)
def get_labs_apps(call: Call[None, None]) -> dict[str, Any]:
    """List apps in order of creation."""
    apps = LabsApps(call.world)
    return {"entries": [apps.view(app) for app in apps.all(call.path["organization_id"])]}


@operation(
    "POST",
    COLLECTION,
    query=PushQuery,
    body=FilesForm(FILES),
    answer=LabsAppView,
    errors=(400, 401, 403, 404, 501),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} push; what `setting.yaml` must say is inferred from init",
)
def create_labs_app(call: Call[PushQuery, Files]) -> dict[str, Any]:
    """Create an app from a form of four files: `setting_yaml`, `thumbnail`, `how_to_use` and `how_to_use_jp`."""
    apps = LabsApps(call.world)
    creator_id = call.user_id
    return apps.view(apps.create(call.path["organization_id"], creator_id, call.body, call.query.stop_after))


@operation(
    "GET",
    APP,
    answer=LabsAppView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} update, delete",
)
def get_labs_app(call: Call[None, None]) -> dict[str, Any]:
    """Return an app."""
    apps = LabsApps(call.world)
    return apps.view(apps.get(call.path["organization_id"], call.path["labs_app_id"]))


@operation(
    "PUT",
    APP,
    query=PushQuery,
    body=FilesForm(FILES),
    answer=LabsAppView,
    errors=(400, 401, 403, 404, 501),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} update, push; that an app is pending anew is inferred",
)
def update_labs_app(call: Call[PushQuery, Files]) -> dict[str, Any]:
    """Replace all four files of an app, and what it is with them."""
    apps = LabsApps(call.world)
    stop_after = call.query.stop_after
    return apps.view(apps.replace(call.path["organization_id"], call.path["labs_app_id"], call.body, stop_after))


@operation(
    "DELETE",
    APP,
    answer=Message,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} delete, which does not look at the answer",
)
def delete_labs_app(call: Call[None, None]) -> Message:
    """Delete an app with its files."""
    app = LabsApps(call.world).delete(call.path["organization_id"], call.path["labs_app_id"])
    return Message(f"LabsApp (labs_app_id:{app.labs_app_id}) was deleted")


OPERATIONS = operations_in(globals())
