"""HTTP in front of instances of a model."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests

from abeja_emulator.serving.answers import Identity
from abeja_emulator.serving.messages import TIMEOUT, ModelAnswer, ModelGone
from abeja_emulator.serving.proxy import Proxy
from abeja_emulator.wire.messages import Request, Response
from abeja_emulator.wire.multipart_form import read_form
from tests.platform_calls import LARGE, files
from tests.serving.fake_model import PATIENCE, FakeModel, HeldModel
from tests.transports.stub_application import MemorySpool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from abeja_emulator.serving.messages import Model, ModelRequest
    from abeja_emulator.store.store import Store

IDENTITY = Identity("1234567890123", "ser-0123456789abcdef")

LOST = b'{"status":"Internal Server Error: unexpected error of communication with runtime"}'
UNAVAILABLE = b'{"status":"service unavailable"}'
NOT_FOUND = b'{"status":"service not found"}'


def post(body: bytes = b"{}", **headers: str) -> Request:
    """Return a request with JSON."""
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("POST", "/", headers=[("Content-Type", "application/json"), *more], body=body)


def later(request_id: str, body: bytes = b"{}") -> Request:
    """Return an asynchronous request."""
    return post(
        body, X_Abeja_Arms_Async_Request_Id=request_id, X_Abeja_Arms_Async_Request_Token=f"token of {request_id}"
    )


def said(response: Response) -> tuple[int, bytes]:
    """Return status and body."""
    return response.status, response.read()


def echo(request: ModelRequest) -> ModelAnswer:
    """Answer with the first body."""
    body = request.contents[0].body
    return ModelAnswer(content_type="application/octet-stream", body=body if isinstance(body, bytes) else b"")


@contextmanager
def proxy_of(*models: Model, **options: Any) -> Iterator[Proxy]:
    """Yield a proxy in front of these, and close it."""
    proxy = Proxy(IDENTITY, options.pop("spool", MemorySpool), **options)
    for model in models:
        proxy.add(model)
    try:
        yield proxy
    finally:
        proxy.close(0)


class Office:
    """Takes results.

    Attributes:
        results: that came.
    """

    def __init__(self, answer: Response | Exception | None = None) -> None:
        self._answer = answer or Response(200, [], b"{}")
        self.results: list[Request] = []

    def __call__(self, request: Request) -> Response:
        """Take one."""
        self.results.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def told(self) -> list[tuple[str, Any]]:
        """Return the id of each request with the form or the JSON that came for it, in the order they came."""
        return [(each.target.rpartition("/")[2], _content(each)) for each in self.results]


def _content(request: Request) -> Any:
    if request.header("content-type") == "application/json":
        return json.loads(request.read())
    parts = read_form(request, MemorySpool)
    return {name: b"" if isinstance(part.content, bytes) else part.content.read() for name, part in parts.items()}


@contextmanager
def asking(proxy: Proxy, count: int) -> Iterator[list[Future[Response]]]:
    """Ask so many times, in threads of their own, one after the other; the place in the queue is the number."""
    with ThreadPoolExecutor(max(count, 1)) as threads:
        futures = []
        for number in range(count):
            futures.append(threads.submit(proxy.handle, post(str(number).encode())))
            wait_for_queue(proxy, number + 1)
        yield futures


def wait_for_queue(proxy: Proxy, length: int) -> None:
    """Wait until so many requests wait for their turn."""
    changed = proxy._instances._changed
    with changed:
        assert changed.wait_for(lambda: proxy.waiting == length, PATIENCE)


def wait_for_end(proxy: Proxy) -> None:
    """Wait until the service has ended."""
    with proxy._changed:
        assert proxy._changed.wait_for(lambda: proxy.state == "ended", PATIENCE)


class TestStates:
    """What a service says before, while and after it can answer."""

    @pytest.mark.parametrize(
        ("state", "health", "answer"),
        [
            ("starting", (503, UNAVAILABLE), (503, UNAVAILABLE)),
            ("failed", (503, UNAVAILABLE), (503, UNAVAILABLE)),
            ("ready", (200, b'{"status":"ok"}'), (200, b"{}")),
            ("ended", (404, NOT_FOUND), (404, NOT_FOUND)),
        ],
    )
    @pytest.mark.parametrize("request_id", ["", "req-1"], ids=["sync", "async"])
    def test_answers(self, state: str, health: Any, answer: Any, request_id: str) -> None:
        """Health and requests, asynchronous ones too, unless there is a model that answers later."""
        with proxy_of(log=[].append) as proxy:
            if state in {"ready", "ended"}:
                proxy.add(FakeModel(echo))
            if state == "failed":
                proxy.fail()
            elif state == "ended":
                proxy.end()
            assert proxy.state == state
            assert said(proxy.handle(Request("GET", "/health_check"))) == health
            expected = (202, b"") if request_id and state == "ready" else answer
            assert said(proxy.handle(later(request_id))) == expected

    def test_again_ready(self) -> None:
        """A failed service may be started anew, an ended one may not."""
        with proxy_of() as proxy:
            proxy.fail()
            proxy.add(FakeModel(echo))
            assert said(proxy.handle(post(b"0"))) == (200, b"0")
            proxy.fail()
            proxy.exchange([FakeModel(echo)])
            assert said(proxy.handle(post(b"1"))) == (200, b"1")
            proxy.end()
            proxy.fail()
            models = [FakeModel(), FakeModel()]
            proxy.add(models[0])
            proxy.exchange(models[1:])
            assert proxy.state == "ended"
            assert [model.closed for model in models] == [1, 1]

    @pytest.mark.parametrize("root", ["", "/", "/deployments/1/services/ser-1", "/a%2Fb/"])
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    def test_health_under_a_root(self, root: str, method: str) -> None:
        """Only there, whatever the query; another path is the model's."""
        with proxy_of() as proxy:
            path = f"{root.rstrip('/')}/health_check"
            assert proxy.handle(Request(method, path), root).headers[-3:-1] == [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(UNAVAILABLE))),
            ]
            proxy.add(FakeModel(echo))
            assert said(proxy.handle(Request(method, f"{path}?a=b"), root)) == (200, b'{"status":"ok"}')
            assert said(proxy.handle(Request("GET", f"{path}/x?a=b"), root)) == (200, b"a=b")
            assert said(proxy.handle(Request("GET", f"/x{path}?a=b"), root)) == (200, b"a=b")

    def test_health_of_a_busy_service(self) -> None:
        """It does not queue."""
        model = HeldModel()
        with proxy_of(model) as proxy, ThreadPoolExecutor(1) as threads:
            threads.submit(proxy.handle, post())
            assert model.begun.wait(PATIENCE)
            assert proxy.handle(Request("GET", "/health_check")).status == 200
            model.let_go()


