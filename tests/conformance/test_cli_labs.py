"""The command line client and Labs apps: pushed, pushed over, updated and deleted, with its questions answered."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.seeding import samples_folder
from abeja_emulator.services.labs.rules import LabsApps
from tests.conformance.client import shows

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.labs.records import LabsApp
    from tests.conformance.client import Abeja, Said

SETTING = """\
metadata:
  name: my-app
  description: counts cats
  version: 0.0.1
  scope: private
  abejaUserOnly: true
  authType: abeja
  author: me@example.com
spec:
  image: my-app:latest
"""

#: The client checks the settings with this file of the app's folder.
SCHEMA = """\
metadata:
  name: str()
  scope: enum('private')
  abejaUserOnly: bool()
spec:
  image: str()
"""


def kept(server: Server) -> list[LabsApp]:
    """Return the apps of the default organization."""
    with server.platform.world.store.reading():
        return LabsApps(server.platform.world).all(server.platform.organization.id)


def told(said: Said) -> Any:
    """Return the app among what the client says."""
    return json.loads(said.out[said.out.index("{") : said.out.rindex("}") + 1])


@pytest.fixture
def folder(abeja: Abeja) -> str:
    """The folder of an app; its name is what the client takes for the app's."""
    picture = next((samples_folder() / "shapes").glob("*/*.png"))
    for name, content in (
        ("setting.yaml", SETTING),
        ("setting_schema.yaml", SCHEMA),
        ("Thumbnail.jpg", picture.read_bytes()),
        ("HowToUse.md", "# How to use"),
        ("HowToUse_JP.md", "# 使い方"),
    ):
        abeja.write(f"my-app/{name}", content)
    return "my-app"


def test_push(abeja: Abeja, server: Server, folder: str) -> None:
    """An app is what its folder says, and has the files of it; the client leaves those out of what it tells."""
    said = abeja("labs", "push", "--directory_path", folder, "--stop_after", "12", "--yes")
    assert "Upload succeeded" in said.out
    (record,) = kept(server)
    fields = ("labs_app_id", "organization_id", "status", "name", "description", "version", "scope", "author", "image")
    answer = told(said)
    shows(answer, record, *fields, "abeja_user_only", "auth_type", "created_at", "modified_at")
    assert (record.name, record.status, record.stop_after) == ("my-app", "pending", 12)
    assert not [name for name in answer if name.endswith("_base64")]
    world = server.platform.world
    with world.store.reading():
        shown = LabsApps(world).view(record)
    assert base64.b64decode(shown["how_to_use_jp_base64"]) == "# 使い方".encode()
    assert base64.b64decode(shown["thumbnail_base64"]) == (abeja.folder / folder / "Thumbnail.jpg").read_bytes()


def test_push_over(abeja: Abeja, server: Server, folder: str) -> None:
    """Apps of the same name are shown, and one of them is overwritten when it is chosen."""
    push = ("labs", "push", "--directory_path", folder)
    abeja(*push, "--yes")
    abeja(*push, "--yes")
    first, second = kept(server)
    abeja.write(f"{folder}/setting.yaml", SETTING.replace("0.0.1", "0.0.2"))
    said = abeja(*push, typed="2\n")
    assert f"id: {first.labs_app_id}" in said.out
    assert "Overwriting LabsApp" in said.out
    assert told(said)["labs_app_id"] == second.labs_app_id
    assert [app.version for app in kept(server)] == ["0.0.1", "0.0.2"]
    abeja(*push, typed="0\n")
    assert [app.version for app in kept(server)] == ["0.0.1", "0.0.2", "0.0.2"]


def test_push_of_a_new_name(abeja: Abeja, server: Server, folder: str) -> None:
    """Where no app has the name, nothing is asked."""
    abeja("labs", "push", "--directory_path", folder)
    assert [app.name for app in kept(server)] == ["my-app"]


def test_update(abeja: Abeja, server: Server, folder: str) -> None:
    """An app is overwritten by its id, once that is confirmed."""
    abeja("labs", "push", "--directory_path", folder, "--yes")
    (before,) = kept(server)
    abeja.write(f"{folder}/setting.yaml", SETTING.replace("counts cats", "counts dogs"))
    update = ("labs", "update", "--directory_path", folder, "--labs_app_id", before.labs_app_id)
    assert "description: counts cats" in abeja(*update, typed="n\n").out
    assert kept(server) == [before]
    answer = told(abeja(*update, "--stop_after", "1", "--yes"))
    (after,) = kept(server)
    shows(answer, after, "labs_app_id", "name", "description", "created_at", "modified_at")
    assert (after.labs_app_id, after.created_at) == (before.labs_app_id, before.created_at)
    assert (after.description, after.stop_after) == ("counts dogs", 1)


def test_delete(abeja: Abeja, server: Server, folder: str) -> None:
    """An app is deleted by its id, once that is confirmed."""
    abeja("labs", "push", "--directory_path", folder, "--yes")
    delete = ("labs", "delete", "--labs_app_id", kept(server)[0].labs_app_id)
    abeja(*delete, typed="n\n")
    assert len(kept(server)) == 1
    assert "Delete succeeded" in abeja(*delete, typed="Y\n").out
    assert kept(server) == []
    said = abeja(*delete, "--yes", code=1)
    assert "404" in said.out


def test_refused_push(abeja: Abeja, server: Server, folder: str) -> None:
    """What the client lets through and the platform does not is an error, and no app."""
    abeja.write(f"{folder}/setting.yaml", SETTING.replace("  author: me@example.com\n", ""))
    said = abeja("labs", "push", "--directory_path", folder, "--yes", code=1)
    assert "400" in said.out
    said = abeja("labs", "update", "--directory_path", folder, "--labs_app_id", "1999999999999", "--yes", code=1)
    assert "404" in said.out
    assert kept(server) == []
