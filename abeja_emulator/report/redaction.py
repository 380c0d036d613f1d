"""Secrets out of what people read: tokens, Authorization headers, signatures.

A handler may print its environment or a signed URL; a report is what gets attached to an issue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "(hidden)"

#: Shorter texts would be found everywhere.
_SHORTEST = 8

_PATTERNS = (
    re.compile(r"(?i)\b((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?)(?:(?:basic|bearer)\s+)?[^\s'\",}]+"),
    re.compile(r"(?i)\b((?:basic|bearer)\s+)[a-z0-9+/=_.~-]{8,}"),
    re.compile(r"(?i)([?&](?:signature|x-amz-signature|x-amz-security-token|token)=)[^&\s'\"]+"),
    re.compile(
        r"(?i)\b((?:PLATFORM_AUTH_TOKEN|ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN|ABEJA_PLATFORM_DATASOURCE_SECRET"
        r"|[a-z0-9_]*(?:password|secret|api_key|access_token|auth_token))['\"]?\s*[:=]\s*['\"]?)[^\s'\",}&]+"
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

    def __call__(self, text: str) -> str:
        """Return `text` without the known secrets and without what looks like one."""
        text = legible(text)
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return text