class TestRequests:
    """One request, one answer."""

    def test_there_and_back(self) -> None:
        """Both conversions are used, with the limit of the model."""
        model = FakeModel(ModelAnswer(201, None, {"X-A": "b"}, b"[1]"))
        with proxy_of(model) as proxy:
            response = proxy.handle(post(b"[0]", Authorization="Bearer x", X_B="c"))
        assert said(response) == (201, b"[1]")
        assert {("Content-Type", "application/json"), ("X-A", "b"), *IDENTITY.headers()} <= set(response.headers)
        assert model.asked[0].headers == (("content-type", ("application/json",)), ("x-b", ("c",)))
        assert model.bodies == [[b"[0]"]]
        assert model.timeouts == [TIMEOUT] == [30.0]

    def test_a_limit_that_changes(self) -> None:
        """Each request has the one that holds when its turn comes."""
        model, limits = FakeModel(), iter((0.5, 2.0))
        with proxy_of(model, timeout=lambda: next(limits)) as proxy:
            for _ in range(2):
                proxy.handle(post(b"[0]"))
        assert model.timeouts == [0.5, 2.0]

    def test_other_limit(self) -> None:
        """As given."""
        model = FakeModel()
        with proxy_of(model, timeout=lambda: 0.5) as proxy:
            proxy.handle(post())
        assert model.timeouts == [0.5]

    @pytest.mark.parametrize(
        ("request_", "status", "words"),
        [
            (Request("DELETE", "/"), 501, "Content-Type: [] is not supported"),
            (Request("POST", "/", body=b"x"), 501, "Content-Type: [] is not supported"),
            (Request("PUT", "/", headers=[("Content-Type", "a b")]), 501, "Content-Type: [a b] is not supported"),
            (Request("POST", "/", headers=[("Content-Type", "multipart/form-data")]), 400, "boundary"),
        ],
        ids=["method", "no type", "type", "form"],
    )
    @pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
    def test_not_convertible(self, request_: Request, status: int, words: str, asynchronous: bool) -> None:
        """It is refused at once, and no model is asked; an asynchronous one too."""
        model = FakeModel()
        more = [("X-Abeja-Arms-Async-Request-Id", "req-1")] if asynchronous else []
        request = Request(request_.method, "/", headers=[*request_.headers, *more], body=request_.body)
        with proxy_of(model, deliver=pytest.fail) as proxy:
            response = proxy.handle(request)
        assert response.status == status
        assert words in json.loads(response.read())["status"]
        assert model.asked == []

    def test_bad_metadata(self) -> None:
        """The instance is none the worse for it."""
        log: list[str] = []
        with proxy_of(FakeModel(ModelAnswer(metadata={"X-A": "a\r\nb"})), log=log.append) as proxy:
            for _ in range(2):
                assert said(proxy.handle(post())) == (500, b'{"status":"unexpected error occurred"}')
            assert proxy.state == "ready"
        assert len(log) == 2

    def test_bodies(self, store: Store, disk: Path) -> None:
        """The request's own body is left open, the parts of a form are closed."""
        large = b"x" * LARGE * 2
        form = requests.Request("POST", "https://a", files={"a": large}).prepare()
        assert isinstance(form.body, bytes)
        model = FakeModel()
        with proxy_of(model, spool=store.blobs.spool) as proxy:
            stream = io.BytesIO(large)
            headers = [("Content-Type", "a/b")]
            proxy.handle(Request("POST", "/", headers=headers, body=stream, length=len(large)))
            proxy.handle(Request("POST", "/", headers=list(form.headers.items()), body=form.body))
        assert model.bodies == [[large], [large]]
        assert not stream.closed
        assert files(disk) == []


