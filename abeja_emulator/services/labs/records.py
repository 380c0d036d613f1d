"""What is kept of Labs apps."""

from typing import Optional

import msgspec


class LabsApp(msgspec.Struct, kw_only=True):
    """An app: what its `setting.yaml` says, and the digests of the four files it was made from.

    Attributes:
        stop_after: hours until it is to stop; 0: never. No answer shows it.
        files: name of the part of the form → digest.
    """

    labs_app_id: str
    organization_id: str
    status: str
    name: str
    description: Optional[str] = None
    version: Optional[str] = None
    scope: str
    abeja_user_only: bool
    author: str
    auth_type: str
    github_url: Optional[str] = None
    image: str
    instance_type: Optional[str] = None
    command: Optional[str] = None
    stop_after: int = 0
    files: dict[str, str]
    creator_id: str
    created_at: str
    modified_at: str
