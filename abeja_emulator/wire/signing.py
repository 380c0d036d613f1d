"""What only the Platform can have written: signed URLs and paging tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote_to_bytes

import msgspec

from abeja_emulator.errors import BadRequest, Forbidden

if TYPE_CHECKING:
    import datetime

    from abeja_emulator.clock import Clock

#: Seconds a signed URL is good for. The one example of the reference expires one hour after issue
#: (SDK docstring of get_channel_file_upload); evidence: inferred.
LIFETIME = 3600


class Signer:
    """Signs and checks with a secret that belongs to one Platform.

    Args:
        secret: the key.
        clock: decides what has expired.
    """

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, method: str, *segments: str) -> tuple[str, int]:
        """Return a target (path and query) good for `method`, and the second it expires at."""
        path = "/_signed/" + "/".join(quote(segment, safe="") for segment in segments)
        expires = int(self._clock.timestamp()) + LIFETIME
        return f"{path}?expires={expires}&signature={self._mac('url', method, path, str(expires))}", expires

    def check(self, method: str, target: str) -> None:
        """Check a signed target; a path that is escaped in another way is still the same path.

        Raises:
            Forbidden: when the signature is missing, was not made for this method, path and expiry,
                or has expired.
        """
        expires = self._signed_expiry(method, target)
        if expires is None:
            raise does_not_fit()
        if self._clock.timestamp() >= int(expires):
            raise has_expired(expires)

    def signed(self, method: str, target: str) -> bool:
        """Tell whether a target has a signature of this Platform, expired or not."""
        return self._signed_expiry(method, target) is not None

    def _signed_expiry(self, method: str, target: str) -> str | None:
        """Return the expiry that a target is signed for, or None when it is not signed for this method and path."""
        path, _, query = target.partition("?")
        values = parse_qs(query)
        expires = values.get("expires", [""])[-1]
        signature = values.get("signature", [""])[-1]
        fits = hmac.compare_digest(signature.encode(), self._mac("url", method, _canonical(path), expires).encode())
        return expires if fits else None

    def page_token(self, query: str, position: Any) -> str:
        """Return an opaque token for the next page of `query`, which says what is being listed."""
        payload = base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")
        return f"{payload}.{self._mac('page', query, payload)[:32]}"

    def page_position(self, query: str, token: str) -> Any:
        """Return the position inside a token.

        Raises:
            BadRequest: when the token was not made for this query.
        """
        payload, _, mac = token.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac("page", query, payload)[:32].encode()):
            message = "this page token was not issued for this query; start again without a token"
            raise BadRequest(message)
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, msgspec.DecodeError) as error:  # pragma: no cover - the MAC came first
            raise BadRequest(str(error)) from error

    def _mac(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def does_not_fit() -> Forbidden:
    """Return the refusal of a URL whose signature was not made for it."""
    return Forbidden("the signature of this URL does not fit; ask the API for a fresh URL and use it unchanged")


def has_expired(expires: str) -> Forbidden:
    """Return the refusal of a URL that was good until `expires`, seconds since the epoch."""
    return Forbidden(f"this URL has expired (expires={expires}); ask the API for a fresh one")


def _canonical(path: str) -> str:
    """Return a path as `sign` writes it: each segment as its bytes, escaped where they are not unreserved.

    `%2D` becomes `-`, as object stores have it; `%2F` stays inside its segment.
    """
    return "/".join(quote(unquote_to_bytes(segment), safe="") for segment in path.split("/"))


def expiry_text(moment: datetime.datetime) -> str:
    """Return a time the way the datalake writes it, `2024-01-02T03:04:05+00:00`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
