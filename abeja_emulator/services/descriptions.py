"""Descriptions of things, and how long one may be."""

from __future__ import annotations

from typing import Annotated

import msgspec

from abeja_emulator.errors import BadRequest

#: How many characters a description has at most; the help text of the CLI says so of training, and that no other
#: service takes a longer one is inferred.
DESCRIPTION_LIMIT = 256

#: A description in what a client sends.
Description = Annotated[str, msgspec.Meta(max_length=DESCRIPTION_LIMIT)]


def check_description(description: str | None) -> None:
    """Check a description that no client sends: that of a job that a test starts.

    Raises:
        BadRequest: when it is longer than `DESCRIPTION_LIMIT`.
    """
    if description is not None and len(description) > DESCRIPTION_LIMIT:
        message = f"a description has at most {DESCRIPTION_LIMIT} characters; this one has {len(description)}"
        raise BadRequest(message)
