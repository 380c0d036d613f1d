"""What is kept of results."""

from typing import Optional

import msgspec


class Result(msgspec.Struct, kw_only=True):
    """What a model answered to an asynchronous request; `created_at` is `clock.iso` text.

    Attributes:
        request_id: what whoever asked called the request, `x-abeja-arms-async-request-id`.
        status: status code of the answer; 502 when there is none.
        headers: of the answer, without `Content-Length`.
        content_type: of the body.
        body: digest of the body.
        size: bytes of the body.
    """

    organization_id: str
    deployment_id: str
    request_id: str
    status: int
    headers: dict[str, str]
    content_type: Optional[str] = None
    body: str
    size: int
    created_at: str
