"""What is kept of channels and files."""

from typing import Optional

import msgspec


class Channel(msgspec.Struct, kw_only=True):
    """A channel of the datalake."""

    channel_id: str
    name: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    storage_type: str = "datalake"
    security_method: str = "organization"
    archived: bool = False
    created_at: str
    updated_at: str


class File(msgspec.Struct, kw_only=True):
    """A file of a channel, or a file to come (then without digest).

    Attributes:
        metadata: the user's own, `x-abeja-meta-…` names and values as sent, percent-encoded.
        uploaded_at: UTC, `clock.iso` form.
    """

    channel_id: str
    file_id: str
    content_type: str
    metadata: dict[str, str]
    lifetime: Optional[str] = None
    uploaded_at: str
    digest: str = ""
    size: int = 0
