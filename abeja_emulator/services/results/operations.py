"""Operations on results of asynchronous requests; only the platform's own runner calls them (runner proxy/proxy.go)."""

import json
from http import HTTPStatus
from typing import Any

import msgspec

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.results.rules import Results
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Upload
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.multipart_form import read_form
from abeja_emulator.wire.operations import Evidence, operation, operations_in

RESULT = "/organizations/{organization_id}/deployments/{deployment_id}/results/{request_id}"

#: Parts of the form that has an answer.
PARTS = ("status", "headers", "body")

_FIRST, _LAST = 100, 599


class NothingMore(msgspec.Struct):
    """An empty object: who calls does not read it."""


class _NoAnswer(msgspec.Struct):
    """What is sent when a model did not answer."""

    status: int
    headers: dict[str, Any] = msgspec.field(default_factory=dict)
    body: Any = None


@operation(
    "PUT",
    RESULT,
    body=Request,
    answer=NothingMore,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source="runner proxy/proxy.go",
)
def put_result(call: Call[None, Request]) -> NothingMore:
    """Keep what a model answered to an asynchronous request.

    It is a form with `status`, `headers` (a JSON object) and `body`; or, when the model did not answer, a JSON object
    with the same names. A second one takes the place of the first.
    """
    deployment = Deployments(call.world).get(call.path["organization_id"], call.path["deployment_id"])
    kind = (call.body.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        _keep_form(call, deployment)
    else:
        sent = _read(call.body.read(), _NoAnswer, "the body")
        Results(call.world).put(
            deployment,
            call.path["request_id"],
            status=_checked(sent.status),
            headers=_texts(sent.headers),
            content_type="application/json",
            body=json.dumps(sent.body).encode(),
        )
    return NothingMore()


def _keep_form(call: Call[None, Request], deployment: Any) -> None:
    parts = read_form(call.body, call.world.store.blobs.spool)
    try:
        missing = [name for name in PARTS if name not in parts]
        if missing:
            message = f"the form of put_result lacks the parts {', '.join(missing)}; it has {sorted(parts)}"
            raise BadRequest(message)
        body = parts["body"]
        Results(call.world).put(
            deployment,
            call.path["request_id"],
            status=_checked(_read(_bytes(parts["status"]), int, "the part 'status'")),
            headers=_texts(_read(_bytes(parts["headers"]), dict[str, Any], "the part 'headers'")),
            content_type=body.content_type,
            body=body.content,
        )
    finally:
        for part in parts.values():
            part.close()


def _bytes(part: Upload) -> bytes:
    return part.content if isinstance(part.content, bytes) else part.content.read()


def _read(data: bytes, shape: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{where} of put_result is wrong: {error}"
        raise BadRequest(message) from error


def _checked(status: int) -> int:
    if not _FIRST <= status <= _LAST:
        message = f"the status of a result is one of HTTP, such as {HTTPStatus.OK.value}, not {status}"
        raise BadRequest(message)
    return status


def _texts(headers: dict[str, Any]) -> dict[str, str]:
    """Return headers as text; a header that came more than once is a list."""
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in headers.items()
    }


OPERATIONS = operations_in(globals())
