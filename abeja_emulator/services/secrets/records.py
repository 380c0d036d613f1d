"""What is kept of secrets and their versions."""

from typing import Any, Optional

import msgspec

#: Who keeps the values; the platform names no other (SDK docstrings of `abeja/secret/api/client.py`).
PROVIDER = "aws-secret-manager"


class Secret(msgspec.Struct, kw_only=True):
    """A secret; its values are in its versions.

    Attributes:
        expired_at: from when on its values are not told any more; this and the other times in `clock.iso` form.
        properties: free JSON that no operation sets.
        rotation: whether the provider replaces its value now and then, which no operation sets either.
    """

    id: str
    organization_id: str
    user_id: str
    name: str
    description: Optional[str] = None
    properties: Any = None
    provider: str = PROVIDER
    rotation: bool = False
    integration_service_type: Optional[str] = None
    integration_service_ids: list[str] = []
    expired_at: Optional[str] = None
    created_at: str
    updated_at: str


class SecretVersion(msgspec.Struct, kw_only=True):
    """One value of a secret.

    Attributes:
        value: base64, as it travels.
    """

    id: str
    organization_id: str
    secret_id: str
    version: int
    value: str
    status: str = "active"
    provider: str = PROVIDER
    created_at: str
    updated_at: str

    def __repr__(self) -> str:
        return f"<SecretVersion {self.version} of secret {self.secret_id}>"
