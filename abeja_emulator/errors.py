"""What can go wrong on the platform, in the platform's own words.

The body of an error is `{"error", "error_description", "error_detail"?}`, as
`abeja/common/connection.py` of the SDK reads it. Statuses the SDK maps to classes of its own: 400,
401, 403, 404, 405, 409 and 500; 500, 502, 503 and 504 are retried by every client, so a refusal on
purpose never uses them.
"""

from __future__ import annotations

from typing import Any, ClassVar


class PlatformError(Exception):
    """A refusal that a client sees as an HTTP status and a JSON body.

    Args:
        description: what happened, why, and what to do, in plain words.
        detail: further facts for a program, any JSON.
        headers: headers the answer carries besides its own.
    """

    status: ClassVar[int] = 500
    error: ClassVar[str] = "internal_server_error"

    def __init__(self, description: str, *, detail: Any = None, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(description)
        self.description = description
        self.detail = detail
        self.headers = headers

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        body = {"error": self.error, "error_description": self.description}
        if self.detail is not None:
            body["error_detail"] = self.detail
        return body


class InternalServerError(PlatformError):
    """500: a defect of the emulator itself, never a refusal on purpose."""


class BadRequest(PlatformError):
    """400: the request cannot be understood or breaks a rule."""

    status = 400
    error = "bad_request"


class Unauthorized(PlatformError):
    """401: no credential, or one that is not known."""

    status = 401
    error = "unauthorized"


class Forbidden(PlatformError):
    """403: a known credential that may not do this, or a signed URL that is not valid (any more)."""

    status = 403
    error = "forbidden"


class NotFound(PlatformError):
    """404: nothing has that id or path."""

    status = 404
    error = "not_found"


class MethodNotAllowed(PlatformError):
    """405: the path exists for other methods."""

    status = 405
    error = "method_not_allowed"


class Conflict(PlatformError):
    """409: it exists already, or is not in a state that allows this."""

    status = 409
    error = "conflict"


class PayloadTooLarge(PlatformError):
    """413: more than the platform takes."""

    status = 413
    error = "payload_too_large"


class NotEmulated(PlatformError):
    """501: the platform has this operation, the emulator does not have it yet."""

    status = 501
    error = "not_emulated"
