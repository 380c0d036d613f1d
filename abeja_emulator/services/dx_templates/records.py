"""What is kept of DX templates."""

import msgspec


class DxTemplate(msgspec.Struct, kw_only=True):
    """A template: what its `template.yaml` says, and the digests of the five files it was made from.

    Attributes:
        files: name of the part of the form → digest.
    """

    id: str
    organization_id: str
    name: str
    scope: str
    abeja_user_only: bool
    author: str
    files: dict[str, str]
    creator_id: str
    created_at: str
    updated_at: str
