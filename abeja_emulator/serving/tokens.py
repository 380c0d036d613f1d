"""Credentials of model code: as good as those of whoever made its service or run, for as long as it runs."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from abeja_emulator.services.organizations.rules import Accounts

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


class Tokens:
    """Gives `PLATFORM_AUTH_TOKEN` to model code, and takes it back.

    On the platform it is a token for the service alone. What it may do is not known; here it may do what its creator
    may: a handler may start a training job or read a dataset (handlers.md). Evidence: inferred.

    Args:
        platform: knows the tokens, and shows them to nobody.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._accounts = Accounts(platform.world)

    def give(self, organization_id: str, creator_id: str) -> str:
        """Return a new token."""
        token = token_hex(32)
        self._platform.keep_secret(token)
        self._accounts.admit(organization_id, creator_id, token)
        return token

    def take(self, token: str) -> None:
        """Make a token worth nothing."""
        self._accounts.dismiss(token)
