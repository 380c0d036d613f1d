"""A look at users, and at secrets without their values."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec
import pytest
from abeja.secret import APIClient as SecretAPI

from abeja_emulator.errors import NotFound

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


def test_users(abeja: Platform) -> None:
    """By id or by email address; the default one is the first."""
    added = abeja.seed.user("token", "someone@example.com", role="regular")
    assert [each.id for each in abeja.look.users()] == [abeja.user.id, added.id]
    assert abeja.look.user("someone@example.com") == abeja.look.user(added.id)
    assert abeja.look.user(added.id).role == "regular"


def test_no_more_than_some_are_named(abeja: Platform) -> None:
    """An error stays readable, however much there is."""
    users = [abeja.seed.user(f"token {number}", f"{number}@example.com") for number in range(12)]
    with pytest.raises(NotFound) as raised:
        abeja.look.user("nobody")
    named = [each.id for each in reversed(users) if each.id in str(raised.value)]
    assert named == [each.id for each in reversed(users[2:])]


def test_secrets_have_no_values(abeja: Platform) -> None:
    """Neither what is shown nor what is said of it gives one away, in whatever form."""
    SecretAPI().create_secret(abeja.organization.id, "API_KEY", "hush-hush", description="of the weather")
    (secret,) = abeja.look.secrets()
    assert secret == abeja.look.secret("API_KEY") == abeja.look.secret(secret.id)
    assert secret.description == "of the weather"
    with pytest.raises(NotFound) as raised:
        abeja.look.secret("OTHER_KEY")
    shown = f"{secret} {msgspec.json.encode(secret).decode()} {raised.value}"
    assert "API_KEY" in shown
    assert not [value for value in abeja.secrets() if value in shown]
    assert base64.b64encode(b"hush-hush").decode() in abeja.secrets()