class TestQueue:
    """One request at a time for each instance."""

    def test_as_many_as_there_are_instances(self) -> None:
        """They meet at a barrier, which all must reach at once."""
        barrier = threading.Barrier(3, timeout=PATIENCE)

        def meet(_: ModelRequest) -> ModelAnswer:
            barrier.wait()
            return ModelAnswer()

        models = [FakeModel(meet) for _ in range(3)]
        with proxy_of(*models) as proxy, ThreadPoolExecutor(6) as threads:
            responses = list(threads.map(proxy.handle, [post() for _ in range(6)]))
        assert [response.status for response in responses] == [200] * 6
        assert sum(len(model.asked) for model in models) == 6

    def test_in_order(self) -> None:
        """First come, first served; the model itself sees to it that it is one at a time."""
        model = HeldModel()
        with proxy_of(model) as proxy, ThreadPoolExecutor(1) as first:
            busy = first.submit(proxy.handle, post(b"first"))
            assert model.begun.wait(PATIENCE)
            with asking(proxy, 5) as futures:
                model.let_go(6)
            assert [future.result().status for future in (busy, *futures)] == [200] * 6
        assert model.bodies == [[b"first"], *([str(number).encode()] for number in range(5))]

    def test_patience(self) -> None:
        """Who waits too long is 503; the one being answered is not disturbed."""
        model = HeldModel()
        with proxy_of(model, patience=0) as proxy, ThreadPoolExecutor(1) as threads:
            busy = threads.submit(proxy.handle, post())
            assert model.begun.wait(PATIENCE)
            assert said(proxy.handle(post())) == (503, UNAVAILABLE)
            model.let_go()
            assert busy.result().status == 200


