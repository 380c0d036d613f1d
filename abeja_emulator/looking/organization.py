"""A look at the organization itself: its users, and which secrets it has."""

from __future__ import annotations

from abeja_emulator.looking.base import BaseLook, only
from abeja_emulator.services.organizations.records import User
from abeja_emulator.services.secrets.records import Secret


class OrganizationLook(BaseLook):
    """Users and secrets."""

    def users(self) -> list[User]:
        """Return the users, the default one first; of tokens there are digests only."""
        with self._store.reading():
            return self._store.table("user", User).slice(self._organization_id)

    def user(self, id_or_email: str) -> User:
        """Return the user with that id or email address.

        Raises:
            NotFound: when there is none.
        """
        return only(self.users(), id_or_email, "user", "id", "email")

    def secrets(self) -> list[Secret]:
        """Return the secrets, oldest first, without their values: an assertion that fails would print those."""
        with self._store.reading():
            return self._store.table("secret", Secret).slice(self._organization_id)

    def secret(self, id_or_name: str) -> Secret:
        """Return the secret with that id or name, without its values.

        Raises:
            NotFound: when there is none.
        """
        return only(self.secrets(), id_or_name, "secret", "id", "name")
