"""Secrets out of what people read: tokens, Authorization headers, signatures.

A handler may print its environment or a signed URL; a report is what gets attached to an issue.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "(hidden)"

#: Shorter texts would be found everywhere.
_SHORTEST = 8

_PATTERNS = (
    re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer)\s+)?[^\s'\",}]+"),
    re.compile(r"(?i)\b((?:basic|bearer)\s+)[a-z0-9+/=_.~-]{8,}"),
    re.compile(r"(?i)([?&](?:sig|key|signature|x-amz-signature|x-amz-security-token|token)=)[^&\s'\"]+"),
    re.compile(r"(?i)(signature['\"]?\s*(?:=|:|,|%3D)\s*\[?['\"]?)[0-9a-z%+/=_-]{16,}"),
    re.compile(r"(://[^/\s:@]+:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)\b([a-z0-9_-]*(?:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|private[_-]?key|credential)"
        r"[a-z0-9_-]*\\*(?:['\"]?\s*[:=]|['\"]\s*,)\s*\\*['\"]?)[^\s'\",}&\\]{3,}"
    ),
)


#: What a terminal acts on and nobody reads: colours, and the strokes with which progress bars go back.
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """Return `text` without colours and without characters that no page may hold."""
    return _CONTROLS.sub("", text)


#: Base64 of either alphabet, with what a query string makes of it.
_BASE64 = re.compile(r"(?:%2[BbFf])*[A-Za-z0-9+/_-]+(?:%2[BbFf][A-Za-z0-9+/_-]*)*(?:=|%3[Dd]){0,2}")

#: Both alphabets as one.
_STANDARD = str.maketrans("-_", "+/")

#: So many characters of the base64 of a secret are enough to know it by, and are there for the shortest one.
_KEY = 10

#: From one such piece to the next: base64 may be broken into lines of 64 characters, which then hold one each.
_STRIDE = 32


class Redaction:
    """Makes text fit to be shown: legible, and without secrets.

    Args:
        secrets: texts that must not be shown wherever they stand, such as the tokens of a Platform: neither as
            they are nor as base64, a URL or JSON may have them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(_pattern, known))) if known else None
        self._keys = {key for secret in known for key in _base64_keys(secret)}

    def deep(self, value: Any) -> Any:
        """Return what JSON can hold with every text in it, names too, made fit to be shown."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self.deep(name): self.deep(inner) for name, inner in value.items()}
        return [self.deep(inner) for inner in value] if isinstance(value, list) else value

    def __call__(self, text: str) -> str:
        """Return `text` without the known secrets and without what looks like one."""
        text = legible(text)
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if self._has_key(text):
            text = _BASE64.sub(lambda run: HIDDEN if self._has_key(run[0]) else run[0], text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return text

    def _has_key(self, text: str) -> bool:
        """Tell whether base64 in a text decodes to something with a known secret in it."""
        if len(text) < _KEY:
            return False
        if "%2" in text:
            text = re.sub("%2[Bb]", "+", re.sub("%2[Ff]", "/", text))
        plain = text.translate(_STANDARD)
        return any(key in plain for key in self._keys)


def _pattern(secret: str) -> str:
    """Return a pattern of a secret as it is, and as URLs, JSON and the texts of Python objects write it."""
    taken_out = "?" if len(legible(secret)) >= _SHORTEST else ""
    return "".join(
        _character_pattern(each[0], len(each)) + ("" if legible(each) else taken_out)
        for each in re.findall(r"\\+|.", secret, re.DOTALL)
    )


def _character_pattern(character: str, count: int) -> str:
    """Return a pattern of a character, or of so many backslashes.

    Of its forms the longest come first, so that nothing of one is left behind.
    """
    if character.isascii() and character.isalnum():
        return character
    if character == "\\":
        return f"{_SLASH}{{{count},{4 * count}}}"
    octets = [f"{octet:02x}" for octet in character.encode("utf-8", "surrogatepass")]
    units = re.findall("....", character.encode("utf-16-be", "surrogatepass").hex())
    percent = "".join(f"%(?:25)*{octet}" for octet in octets)
    forms = [
        "".join(f"{_SLASHES}u{unit}" for unit in units),
        f"{_SLASHES}u{ord(character):08x}",
        "".join(f"{_SLASHES}x{octet}" for octet in octets),
        f"{_SLASHES}x{ord(character):02x}",
    ]
    if character in "/\"'":
        forms.append(f"{_SLASHES}(?:{percent}|{character})")
    elif character in _LETTERS:
        forms.append(f"{_SLASHES}{_LETTERS[character]}")
    elif character == " ":
        forms.append(r"\+")
    return f"(?:(?i:{'|'.join([*forms, percent])})|{re.escape(character)})"


#: Before an escape; JSON within JSON doubles them.
_SLASH = r"(?:\\|%(?:25)*5[Cc])"
_SLASHES = _SLASH + "{1,8}"

#: What escapes of one letter stand for.
_LETTERS = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f"}


def _base64_keys(secret: str) -> Iterator[str]:
    """Yield pieces of the base64 of whatever holds a secret, at whatever place: its beginning, its end, and between."""
    content = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode()
        # Only characters that no byte before or behind the secret has a part in.
        own = encoded[(8 * before + 5) // 6 : 8 * (before + len(content)) // 6]
        yield from (own[place : place + _KEY] for place in range(0, len(own) - _KEY, _STRIDE))
        yield own[-_KEY:]
