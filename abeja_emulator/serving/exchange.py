"""Requests that `requests` makes, and responses as it gives them, without a network between."""

from __future__ import annotations

import io
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abeja_emulator.wire.messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from abeja_emulator.wire.messages import Headers, Response

_HEAD = "HEAD"


def exchange(
    method: str, url: str, handle: Callable[[Request], Response], options: dict[str, Any]
) -> requests.Response:
    """Ask, and return the answer as it is: a redirection is not followed.

    Args:
        method: of HTTP.
        url: of the service.
        handle: answers.
        options: of `requests.Request`: `json`, `data`, `files`, `headers`, `params`, `cookies`, `auth`.
    """
    __tracebackhide__ = True
    import requests  # noqa: PLC0415 - the SDK's, and late

    with requests.Session() as session:
        session.trust_env = False
        prepared = session.prepare_request(requests.Request(method, url, **options))
        begun = perf_counter()
        response = handle(_wire_request(prepared))
        found = requests.adapters.HTTPAdapter().build_response(prepared, _raw(response, prepared))
    found.elapsed = timedelta(seconds=perf_counter() - begun)
    found.content  # noqa: B018 - reads it, so that nothing stays open
    return found


def _wire_request(prepared: requests.PreparedRequest) -> Request:
    parts = urlsplit(str(prepared.url))
    headers: Headers = [("Host", parts.netloc)]
    headers += [(_text(name), _text(value)) for name, value in prepared.headers.items()]
    return Request(
        str(prepared.method),
        prepared.path_url,
        scheme=parts.scheme,
        host=parts.netloc,
        headers=headers,
        body=_bytes_of(prepared.body),
    )


def _text(value: str | bytes) -> str:
    """Return a part of a header as it arrives; a text that latin-1 does not have is an error, as on a socket."""
    return (value.encode("latin-1") if isinstance(value, str) else value).decode("latin-1")


def _bytes_of(body: Any) -> bytes:
    """Return what a client would send of a body: at hand, a file, or pieces."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if hasattr(body, "read"):
        return _bytes_of(body.read())
    return b"".join(_bytes_of(piece) for piece in body)


def _raw(response: Response, prepared: requests.PreparedRequest) -> Any:
    from urllib3 import HTTPResponse  # noqa: PLC0415 - the SDK's, and late

    body = io.BytesIO(b"" if prepared.method == _HEAD else response.read())
    # Both versions of it take pairs, of which several may have one name.
    headers: Any = response.headers
    return HTTPResponse(
        body,
        headers=headers,
        status=response.status,
        reason=response.reason,
        preload_content=False,
        request_method=prepared.method,
    )
