"""Secrets out of what people read: tokens, Authorization headers, signatures.

A handler may print its environment or a signed URL; a report is what gets attached to an issue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "(hidden)"

#: Shorter texts would be found everywhere.
_SHORTEST = 8

_PATTERNS = (
    re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer)\s+)?[^\s'\",}]+"),
    re.compile(r"(?i)\b((?:basic|bearer)\s+)[a-z0-9+/=_.~-]{8,}"),
    re.compile(r"(?i)([?&](?:sig|key|signature|x-amz-signature|x-amz-security-token|token)=)[^&\s'\"]+"),
    re.compile(r"(?i)(signature['\"]?\s*(?:=|:|%3D)\s*\[?['\"]?)[0-9a-z%+/=_-]{16,}"),
    re.compile(r"(://[^/\s:@]+:)[^@\s/]+(?=@)"),
    re.compile(
        r"(?i)\b([a-z0-9_-]*(?:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|private[_-]?key|credential)"
        r"[a-z0-9_-]*\\*['\"]?\s*[:=]\s*\\*['\"]?)[^\s'\",}&\\]{3,}"
    ),
)


#: What a terminal acts on and nobody reads: colours, and the strokes with which progress bars go back.
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legible(text: str) -> str:
    """Return `text` without colours and without characters that no page may hold."""
    return _CONTROLS.sub("", text)


class Redaction:
    """Makes text fit to be shown: legible, and without secrets.

    Args:
        secrets: texts that must not be shown wherever they stand, such as the tokens of a Platform.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

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
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return text
