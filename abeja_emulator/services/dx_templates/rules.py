"""State and rules of DX templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from abeja_emulator.archives import ArchiveError, check_archive
from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, NotFound
from abeja_emulator.services.dx_templates.records import DxTemplate
from abeja_emulator.services.labs.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Parts of the form that the command line client sends; `handler` is a zip of a folder, the others are files.
FILES = ("template_yaml", "handler", "thumbnail", "how_to_use", "how_to_use_jp")


class Metadata(msgspec.Struct, rename="camel"):
    """What `template.yaml` says of the template itself."""

    template_name: Annotated[str, msgspec.Meta(min_length=1)]
    template_scope: Literal["private", "public"]
    abeja_user_only: bool
    author: str


class Template(msgspec.Struct):
    """A `template.yaml`, as far as it is known (`abejacli/dx_template/commands.py`, update_template_yaml)."""

    metadata: Metadata


class DxTemplates:
    """The DX templates of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._templates = world.store.table("dx_template", DxTemplate)

    def push(self, organization_id: str, creator_id: str, files: Mapping[str, Upload]) -> DxTemplate:
        """Take a template from the files that the command line client sends.

        One whose name the organization has already comes in its place, and keeps its id: the client has a `push`
        and nothing else, no update and no delete. Evidence: inferred.

        Raises:
            BadRequest: when `template.yaml` is not well-formed, or the handler is no archive.
        """
        said = read_yaml(files["template_yaml"], "template.yaml", Template).metadata
        try:
            check_archive(files["handler"].content)
        except ArchiveError as error:
            message = f"the part 'handler' is wrong: {error}"
            raise BadRequest(message) from error
        fields: dict[str, Any] = {
            "name": said.template_name,
            "scope": said.template_scope,
            "abeja_user_only": said.abeja_user_only,
            "author": said.author,
            "files": self._kept(files),
            "updated_at": iso(self._world.clock.now()),
        }
        known = self._templates.named(organization_id, said.template_name)
        if known is not None:
            self._release(known)
            template = msgspec.structs.replace(known, **fields)
            self._templates.update(organization_id, template.id, template)
            return template
        template = DxTemplate(
            id=self._world.ids.platform_id(),
            organization_id=organization_id,
            creator_id=creator_id,
            created_at=fields["updated_at"],
            **fields,
        )
        self._templates.insert(organization_id, template.id, template, name=template.name)
        return template

    def get(self, organization_id: str, name: str) -> DxTemplate:
        """Return a template by its name.

        Raises:
            NotFound: when the organization has none of that name.
        """
        template = self._templates.named(organization_id, name)
        if template is None:
            known = ", ".join(each.name for each in self.all(organization_id)[-10:]) or "none"
            message = (
                f"DX template {name!r} does not exist in organization {organization_id}; newest templates: {known}"
            )
            raise NotFound(message)
        return template

    def all(self, organization_id: str) -> list[DxTemplate]:
        """Return the templates of an organization, in order of their first push."""
        return self._templates.slice(organization_id)

    def read(self, template: DxTemplate, file: str) -> bytes:
        """Return one of the files of a template, by the name of its part."""
        return self._world.store.blobs.read(template.files[file])

    def _kept(self, files: Mapping[str, Upload]) -> dict[str, str]:
        return {name: self._world.store.blobs.put(file.content)[0] for name, file in files.items()}

    def _release(self, template: DxTemplate) -> None:
        for digest in template.files.values():
            self._world.store.blobs.release(digest)
