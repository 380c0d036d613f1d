"""Images that code runs in."""

from __future__ import annotations

import re

from abeja_emulator.errors import BadRequest

#: Image of a version, or of a notebook, that names none. Evidence: inferred; a later answer without a well-formed image
#: makes the SDK raise a ValueError (`abeja/common/docker_image_name.py`).
DEFAULT_IMAGE = "abeja-inc/all-cpu:19.10"

#: What the SDK can read (`abeja/common/docker_image_name.py`).
_IMAGE = re.compile(r"(?:[a-zA-Z0-9._-]+(?::\d+)?/)?[^/\s]+/[^/\s:]+(?::[^/\s:]+)?")


def check_image(image: str) -> None:
    """Check the form of an image's name.

    Raises:
        BadRequest: when the SDK could not read it.
    """
    if not _IMAGE.fullmatch(image):
        message = (
            f"image {image!r} is not of the form [host/]repository/name[:tag], which the SDK can read; "
            "write, for example, abeja-inc/all-cpu:19.10"
        )
        raise BadRequest(message)
