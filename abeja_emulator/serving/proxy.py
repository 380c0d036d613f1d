"""The platform's proxy in a service's container: HTTP on one side, instances of a model on the other."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

from abeja_emulator.serving.answers import (
    LOST_CONTACT,
    NOT_FOUND,
    UNAVAILABLE,
    Identity,
    accepted,
    error_response,
    health_of,
    response_of,
)
from abeja_emulator.serving.conversion import (
    ASYNC_REQUEST_ID,
    ASYNC_REQUEST_TOKEN,
    NotConvertibleError,
    close_contents,
    detached,
    model_request_of,
)
from abeja_emulator.serving.instances import Instances, NoInstanceError
from abeja_emulator.serving.messages import TIMEOUT, ModelGone
from abeja_emulator.serving.results import ResultPlace, failure_request, result_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

    from abeja_emulator.serving.instances import Turn
    from abeja_emulator.serving.messages import Model, ModelRequest
    from abeja_emulator.wire.messages import Request, Response, Spool

    #: Delivers the result of an asynchronous request, and returns what it was answered.
    Deliver = Callable[[Request], Response]

#: What a service is doing: being prepared, answering, unable to, and ended for good.
State = Literal["starting", "ready", "failed", "ended"]

#: Seconds in which requests in flight have to end (runner, config/config.go).
GRACE = 28.0

HEALTH_CHECK = "/health_check"

_FIRST_REFUSAL = 400


class Proxy:
    """Answers the requests to one service.

    Each instance answers one request at a time. Requests take turns in the order they came; those that wait do so
    until an instance is free. The limit of a model begins with its turn: the platform's proxy takes one connection at
    a time, and the others wait outside where no clock runs (runner, proxy/httpserver.go). Since an instance that
    takes too long is not asked again, the queue always moves. A client that will not wait has a time-out of its own.

    While there is no instance at all a service is starting, and whoever waits gets 503. Evidence: inferred; on the
    platform a container whose runtime has died is started anew.

    Args:
        identity: who answers.
        spool: returns a place for bytes that outlive their request.
        organization_id: where results of asynchronous requests go.
        deliver: takes those; without it nobody gets them, and the log says so.
        on_gone: told of an instance that is not to be asked again, in the thread of a request that waits for its
            answer, so it should only note it; the instance is its to close, and `add` takes another. Without it
            the instance is closed.
        log: takes a sentence for whoever looks after the service; the log of this process by default.
        timeout: returns the seconds that a model has for one answer.
        patience: seconds that a request waits for its turn, then it is 503; None: without end.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        identity: Identity,
        spool: Callable[[], Spool],
        *,
        organization_id: str = "",
        deliver: Deliver | None = None,
        on_gone: Callable[[Model, BaseException], Any] | None = None,
        log: Callable[[str], Any] | None = None,
        timeout: Callable[[], float] = lambda: TIMEOUT,
        patience: float | None = None,
    ) -> None:
        self.identity = identity
        self._spool = spool
        self._organization_id = organization_id
        self._deliver = deliver
        self._on_gone = on_gone
        self._log = log or logging.getLogger("abeja_emulator").error
        self._timeout = timeout
        self._patience = patience
        self._instances = Instances()
        self._state: State = "starting"
        self._changed = threading.Condition()
        self._in_flight = 0
        self._threads: set[threading.Thread] = set()

    # -- what its owner does --------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What the service is doing; ready only while there is an instance."""
        if self._state == "ready" and not len(self._instances):
            return "starting"
        return self._state

    @property
    def instances(self) -> tuple[Model, ...]:
        """Those that are asked, busy or free."""
        return self._instances.members

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return self._instances.waiting

    def add(self, model: Model) -> None:
        """Ask one more instance from now on; the service is ready. After its end the instance is closed."""
        with self._changed:
            if self._state != "ended":
                self._instances.add(model)
                self._state = "ready"
                return
        model.close()

    def exchange(
        self,
        models: Iterable[Model],
        timeout: float | None = None,
        on_switch: Callable[[], Any] = lambda: None,
    ) -> None:
        """Ask these instances from now on, and no others; the service is ready.

        Requests that wait and those that come go to the new ones at once. This waits until the old ones have answered
        what they were asked, and closes them. An old one that is among the new ones goes on.

        Args:
            models: the new ones. After the service's end those that are new are closed.
            timeout: seconds, then the old ones are closed although they are busy.
            on_switch: called once the new ones are asked, before this waits for the old ones.
        """
        models = tuple(models)
        with self._changed:
            if self._state == "ended":
                members = self._instances.members
                old = [model for model in models if not any(model is member for member in members)]
            else:
                old = self._instances.exchange(models)
                self._state = "ready"
        on_switch()
        self._instances.wait_for(old, timeout)
        _close_all(old)

    def fail(self) -> None:
        """Say that the service could not be started; requests are 503 until there are instances."""
        with self._changed:
            if self._state != "ended":
                self._state = "failed"

    def end(self) -> None:
        """Take no more requests: they are 404. Those that came before are still answered."""
        with self._changed:
            self._state = "ended"
            self._changed.notify_all()

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until no request is in flight, and all results are delivered; return whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_flight, timeout)

    def close(self, grace: float = GRACE) -> None:
        """End the service: requests in flight have so many seconds, then all instances are closed.

        Returns when the results of all asynchronous requests were delivered.
        """
        self.end()
        self.drain(grace)
        try:
            _close_all(self._instances.exchange(()))
        finally:
            with self._changed:
                threads = list(self._threads)
            for thread in threads:
                thread.join()

    # -- what comes in --------------------------------------------------------------------------

    def handle(self, request: Request, root: str = "") -> Response:
        """Answer one request.

        Args:
            request: as it came; its body stays its transport's to close.
            root: path under which the service is reached; only `/health_check` below it is not the model's.
        """
        if request.target.partition("?")[0] == root.rstrip("/") + HEALTH_CHECK:
            return self.health()
        with self._counted():
            refusal = self._refusal()
            if refusal is not None:
                return refusal
            try:
                asked = model_request_of(request, self._spool)
            except NotConvertibleError as error:
                return error_response(error.status, error.words, self.identity)
            request_id = request.header(ASYNC_REQUEST_ID)
            if request_id:
                # The body has to be read while the client is there, so what cannot be converted was refused before.
                place = self._place(request_id, request.header(ASYNC_REQUEST_TOKEN))
                return self._later(detached(asked, request, self._spool), place)
            try:
                return self._now(asked)
            finally:
                close_contents(asked, request)

    def health(self) -> Response:
        """Answer a health check (runner, proxy/handlers.go); any method may ask."""
        state = self.state
        if state == "ready":
            return health_of(200, "ok")
        return health_of(404, NOT_FOUND) if state == "ended" else health_of(503, UNAVAILABLE)

    def _refusal(self) -> Response | None:
        state = self.state
        if state == "ready":
            return None
        words = NOT_FOUND if state == "ended" else UNAVAILABLE
        return error_response(404 if state == "ended" else 503, words, self.identity)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._changed:
            self._in_flight += more
            self._changed.notify_all()

    # -- at once --------------------------------------------------------------------------------

    def _now(self, asked: ModelRequest) -> Response:
        try:
            return self._ask(self._instances.enter(), asked)
        except NoInstanceError:
            return error_response(503, UNAVAILABLE, self.identity)
        except ModelGone:
            return error_response(500, LOST_CONTACT, self.identity)

    def _ask(self, turn: Turn, asked: ModelRequest) -> Response:
        model = self._instances.wait(turn, self._patience)
        try:
            answer = model.ask(asked, self._timeout())
        except BaseException as error:
            self._lose(model, error)
            raise
        self._instances.leave(model)
        return response_of(answer, self.identity, self._log)

    def _lose(self, model: Model, error: BaseException) -> None:
        """Ask an instance no more; one that was exchanged meanwhile is closed by who exchanged it.

        What is no `Exception`, such as Ctrl-C, is told by who asks, and says nothing of the instance.
        """
        if isinstance(error, Exception):
            self._log(f"an instance of the service gave no answer and is not asked again: {error}")
        if not self._instances.lose(model):
            return
        if self._on_gone is None:
            model.close()
        else:
            self._on_gone(model, error)

    # -- later ----------------------------------------------------------------------------------

    def _place(self, request_id: str, token: str | None) -> ResultPlace:
        return ResultPlace(self._organization_id, self.identity.deployment_id, request_id, token)

    def _later(self, asked: ModelRequest, place: ResultPlace) -> Response:
        try:
            turn = self._instances.enter()
        except NoInstanceError:
            close_contents(asked)
            return error_response(503, UNAVAILABLE, self.identity)
        name = f"abeja-emulator-result-{place.request_id}"
        thread = threading.Thread(target=self._answer_later, args=(turn, asked, place), name=name, daemon=True)
        try:
            with self._changed:
                thread.start()
                self._threads.add(thread)
                self._in_flight += 1
        except BaseException:
            self._instances.give_up(turn)
            close_contents(asked)
            raise
        return accepted(self.identity)

    def _answer_later(self, turn: Turn, asked: ModelRequest, place: ResultPlace) -> None:
        result = self._failure(place, 500, LOST_CONTACT)
        try:
            result = result_request(place, self._ask(turn, asked))
        except NoInstanceError:
            result = self._failure(place, 503, UNAVAILABLE)
        except ModelGone:
            pass
        finally:
            close_contents(asked)
            self._put(result, place)
            with self._changed:
                self._threads.discard(threading.current_thread())
                self._in_flight -= 1
                self._changed.notify_all()

    def _failure(self, place: ResultPlace, status: int, words: str) -> Request:
        return failure_request(place, words, error_response(status, words, self.identity))

    def _put(self, result: Request, place: ResultPlace) -> None:
        lost = f"the result of the asynchronous request {place.request_id} was not delivered"
        if self._deliver is None:
            self._log(f"{lost}: there is no platform that takes it")
            return
        try:
            response = self._deliver(result)
            said = response.read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the log is the only place where it can be told
            self._log(f"{lost}: {error!r}")
            return
        if response.status >= _FIRST_REFUSAL:
            self._log(f"{lost}: the platform answered {response.status} {said[:200].decode('utf-8', 'replace')}")


def _close_all(models: Iterable[Model]) -> None:
    """Close these, each of them even when another cannot be."""
    with ExitStack() as stack:
        for model in models:
            stack.callback(model.close)
