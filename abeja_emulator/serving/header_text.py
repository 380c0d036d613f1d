"""Text of headers. On the wire it is bytes, here decoded as latin-1; a Go program and JSON take them for UTF-8."""

from __future__ import annotations

import re

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_NO_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

#: Headers about one connection (RFC 9110, 7.6.1; RFC 9112). They are said anew on each.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def octets(text: str) -> bytes:
    """Return the bytes that text of the wire stands for."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        # Only a request that was made here, and came over no wire, has such text.
        return text.encode("utf-8", "replace")


def from_wire(value: str) -> str:
    """Return what a model sees of a value; bytes that are not UTF-8 become U+FFFD, as in JSON that Go writes."""
    return value if value.isascii() else octets(value).decode("utf-8", "replace")


def to_wire(value: str) -> str:
    """Return a value as it is put on the wire, UTF-8.

    Raises:
        UnicodeEncodeError: when it holds half of a surrogate pair.
    """
    return value if value.isascii() else value.encode().decode("latin-1")


def is_name(name: object) -> bool:
    """Tell whether a header can have that name (RFC 9110, 5.1)."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_value(value: object) -> bool:
    """Tell whether a header can have that value: text without control characters, that UTF-8 can say."""
    if not isinstance(value, str) or _NO_VALUE.search(value):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
