"""What is kept of organizations, users and credentials."""

from typing import Any, Optional

import msgspec


class Organization(msgspec.Struct, kw_only=True):
    """An organization."""

    id: str
    name: str
    display_name: Optional[str] = None
    created_at: str
    updated_at: str


class User(msgspec.Struct, kw_only=True):
    """A user of an organization, with the digests of the personal access tokens."""

    id: str
    organization_id: str
    email: str
    display_name: str
    role: str = "admin"
    created_at: str
    updated_at: str
    token_digests: list[str] = []

    def view(self) -> dict[str, Any]:
        """Return the user as other objects show their creator (SDK tests/conftest.py, user_response)."""
        icon = f"https://console.abeja.io/icons/{self.id}"
        return {
            "id": self.id,
            "email": self.email,
            "display_name": self.display_name,
            "is_registered": True,
            "role": self.role,
            "preferred_language": "en",
            "profile_icon": {
                "original_icon_url": icon,
                "thumbnail_icon_url": icon,
                "mini_icon_url": icon,
            },
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


class BearerToken(msgspec.Struct, kw_only=True):
    """A bearer token, known by its digest; a job's token names its job."""

    digest: str
    organization_id: str
    user_id: str
    training_job_id: Optional[str] = None


class Datasource(msgspec.Struct, kw_only=True):
    """A data source: a credential for sensors and systems, good for the channels it is linked to."""

    datasource_id: str
    display_name: Optional[str] = None
    secret: str
    channels: list[str] = []
    created_at: str
    updated_at: str
