"""What is kept of the registry's repositories and their tags."""

from typing import Optional

import msgspec


class Repository(msgspec.Struct, kw_only=True):
    """A repository of images; times are `clock.iso` text."""

    id: str
    organization_id: str
    name: str
    description: Optional[str] = None
    creator_id: str
    created_at: str
    updated_at: str


class Tag(msgspec.Struct, kw_only=True):
    """A name for one image of a repository; times are `2024-01-02T03:04:05Z`."""

    id: int
    name: str
    digest: str
    size: int
    media_type: str
    creator_id: str
    created_at: str
    updated_at: str