class TestGone:
    """Contact with an instance is lost."""

    def test_is_told_and_not_asked_again(self) -> None:
        """500, a sentence, and its owner gets it; others go on."""
        error = ModelGone("it took too long")
        gone: list[tuple[Model, BaseException]] = []
        log: list[str] = []
        broken, model = FakeModel(error), FakeModel(echo)
        with proxy_of(broken, model, on_gone=lambda *what: gone.append(what), log=log.append) as proxy:
            assert said(proxy.handle(post())) == (500, LOST)
            assert [said(proxy.handle(post(b"1"))) for _ in range(3)] == [(200, b"1")] * 3
            assert (proxy.state, proxy.instances) == ("ready", (model,))
        assert gone == [(broken, error)]
        assert ["it took too long" in sentence for sentence in log] == [True]
        assert (len(broken.asked), broken.closed, model.closed) == (1, 0, 1)

    def test_last_one(self) -> None:
        """Then the service is starting, who waits is 503, and another instance makes it ready."""
        broken = HeldModel(ModelGone("x"))
        with proxy_of(broken, log=[].append) as proxy, ThreadPoolExecutor(1) as first:
            busy = first.submit(proxy.handle, post())
            assert broken.begun.wait(PATIENCE)
            with asking(proxy, 2) as futures:
                broken.let_go()
            assert said(busy.result()) == (500, LOST)
            assert [said(future.result()) for future in futures] == [(503, UNAVAILABLE)] * 2
            assert proxy.state == "starting"
            assert broken.closed == 1
            proxy.add(FakeModel(echo))
            assert said(proxy.handle(post())) == (200, b"{}")

    def test_owner_that_starts_another_at_once(self) -> None:
        """In the callback itself."""

        def restart(*_: object) -> None:
            proxy.add(FakeModel(echo))

        proxy: Proxy
        with proxy_of(FakeModel(ModelGone("x")), log=[].append, on_gone=restart) as proxy:
            assert said(proxy.handle(post())) == (500, LOST)
            assert said(proxy.handle(post())) == (200, b"{}")

    @pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit(3), KeyboardInterrupt()])
    def test_defect(self, error: BaseException) -> None:
        """What no model raises goes through, and its instance is not kept busy forever."""
        gone: list[Any] = []
        with proxy_of(FakeModel(error), on_gone=lambda *what: gone.append(what), log=[].append) as proxy:
            with pytest.raises(type(error)):
                proxy.handle(post())
            assert len(gone) == 1
            assert proxy.drain(0)


class TestExchange:
    """Blue-green: no request is lost."""

    def test_in_flight_waiting_and_new(self) -> None:
        """What is in flight ends on the old one, the rest goes to the new one, and then the old one is closed."""
        old, new = HeldModel(ModelAnswer(body=b"old")), HeldModel(ModelAnswer(body=b"new"))
        with proxy_of(old) as proxy, ThreadPoolExecutor(3) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert old.begun.wait(PATIENCE)
            with asking(proxy, 1) as (waiting,):
                exchanged = threads.submit(proxy.exchange, [new])
                assert new.begun.wait(PATIENCE)
                new.let_go(2)
                assert said(waiting.result()) == (200, b"new")
            assert said(proxy.handle(post())) == (200, b"new")
            assert (old.closed, exchanged.done()) == (0, False)
            old.let_go()
            assert said(in_flight.result()) == (200, b"old")
            exchanged.result()
            assert (old.closed, new.closed) == (1, 0)
        assert (old.closed, new.closed) == (1, 1)

    def test_old_one_that_does_not_end(self) -> None:
        """After the time given it is closed, and its request has lost contact; nobody is told to restart it."""
        old = HeldModel()
        with proxy_of(old, on_gone=pytest.fail, log=[].append) as proxy, ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert old.begun.wait(PATIENCE)
            proxy.exchange([FakeModel()], timeout=0)
            assert said(in_flight.result()) == (500, LOST)
            assert old.closed == 1

    def test_one_that_stays(self) -> None:
        """It is not closed, nor waited for."""
        stays, goes = HeldModel(), FakeModel()
        with proxy_of(stays, goes) as proxy, ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert stays.begun.wait(PATIENCE)
            proxy.exchange([stays])
            assert (stays.closed, goes.closed, proxy.instances) == (0, 1, (stays,))
            stays.let_go()
            assert in_flight.result().status == 200

    def test_after_the_end(self) -> None:
        """The new ones are closed at once; one that still answers what came before is not."""
        stays, new = HeldModel(), FakeModel()
        with proxy_of(stays) as proxy, ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert stays.begun.wait(PATIENCE)
            proxy.end()
            proxy.exchange([stays, new])
            assert (stays.closed, new.closed) == (0, 1)
            stays.let_go()
            assert in_flight.result().status == 200

    def test_under_load(self) -> None:
        """However often instances are exchanged while many ask, each gets an answer of an instance that is open."""
        generations: list[FakeModel] = []

        def generation() -> list[FakeModel]:
            def answer(_: ModelRequest) -> ModelAnswer:
                return ModelAnswer(body=b"closed" if model.closed else b"open")

            model = FakeModel(answer)
            generations.append(model)
            return [model]

        with proxy_of(*generation()) as proxy, ThreadPoolExecutor(6) as threads:
            futures = [threads.submit(lambda: [said(proxy.handle(post())) for _ in range(100)]) for _ in range(6)]
            while not all(future.done() for future in futures):
                proxy.exchange(generation())
            assert {answer for future in futures for answer in future.result()} == {(200, b"open")}
        assert {model.closed for model in generations} == {1}


