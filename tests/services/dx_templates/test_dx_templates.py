"""DX templates, as the command line client pushes them; nothing shows them, so their rules are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.errors import NotFound
from abeja_emulator.services.dx_templates.rules import DxTemplates
from abeja_emulator.services.organizations.rules import Accounts
from tests.services.training.samples import state, zipped
from tests.services.wire import PLATFORM_ID, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.dx_templates.records import DxTemplate

TEMPLATES = "/organizations/{org}/dx-templates"

TEMPLATE = """\
metadata:
  templateName: counter
  templateScope: private
  abejaUserOnly: true
  author: me@example.com
pipelineDefinitions:
  customRepository:
    repositoryName: counter
"""

#: Part of the form → name of the file, content, media type.
FILES = {
    "template_yaml": ("template.yaml", TEMPLATE.encode(), "application/yaml"),
    "handler": (
        "handler.zip",
        zipped({"handler.py": b"def handler(request, context):\n    pass\n"}),
        "application/zip",
    ),
    "thumbnail": ("Thumbnail.jpg", b"\xff\xd8\xff\xe0 a picture", "image/jpeg"),
    "how_to_use": ("DxTemplate.md", b"# How to use", "text/markdown"),
    "how_to_use_jp": ("DxTemplate_JP.md", "# 使い方".encode(), "text/markdown"),
}


def form(template: str = TEMPLATE, **contents: bytes) -> Mapping[str, tuple[str, bytes, str]]:
    """Return the form, as the `files` of requests, with some contents replaced."""
    contents["template_yaml"] = template.encode()
    return {name: (file, contents.get(name, content), kind) for name, (file, content, kind) in FILES.items()}


def kept(platform: Platform) -> list[DxTemplate]:
    """Return the templates of the default organization."""
    with platform.world.store.reading():
        return DxTemplates(platform.world).all(platform.organization.id)


def test_pushed(wire: Wire, platform: Platform) -> None:
    """It is kept as `template.yaml` says, with its five files, and the answer names it."""
    answer = wire("POST", TEMPLATES, files=form()).json()
    check_answer("push_dx_template", answer)
    assert PLATFORM_ID.fullmatch(answer["id"])
    (template,) = kept(platform)
    assert answer == {"id": template.id, "name": "counter"}
    assert (template.scope, template.abeja_user_only, template.author) == ("private", True, "me@example.com")
    with platform.world.store.reading():
        contents = {name: DxTemplates(platform.world).read(template, name) for name in FILES}
    assert contents == {name: content for name, (_, content, _) in FILES.items()}


def test_pushed_again(wire: Wire, platform: Platform) -> None:
    """What is pushed under a name comes in the place of what was; another name is another template."""
    first = wire("POST", TEMPLATES, files=form()).json()
    before = kept(platform)[0]
    platform.clock.advance(60)
    again = wire("POST", TEMPLATES, files=form(TEMPLATE.replace("me@", "you@"), thumbnail=b"new")).json()
    assert again == first
    (template,) = kept(platform)
    assert template.author == "you@example.com"
    assert (template.created_at, template.updated_at > before.updated_at) == (before.created_at, True)
    sizes = [len(content) for name, (_, content, _) in FILES.items() if name != "thumbnail"]
    assert platform.world.store.blobs.size == sum(sizes) + len(b"new") + len("you") - len("me")
    other = wire("POST", TEMPLATES, files=form(TEMPLATE.replace("templateName: counter", "templateName: other"))).json()
    assert other["id"] != first["id"]
    assert [each.name for each in kept(platform)] == ["counter", "other"]


def test_by_name(wire: Wire, platform: Platform) -> None:
    """A template is found by its name in its own organization only."""
    wire("POST", TEMPLATES, files=form())
    templates = DxTemplates(platform.world)
    with platform.world.store.transaction():
        other = Accounts(platform.world).add_organization("other-org").id
        assert templates.get(platform.organization.id, "counter").name == "counter"
        with pytest.raises(NotFound, match="none"):
            templates.get(other, "counter")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        *(({key: part for key, part in FILES.items() if key != name}, f"lacks the parts {name}") for name in FILES),
        (form("metadata: {"), "template.yaml is not YAML"),
        (form(""), "template.yaml is wrong"),
        (form(TEMPLATE.replace("  templateName: counter\n", "")), "templateName"),
        (form(TEMPLATE.replace("templateName: counter", "templateName: ''")), "templateName"),
        (form(TEMPLATE.replace("templateScope: private", "templateScope: secret")), "templateScope"),
        (form(handler=b"no archive"), "'handler' is wrong"),
    ],
)
def test_not_well_formed(wire: Wire, platform: Platform, files: Any, words: str) -> None:
    """What is wrong is 400, says so, and changes nothing."""
    before = state(platform)
    check_refusal(wire("POST", TEMPLATES, files=files), 400, words)
    assert state(platform) == before
