"""What the proxy tells the platform of a request that was answered later (runner, proxy/proxy.go)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from abeja_emulator.serving.header_text import from_wire, octets
from abeja_emulator.wire.messages import Request

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Application, Headers, Response


@dataclass(frozen=True)
class ResultPlace:
    """Where the result of an asynchronous request goes.

    Attributes:
        organization_id: of the deployment's organization.
        deployment_id: of the deployment.
        request_id: `x-abeja-arms-async-request-id` of the request.
        token: `x-abeja-arms-async-request-token`, or None when the request had none.
    """

    organization_id: str
    deployment_id: str
    request_id: str
    token: str | None = None

    @property
    def target(self) -> str:
        """The path; its segments are percent-encoded, for a client chose the request's id."""
        organization, deployment, request = (
            quote(each, safe="") for each in (self.organization_id, self.deployment_id, self.request_id)
        )
        return f"/organizations/{organization}/deployments/{deployment}/results/{request}"


def result_request(place: ResultPlace, response: Response) -> Request:
    """Return the request that delivers a response: a form of `status`, `headers` and `body`, names without quotes.

    What the handler answered is a success here whatever its status, an exception of the handler included.
    Evidence: inferred; the other form is a 502, which says that there is no answer at all.
    """
    body = response.read()
    parts = (
        ("status", "text/plain", str(response.status).encode()),
        ("headers", "application/json", _json(_object_of(response))),
        ("body", response_type(response), body),
    )
    boundary = _boundary(place.request_id, body)
    content = b"".join(
        b"--%s\r\nContent-Disposition: form-data; name=%s\r\nContent-Type: %s\r\n\r\n%s\r\n"
        % (boundary, name.encode(), octets(kind), data)
        for name, kind, data in parts
    )
    # Go sends a body whose length it does not know in chunks; here it has arrived.
    framing = [("Transfer-Encoding", "chunked"), ("Content-Type", f"multipart/form-data; boundary={boundary.decode()}")]
    return _put(place, framing, content + b"--%s--\r\n" % boundary)


def failure_request(place: ResultPlace, description: str, response: Response) -> Request:
    """Return the request that says that no model answered: JSON with the status 502.

    Args:
        place: where it goes.
        description: why there is no answer.
        response: what a client that waited would have got; only its headers are told.
    """
    content = _json(
        {
            "status": HTTPStatus.BAD_GATEWAY.value,
            "headers": _object_of(response),
            "body": {"error": "internal_server_error", "error_description": description},
        }
    )
    return _put(place, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))], content)


def response_type(response: Response) -> str:
    """Return the content type of a response, `application/json` where it names none."""
    return next((value for name, value in response.headers if name.lower() == "content-type"), "application/json")


def _put(place: ResultPlace, headers: Headers, content: bytes) -> Request:
    credential = [] if place.token is None else [("Authorization", f"Bearer {place.token}")]
    return Request("PUT", place.target, headers=[*credential, *headers], body=content)


def _object_of(response: Response) -> dict[str, str]:
    return {name: from_wire(value) for name, value in response.headers if name.lower() != "content-length"}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _boundary(request_id: str, body: bytes) -> bytes:
    """Return a boundary that is not in the body; the same one for the same result."""
    boundary = b""
    while not boundary or boundary in body:
        boundary = hashlib.sha256(boundary + request_id.encode("utf-8", "replace")).hexdigest()[:60].encode()
    return boundary


def deliver(result: Request, application: Application, token: str | None) -> Response:
    """Hand the result of an asynchronous request to the platform.

    One that came without a token is delivered with the service's own. Evidence: inferred.

    Args:
        result: what the runner would send.
        application: the platform.
        token: the service's own, while it has one.
    """
    if token is not None and result.header("authorization") is None:
        result.headers.append(("Authorization", f"Bearer {token}"))
    return application.handle(result)