class TestAsynchronous:
    """Requests that are answered later."""

    def test_result(self) -> None:
        """202 comes before the model has answered, the result when it has."""
        office, model = Office(), HeldModel(ModelAnswer(201, "text/plain", {"X-A": "b"}, b"hello"))
        with proxy_of(model, organization_id="1000000000000", deliver=office) as proxy:
            response = proxy.handle(later("req-1"))
            assert said(response) == (202, b"")
            assert set(IDENTITY.headers()) <= set(response.headers)
            assert (office.results, proxy.drain(0)) == ([], False)
            model.let_go()
            assert proxy.drain(PATIENCE)
            ((request_id, form),) = office.told()
            assert (request_id, form["status"], form["body"]) == ("req-1", b"201", b"hello")
            assert {"X-A": "b", "Content-Type": "text/plain"}.items() <= json.loads(form["headers"]).items()
            assert office.results[0].target == "/organizations/1000000000000/deployments/1234567890123/results/req-1"
            assert office.results[0].header("authorization") == "Bearer token of req-1"
        assert model.asked[0].headers == (("content-type", ("application/json",)),)

    def test_order(self) -> None:
        """They queue with the others when they come, not when their thread runs."""
        office, model = Office(), HeldModel()
        with proxy_of(model, deliver=office) as proxy, ThreadPoolExecutor(1) as threads:
            proxy.handle(later("0", b"0"))
            assert model.begun.wait(PATIENCE)
            for number in "12":
                proxy.handle(later(number, number.encode()))
            waiting = threads.submit(proxy.handle, post(b"3"))
            wait_for_queue(proxy, 3)
            proxy.handle(later("4", b"4"))
            model.let_go(5)
            assert waiting.result().status == 200
            assert proxy.drain(PATIENCE)
        assert model.bodies == [[b"0"], [b"1"], [b"2"], [b"3"], [b"4"]]
        assert sorted(request_id for request_id, _ in office.told()) == ["0", "1", "2", "4"]

    def test_body_outlives_its_request(self, store: Store, disk: Path) -> None:
        """The transport closes it when 202 is sent; a copy is asked, and goes."""
        model, stream = HeldModel(), io.BytesIO(b"x" * LARGE * 2)
        with proxy_of(model, deliver=Office(), spool=store.blobs.spool) as proxy:
            proxy.handle(later("req-0"))
            assert model.begun.wait(PATIENCE)
            request = later("req-1")
            request.body, request.length = stream, LARGE * 2
            proxy.handle(request)
            stream.close()
            model.let_go(2)
            assert proxy.drain(PATIENCE)
        assert model.bodies == [[b"{}"], [b"x" * LARGE * 2]]
        assert files(disk) == []

    def test_lost_contact(self) -> None:
        """The platform is told 502."""
        office = Office()
        with proxy_of(FakeModel(ModelGone("x")), deliver=office, log=[].append) as proxy:
            proxy.handle(later("req-1"))
            assert proxy.drain(PATIENCE)
        ((request_id, told),) = office.told()
        assert (request_id, told["status"]) == ("req-1", 502)
        assert told["body"] == {
            "error": "internal_server_error",
            "error_description": "Internal Server Error: unexpected error of communication with runtime",
        }
        assert told["headers"]["Content-Type"] == "application/json"

    def test_last_instance_gone_meanwhile(self) -> None:
        """Those that wait are told too, and why."""
        office, model = Office(), HeldModel(ModelGone("x"))
        with proxy_of(model, deliver=office, log=[].append) as proxy:
            for number in "01":
                proxy.handle(later(number))
            model.let_go()
            assert proxy.drain(PATIENCE)
        described = {request_id: told["body"]["error_description"] for request_id, told in office.told()}
        assert described["1"] == "service unavailable"
        assert described["0"] != described["1"]

    @pytest.mark.parametrize(
        ("office", "words"),
        [
            (Office(OSError("no way")), "no way"),
            (Office(Response(404, [], b"no such request")), "404 no such request"),
            (None, "no platform"),
        ],
        ids=["error", "refusal", "nobody"],
    )
    def test_not_delivered(self, office: Office | None, words: str) -> None:
        """The log says so, and the service goes on."""
        log: list[str] = []
        with proxy_of(FakeModel(), deliver=office, log=log.append) as proxy:
            for _ in range(2):
                assert proxy.handle(later("req-1")).status == 202
                assert proxy.drain(PATIENCE)
        assert ["req-1" in sentence and words in sentence for sentence in log] == [True, True]

    def test_no_id_is_no_mark(self) -> None:
        """An empty one is none."""
        with proxy_of(FakeModel(echo), deliver=pytest.fail) as proxy:
            assert said(proxy.handle(later(""))) == (200, b"{}")

    def test_no_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """When none can be started the request fails, and its instance is free again."""

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("no thread")  # noqa: EM101, TRY003 - as threading says it

        with proxy_of(FakeModel(echo), deliver=pytest.fail) as proxy:
            with monkeypatch.context() as patch:
                patch.setattr(threading.Thread, "start", refuse)
                with pytest.raises(RuntimeError, match="no thread"):
                    proxy.handle(later("req-1"))
            assert proxy.drain(0)
            assert said(proxy.handle(post())) == (200, b"{}")


