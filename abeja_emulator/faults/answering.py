"""From a fault that fires to the answer that a client gets."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Callable

import msgspec

from abeja_emulator.errors import Unauthorized
from abeja_emulator.faults.effects import (
    Closed,
    Cut,
    Drip,
    Latency,
    Lost,
    Reset,
    SignedUrl,
    Stale,
    Stall,
    Status,
    Token,
)
from abeja_emulator.transports.http1 import announced_length, has_body
from abeja_emulator.wire.delivery import Delivery
from abeja_emulator.wire.messages import Response
from abeja_emulator.wire.signing import does_not_fit, has_expired

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock
    from abeja_emulator.errors import PlatformError
    from abeja_emulator.faults.effects import Effect
    from abeja_emulator.wire.delivery import Ending


@dataclass(frozen=True)
class Answering:
    """What can be done with a call.

    Attributes:
        clock: of the Platform.
        proceed: does the call and returns its answer.
        past: does it in the state before the last change.
        refuse: returns the answer that is an error.
        method: of the call.
    """

    clock: Clock
    proceed: Callable[[], Response]
    past: Callable[[], Response]
    refuse: Callable[[PlatformError], Response]
    method: str = "GET"

    def answer(self, effect: Effect) -> tuple[Response, int | None]:
        """Return what the client gets, and the status the Platform itself came to, if it did the call.

        A body that ends before the byte at which it was to be cut, or to stall, is brought as it is; so is an answer
        without one that was to drip.
        """
        if isinstance(effect, Status):
            return _error(effect.status, effect.message, effect.retry_after), None
        if isinstance(effect, SignedUrl):
            now = int(self.clock.timestamp())
            return self.refuse(has_expired(str(now)) if effect.reason == "expired" else does_not_fit()), None
        if isinstance(effect, Token):
            return self.refuse(token_has_expired()), None
        if isinstance(effect, Stale):
            response = self.past()
            return response, response.status
        if isinstance(effect, (Reset, Closed)) and effect.point == "before":
            return self._nothing("reset" if isinstance(effect, Reset) else "closed"), None
        response = self.proceed()
        return self._brought(effect, response), response.status

    def _brought(self, effect: Effect, response: Response) -> Response:
        """Return an answer as it is brought; the call is done."""
        if isinstance(effect, Lost) and effect.status is not None:
            _drop(response)
            return _error(effect.status, None, None)
        length = self._length(response)
        is_over = isinstance(effect, Reset) and (effect.point == "after" or not length)
        if isinstance(effect, (Lost, Closed)) or is_over:
            _drop(response)
            return self._nothing("closed" if isinstance(effect, Closed) else "reset")
        has_no_such_byte = isinstance(effect, (Cut, Stall)) and effect.at >= length
        if not has_no_such_byte and not (isinstance(effect, Drip) and not length):
            response.delivery = self._delivery(effect, length)
        return response

    def _delivery(self, effect: Effect, length: int) -> Delivery:
        if isinstance(effect, Latency):
            return Delivery(self.clock, wait=effect.seconds)
        if isinstance(effect, Cut):
            return Delivery(self.clock, stop_at=effect.at, ending="closed")
        if isinstance(effect, Stall):
            return Delivery(self.clock, stop_at=effect.at, ending="silence")
        if isinstance(effect, Drip):
            return Delivery(self.clock, pace=effect.pace)
        if isinstance(effect, Reset):
            return Delivery(self.clock, stop_at=length // 2, ending="reset")
        message = f"{effect} is nothing that happens to an answer"
        raise TypeError(message)

    def _length(self, response: Response) -> int:
        """Return how many bytes of a body reach the client."""
        if not has_body(self.method, response.status):
            return 0
        return len(response.body) if isinstance(response.body, bytes) else announced_length(response) or 0

    def _nothing(self, ending: Ending) -> Response:
        response = Response(0, [("Content-Length", "0")])
        response.delivery = Delivery(self.clock, head=False, stop_at=0, ending=ending)
        return response


def token_has_expired() -> PlatformError:
    """Return what a call with an expired token is refused with."""
    return Unauthorized("this token has expired")


def _error(status: int, message: str | None, retry_after: int | None) -> Response:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"status {status}"
    error = phrase.lower().replace(" ", "_").replace("-", "_")
    body = msgspec.json.encode({"error": error, "error_description": message or phrase})
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if retry_after is not None:
        headers.append(("Retry-After", str(retry_after)))
    return Response(status, headers, body)


def _drop(response: Response) -> None:
    if not isinstance(response.body, bytes):
        response.body.close()
