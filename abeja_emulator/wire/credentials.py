"""What a client says of itself in its Authorization header."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from abeja_emulator.errors import Unauthorized

MISSING = (
    "there is no Authorization header; set ABEJA_PLATFORM_USER_ID and "
    "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN, or PLATFORM_AUTH_TOKEN, or pass a credential"
)


@dataclass(frozen=True)
class Credential:
    """A well-formed credential, not checked yet.

    Attributes:
        kind: `user`, `datasource` or `bearer`.
        identifier: id of the user or data source, without its prefix; empty for a bearer token.
        secret: the token.
    """

    kind: str
    identifier: str
    secret: str

    def __repr__(self) -> str:
        return f"<Credential {self.kind} {self.identifier or '…'}>"


def read_credential(authorization: str | None) -> Credential:
    """Read `Basic base64(user-<id>:<token>)`, `Basic base64(datasource-<id>:<secret>)` or `Bearer <token>`.

    The forms are those of `abeja/common/auth.py` and `connection.py`.

    Raises:
        Unauthorized: when there is none, or it has none of these forms.
    """
    if not authorization:
        raise Unauthorized(MISSING)
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return Credential("bearer", "", value)
    if scheme.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # neither base64, nor ASCII, nor UTF-8 inside
            name, colon, secret = "", "", ""
        kind, _, identifier = name.partition("-")
        if colon and kind in {"user", "datasource"} and identifier and secret:
            return Credential(kind, identifier, secret)
    # A word of another kind may be the token itself, sent without its scheme.
    shown = scheme if scheme.lower() in {"basic", "bearer"} else "neither Basic nor Bearer"
    message = (
        f"the Authorization header is not well-formed ({shown}); it must be Basic with "
        "user-<id>:<token> or datasource-<id>:<secret>, or Bearer with a token"
    )
    raise Unauthorized(message)