class TestEnd:
    """A service ends."""

    def test_requests_in_flight(self) -> None:
        """They are answered, those that wait too; new ones are 404 meanwhile."""
        office, model = Office(), HeldModel()
        with proxy_of(model, deliver=office) as proxy, ThreadPoolExecutor(2) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert model.begun.wait(PATIENCE)
            proxy.handle(later("req-1"))
            closing = threads.submit(proxy.close, PATIENCE)
            wait_for_end(proxy)
            assert said(proxy.handle(post())) == (404, NOT_FOUND)
            assert (model.closed, closing.done()) == (0, False)
            model.let_go(2)
            assert in_flight.result().status == 200
            closing.result()
        assert (model.closed, [request_id for request_id, _ in office.told()]) == (1, ["req-1"])

    def test_after_the_grace(self) -> None:
        """Instances are closed, and everybody gets an answer all the same."""
        office, model = Office(), HeldModel()
        with proxy_of(model, deliver=office, log=[].append) as proxy, ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(proxy.handle, post())
            assert model.begun.wait(PATIENCE)
            proxy.handle(later("req-1"))
            proxy.close(0)
            assert said(in_flight.result()) == (500, LOST)
            assert [told["status"] for _, told in office.told()] == [502]

    def test_waits_for_the_delivery(self) -> None:
        """No thread is left when it returns."""
        at_office, go = threading.Event(), threading.Event()

        def deliver(_: Request) -> Response:
            at_office.set()
            assert go.wait(PATIENCE)
            return Response(200, [])

        before = threading.active_count()
        with proxy_of(FakeModel(), deliver=deliver) as proxy, ThreadPoolExecutor(1) as threads:
            proxy.handle(later("req-1"))
            assert at_office.wait(PATIENCE)
            closing = threads.submit(proxy.close, 0)
            wait_for_end(proxy)
            with proxy._instances._changed:
                assert proxy._instances._changed.wait_for(lambda: not len(proxy._instances), PATIENCE)
            assert not closing.done()
            go.set()
            closing.result()
        assert threading.active_count() == before

    @pytest.mark.parametrize("request_", [post(), later("req-1")], ids=["sync", "async"])
    def test_who_drains_is_woken(self, request_: Request) -> None:
        """By the last request that ends."""
        model = HeldModel()
        with proxy_of(model, deliver=Office()) as proxy:
            asking = threading.Thread(target=proxy.handle, args=(request_,), daemon=True)
            asking.start()
            assert model.begun.wait(PATIENCE)
            asking.join(0 if request_.header("x-abeja-arms-async-request-id") is None else PATIENCE)
            draining = threading.Thread(target=proxy.drain, daemon=True)
            draining.start()
            model.let_go()
            for thread in (draining, asking):
                thread.join(PATIENCE)
                assert not thread.is_alive()

    def test_twice(self) -> None:
        """The second time there is nothing to do."""
        model = FakeModel()
        with proxy_of(model) as proxy:
            proxy.close()
            proxy.close()
        assert model.closed == 1

    def test_instance_that_cannot_be_closed(self) -> None:
        """The others are."""

        class Stubborn(FakeModel):
            def close(self) -> None:
                super().close()
                raise OSError("stubborn")  # noqa: EM101 - a defect of whoever made it

        models = [FakeModel(), Stubborn(), FakeModel()]
        with proxy_of(*models) as proxy, pytest.raises(OSError, match="stubborn"):
            proxy.close()
        assert [model.closed for model in models] == [1, 1, 1]
