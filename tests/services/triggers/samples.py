"""Files to put into channels."""

from __future__ import annotations

import io

from abeja.datalake.api.client import APIClient


def put(channel: str, content: bytes = b"content") -> str:
    """Put a file into a channel, and return its id."""
    identifier: str = APIClient().post_channel_file_upload(channel, io.BytesIO(content), "text/plain")["file_id"]
    return identifier
