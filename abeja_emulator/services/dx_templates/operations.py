"""Operations on DX templates (`abejacli/dx_template/commands.py`); the SDK has none."""

import msgspec

from abeja_emulator.services.dx_templates.rules import FILES, DxTemplates
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Files, FilesForm
from abeja_emulator.wire.operations import Evidence, operation, operations_in


class DxTemplateView(msgspec.Struct):
    """What is told of a template that was pushed."""

    id: str
    name: str


@operation(
    "POST",
    "/organizations/{organization_id}/dx-templates",
    body=FilesForm(FILES),
    answer=DxTemplateView,
    errors=(400, 401, 403, 404, 501),
    evidence=Evidence.INFERRED,
    source="abejacli/dx_template/commands.py push; it prints whatever JSON comes, so the answer is ours",
)
def push_dx_template(call: Call[None, Files]) -> DxTemplateView:
    """Take a template from a form of five files.

    They are `template_yaml`, `handler` (a zip), `thumbnail`, `how_to_use` and `how_to_use_jp`. A template of that
    name is replaced.
    """
    creator_id = call.user_id
    template = DxTemplates(call.world).push(call.path["organization_id"], creator_id, call.body)
    return DxTemplateView(template.id, template.name)


OPERATIONS = operations_in(globals())
