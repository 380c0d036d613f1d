"""From what a model has answered to a response of HTTP (runner, convert/ and proxy/)."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from abeja_emulator.serving.conversion import unsupported
from abeja_emulator.serving.header_text import HOP_BY_HOP, is_name, is_value, to_wire
from abeja_emulator.serving.media_types import FORM
from abeja_emulator.wire.messages import Response

if TYPE_CHECKING:
    from typing import Any, Callable

    from abeja_emulator.serving.messages import ModelAnswer
    from abeja_emulator.wire.messages import Headers

    Log = Callable[[str], Any]

#: Words of the answers that are the proxy's own (runner, proxy/handlers.go and proxy/proxy.go).
LOST_CONTACT = "Internal Server Error: unexpected error of communication with runtime"
UNAVAILABLE = "service unavailable"
NOT_FOUND = "service not found"

#: What the runtime says of a handler that failed (abejaruntime, server_protocol.py).
UNEXPECTED = "unexpected error occurred"

#: The type where the runtime names none (runner, convert/default_converter.go).
FALLBACK_TYPE = "application/json"

#: The runner whose behaviour this is.
RUNNER_VERSION = "2.6.5"

#: `url.PathEscape` of Go leaves these as they are.
_SEGMENT = "$&+:=@"

_BODILESS = (204, 304)
_STATUSES = range(200, 600)


@dataclass(frozen=True)
class Identity:
    """Who answers, as the headers of each answer say; what is empty is not said.

    Attributes:
        deployment_id: of the service's deployment.
        service_id: of the service.
        model_id: of the model, for older clients.
        model_version: of the code, such as `0.0.1`.
        runner_version: of the proxy.
    """

    deployment_id: str = ""
    service_id: str = ""
    model_id: str = ""
    model_version: str = ""
    runner_version: str = RUNNER_VERSION

    def headers(self) -> Headers:
        """Return the headers that say it (runner, convert/default_converter.go and proxy/converter.go)."""
        said = (
            ("X-Abeja-Sys-Meta-Proxy-Version", self.runner_version),
            ("X-Abeja-Model-Id", self.model_id),
            ("X-Abeja-Model-Version", quote(self.model_version, safe=_SEGMENT)),
            ("X-Abeja-Deployment-Id", self.deployment_id),
            ("X-Abeja-Service-Id", self.service_id),
        )
        return [(name, value) for name, value in said if value]


#: Names that the proxy says itself; a handler's own word for one is not sent. Evidence: inferred; the runner sets them
#: after the handler's, and an answer that another length or framing was said of would be none.
PROXY_OWN = HOP_BY_HOP | {
    "content-length",
    "content-type",
    "x-abeja-deployment-id",
    "x-abeja-model-id",
    "x-abeja-model-version",
    "x-abeja-service-id",
    "x-abeja-sys-meta-proxy-version",
}


class UnsayableError(ValueError):
    """An answer of a handler that HTTP has no words for; the text says why."""


def response_of(answer: ModelAnswer, identity: Identity, log: Log | None = None) -> Response:
    """Return the response that says what a model has answered.

    A status, a content type or metadata that no response can have is the 500 of a handler that failed, and a sentence
    in the log. Evidence: inferred; the Go server would drop some names and mend some values, which hides the mistake.

    Args:
        answer: of the model.
        identity: who answers.
        log: takes a sentence for whoever wrote the handler; the log of this process by default.
    """
    log = log or logging.getLogger("abeja_emulator").error
    if answer.error is not None:
        status = answer.status if answer.status in _STATUSES and answer.status not in _BODILESS else 500
        return error_response(status, answer.error, identity)
    try:
        status, content_type = _status_of(answer), _type_of(answer)
        metadata = _metadata_of(answer, log)
    except UnsayableError as error:
        log(f"the handler's answer was not sent: {error}")
        return error_response(500, UNEXPECTED, identity)
    if content_type.partition(";")[0].strip().lower() == FORM:
        refusal = unsupported(content_type)
        return error_response(refusal.status, refusal.words, identity)
    body = answer.body
    if body and status in _BODILESS:
        log(f"the handler's content was not sent: a response {status} has none; give another status_code to send it")
        body = b""
    return _response(status, [("Content-Type", to_wire(content_type)), *metadata], body, identity)


def error_response(status: int, words: str, identity: Identity) -> Response:
    """Return an error in the proxy's dialect, which is not the API's: `{"status": <words>}`."""
    return _response(status, [("Content-Type", "application/json")], _said(words), identity)


def accepted(identity: Identity) -> Response:
    """Return the answer to an asynchronous request, before there is one of the model."""
    return _response(202, [], b"", identity)


def health_of(status: int, words: str) -> Response:
    """Return an answer of `/health_check`; it says nothing of whose health it is."""
    return _response(status, [("Content-Type", "application/json")], _said(words), Identity(runner_version=""))


def _said(words: str) -> bytes:
    return json.dumps({"status": words}, separators=(",", ":")).encode()


def _response(status: int, headers: Headers, body: bytes, identity: Identity) -> Response:
    framing = [("Content-Length", str(len(body))), ("Connection", "close")]
    return Response(status, [*headers, *identity.headers(), *framing], body)


def _status_of(answer: ModelAnswer) -> int:
    status: Any = answer.status
    if not isinstance(status, int) or status not in _STATUSES:
        message = f"status_code is {status!r}; it must be a whole number from 200 to 599"
        raise UnsayableError(message)
    return int(status)


def _type_of(answer: ModelAnswer) -> str:
    content_type = answer.content_type or FALLBACK_TYPE
    if not is_value(content_type):
        message = f"content_type is {content_type!r}; it must be text without line breaks and control characters"
        raise UnsayableError(message)
    return content_type


def _metadata_of(answer: ModelAnswer, log: Log) -> Headers:
    """Return the metadata as headers; of names that differ only in case the last one stays."""
    said: dict[str, tuple[str, str]] = {}
    for name, value in answer.metadata.items():
        if not is_name(name):
            message = f"metadata has the name {name!r}; a header's name is ASCII letters, digits and !#$%&'*+-.^_`|~"
            raise UnsayableError(message)
        if not is_value(value):
            message = f"metadata {name} is {value!r}; it must be text without line breaks and control characters"
            raise UnsayableError(message)
        if name.lower() in PROXY_OWN:
            log(f"the handler's metadata {name} was not sent: the proxy says it; use content_type or another name")
            continue
        said[name.lower()] = (name, to_wire(value).strip(" \t"))
    return list(said.values())
