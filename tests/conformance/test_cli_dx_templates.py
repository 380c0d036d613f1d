"""The command line client and DX templates: pushed, and pushed again."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.seeding import samples_folder
from abeja_emulator.services.dx_templates.rules import DxTemplates

if TYPE_CHECKING:
    from abeja_emulator.server import Server
    from abeja_emulator.services.dx_templates.records import DxTemplate
    from tests.conformance.client import Abeja

TEMPLATE = """\
metadata:
  templateName: counter
  templateScope: private
  abejaUserOnly: false
  author: me@example.com
"""

HANDLER = "def handler(request, context):\n    return {}\n"

#: Where the client looks for the code.
RUN = "src/abeja_platform/deployments/run"


def kept(server: Server) -> list[DxTemplate]:
    """Return the templates of the default organization."""
    with server.platform.world.store.reading():
        return DxTemplates(server.platform.world).all(server.platform.organization.id)


def push(abeja: Abeja, folder: str) -> Any:
    """Push a folder, and return what the platform answered."""
    said = abeja("dx-template", "push", "--directory_path", folder)
    assert "Upload succeeded" in said.out
    return json.loads(said.out[said.out.index("{") : said.out.rindex("}") + 1])


@pytest.fixture
def folder(abeja: Abeja) -> str:
    """The folder of a template."""
    picture = next((samples_folder() / "shapes").glob("*/*.png"))
    for name, content in (
        ("template.yaml", TEMPLATE),
        ("template_schema.yaml", "metadata:\n  templateName: str()\n"),
        ("Thumbnail.jpg", picture.read_bytes()),
        ("DxTemplate.md", "# How to use"),
        ("DxTemplate_JP.md", "# 使い方"),
        (f"{RUN}/handler.py", HANDLER),
        (f"{RUN}/parts/__init__.py", ""),
    ):
        abeja.write(f"template/{name}", content)
    return "template"


def test_push(abeja: Abeja, server: Server, folder: str) -> None:
    """A template is what its folder says, with its files, its code as a zip."""
    answer = push(abeja, folder)
    (template,) = kept(server)
    assert answer == {"id": template.id, "name": "counter"}
    assert (template.scope, template.abeja_user_only, template.author) == ("private", False, "me@example.com")
    templates = DxTemplates(server.platform.world)
    with server.platform.world.store.reading():
        assert templates.read(template, "how_to_use_jp") == "# 使い方".encode()
        code = zipfile.ZipFile(io.BytesIO(templates.read(template, "handler")))
    assert code.read("handler.py") == HANDLER.encode()
    assert "parts/__init__.py" in code.namelist()


def test_push_again(abeja: Abeja, server: Server, folder: str) -> None:
    """It comes in the place of what was pushed before."""
    first = push(abeja, folder)
    abeja.write(f"{folder}/DxTemplate.md", "# How to use it better")
    assert push(abeja, folder) == first
    (template,) = kept(server)
    with server.platform.world.store.reading():
        assert DxTemplates(server.platform.world).read(template, "how_to_use") == b"# How to use it better"


def test_refused_push(abeja: Abeja, server: Server, folder: str) -> None:
    """What the client lets through and the platform does not is an error, and no template."""
    abeja.write(f"{folder}/template.yaml", TEMPLATE.replace("private", "secret"))
    said = abeja("dx-template", "push", "--directory_path", folder, code=1)
    assert "400" in said.out
    assert kept(server) == []
