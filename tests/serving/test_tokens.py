"""The credential of model code: whose it is, for how long, and that it never shows."""

from __future__ import annotations

from abeja_emulator.platform import Platform
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.security.rules import Cidrs
from abeja_emulator.serving.tokens import Tokens
from abeja_emulator.wire.messages import Request


def asked(platform: Platform, token: str, method: str = "GET", body: bytes = b"") -> int:
    target = f"/organizations/{platform.organization.id}/deployments"
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
    return platform.handle(Request(method, target, headers=headers, body=body)).status


def test_a_token_is_good_under_strict_authentication_until_it_is_taken() -> None:
    with Platform(auth="strict") as platform:
        tokens = Tokens(platform)
        token = tokens.give(platform.organization.id, platform.user.id)
        assert asked(platform, token) == 200
        tokens.take(token)
        assert asked(platform, token) == 401


def test_a_token_may_do_what_its_creator_may() -> None:
    with Platform(auth="strict") as platform:
        with platform.world.store.transaction():
            regular = Accounts(platform.world).add_user(
                platform.organization.id, "pat", email="r@example", role="regular"
            )
        tokens = Tokens(platform)
        creation = b'{"name": "d"}'
        assert asked(platform, tokens.give(platform.organization.id, regular.id), "POST", creation) == 403
        assert asked(platform, tokens.give(platform.organization.id, platform.user.id), "POST", creation) == 200


def test_a_token_outlives_a_return_to_an_earlier_state() -> None:
    with Platform(auth="strict") as platform:
        snapshot = platform.snapshot()
        token = Tokens(platform).give(platform.organization.id, platform.user.id)
        snapshot.rollback()
        assert asked(platform, token) == 200


def test_a_token_is_a_secret() -> None:
    with Platform() as platform:
        assert Tokens(platform).give(platform.organization.id, platform.user.id) in platform.secrets()


def test_a_token_is_one_of_code_on_the_platform_which_cidrs_do_not_shut_out() -> None:
    with Platform(auth="strict", enforce_cidrs=True) as platform:
        token = Tokens(platform).give(platform.organization.id, platform.user.id)
        with platform.world.store.transaction():
            Cidrs(platform.world).create(platform.organization.id, "192.0.2.0/24")
            Accounts(platform.world).add_bearer_token(platform.organization.id, platform.user.id, "a person's")
        assert (asked(platform, token), asked(platform, "a person's")) == (200, 403)
