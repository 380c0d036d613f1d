"""Secrets out of what a user's own code wrote, and nothing else: a log that is followed is for reading.

What the platform itself took down, such as its journal, goes through `report.redaction`, which also hides what
only looks like a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from abeja_emulator.report.redaction import HIDDEN
from abeja_emulator.services.training.records import TrainingJob

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

#: The signature of a URL of the platform, with which anybody could use it.
_SIGNATURE = re.compile(r"\b(signature(?:=|%3D))[0-9a-f]{64}\b", re.IGNORECASE)

#: Shorter ones would be found everywhere.
_SHORTEST = 8


def secrets_of(platform: Platform) -> set[str]:
    """Return what must never be shown, of every organization."""
    store = platform.world.store
    with store.reading():
        tokens = {row.record.token for row in store.table("training_job", TrainingJob).all()}
    return {*platform.secrets(), *tokens}


class Secrecy:
    """Hides the secrets of a platform wherever they stand: its tokens, and signatures."""

    def __init__(self, platform: Platform) -> None:
        secrets = (secret for secret in secrets_of(platform) if len(secret) >= _SHORTEST)
        known = sorted(secrets, key=len, reverse=True)
        # Never empty: a platform has a user.
        self._known = re.compile("|".join(map(re.escape, known)))

    def __call__(self, text: str) -> str:
        """Return `text` without them."""
        return _SIGNATURE.sub(rf"\g<1>{HIDDEN}", self._known.sub(HIDDEN, text))

    def deep(self, value: Any) -> Any:
        """Return what JSON can hold without them, in names too."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(name): self.deep(inner) for name, inner in value.items()}
        return [self.deep(inner) for inner in value] if isinstance(value, list) else value
