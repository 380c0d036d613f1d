"""What is kept of the addresses an organization lets in."""

from typing import Optional

import msgspec


class Cidr(msgspec.Struct, kw_only=True):
    """A network whose addresses may use the organization's things."""

    id: str
    cidr: str
    description: Optional[str] = None
    created_at: str
    updated_at: str
