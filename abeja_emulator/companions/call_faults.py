"""One call of a handler's other worlds that goes wrong on purpose, with every attempt that its client makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Protocol

from abeja_emulator.faults.answering import Answering
from abeja_emulator.faults.effects import BODY, ConnectFailure, Lost, Status
from abeja_emulator.faults.places import Sighting
from abeja_emulator.transports.http1 import has_body

if TYPE_CHECKING:
    from abeja_emulator.clock import Clock
    from abeja_emulator.faults.effects import Effect
    from abeja_emulator.faults.fault import Hit
    from abeja_emulator.faults.plan import FaultPlan
    from abeja_emulator.wire.messages import Request, Response


class World(Protocol):
    """How one call of another world is done, and what a refusal looks like there."""

    def do(self, request: Request) -> Response:
        """Do the call, and return its answer, whose body is bytes."""

    def refuse(self, status: Status) -> Response:
        """Return the answer of a world that does not do the call."""


@dataclass(frozen=True)
class Calls:
    """Calls of one kind, as the plan counts them.

    Attributes:
        plan: says what goes wrong.
        clock: lets seconds pass.
        world: `s3` or `http`.
        method: HTTP method.
        name: operation of boto3, or the URL.
    """

    plan: FaultPlan
    clock: Clock
    world: str
    method: str
    name: str

    def next(self) -> Optional[Hit]:
        """Count a call, and return the fault that fires at it."""
        return self.plan.outer(self.world, self.method, self.name)

    def carried(self, size: int) -> None:
        """Note how many bytes the bodies of a call had."""
        if self.plan:
            operation = self.name if self.world == "s3" else None
            self.plan.carried(Sighting(self.world, operation, self.method, self.name.partition("?")[0], ""), size)


class Exchange:
    """A call that goes wrong: its first attempt by a fault that fired, later ones as the plan says then.

    Args:
        calls: what it is one of.
        first: what goes wrong with the first attempt.
        world: how the call is done.
    """

    def __init__(self, calls: Calls, first: Hit, world: World) -> None:
        self._calls = calls
        self._first: Optional[Hit] = first
        self._began = False
        self._world = world

    def attempt(self) -> FaultyAttempt:
        """Return the next attempt."""
        hit = self._calls.next() if self._began else self._first
        self._began = True
        return FaultyAttempt(self._calls, hit, self._world)


@dataclass(frozen=True)
class FaultyAttempt:
    """One attempt.

    Attributes:
        calls: what it is one of.
        hit: what goes wrong with it, if anything does.
        world: how the call is done.
    """

    calls: Calls
    hit: Optional[Hit]
    world: World

    @property
    def trouble(self) -> str | None:
        """Why no connection comes about, or None."""
        effect = None if self.hit is None else self.hit.fault.effect
        return effect.kind if isinstance(effect, ConnectFailure) else None

    def answer(self, request: Request) -> Response:
        """Answer the request as the fault wants it."""
        if self.hit is None:
            response = self._do(request)
        else:
            effect = self.hit.fault.effect
            response, self.hit.done = self._faulty(effect, request)
            self.hit.status = response.status
            if isinstance(effect, BODY) and response.delivery is None:
                # A body that is shorter than that arrives as it is.
                self.calls.plan.withdraw(self.hit)
        if response.status:
            # The next call has to come by here again.
            response.headers = [*response.headers, ("Connection", "close")]
        self.calls.carried(request.length + len(response.read()))
        return response

    def _faulty(self, effect: Effect, request: Request) -> tuple[Response, Optional[int]]:
        if isinstance(effect, Status):
            return self.world.refuse(effect), None
        if isinstance(effect, Lost) and effect.status is not None:
            return self.world.refuse(Status(effect.status)), self._do(request).status

        def proceed() -> Response:
            return self._do(request)

        return Answering(self.calls.clock, proceed, proceed, _never).answer(effect)

    def _do(self, request: Request) -> Response:
        response = self.world.do(request)
        if not has_body(request.method, response.status):
            response.body = b""
        return response


def _never(error: Any) -> Response:
    message = f"what refuses a call is of the platform alone, and the plan takes none of it here: {error}"
    raise TypeError(message)


def response_headers(headers: Any, body: bytes, method: str) -> list[tuple[str, str]]:
    """Return the headers of an answer as they go over the wire, with the length that its body has.

    Args:
        headers: pairs of name and value.
        body: what comes after them.
        method: of the request; an answer to HEAD says the length of what it does not have.
    """
    kept: list[tuple[str, str]] = []
    length = None
    for name, value in headers:
        if name.lower() == "content-length":
            length = str(value)
        elif name.lower() not in {"transfer-encoding", "connection"}:
            kept.append((str(name), _text(value)))
    return [*kept, ("Content-Length", length if method == "HEAD" and length else str(len(body)))]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
