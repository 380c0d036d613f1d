"""A model that is served in this process, as a test asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abeja_emulator.serving.conversion import ASYNC_REQUEST_ID
from abeja_emulator.serving.exchange import exchange
from abeja_emulator.serving.proxy import HEALTH_CHECK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests
    from typing_extensions import Self

    from abeja_emulator.runtime.output import Log
    from abeja_emulator.serving.proxy import Proxy
    from abeja_emulator.serving.served_model import ServedModel
    from abeja_emulator.wire.messages import Request, Response


class Served:
    """A model that is served in this process: breakpoints, coverage and profilers see its handler.

    Each answer is what the platform's proxy would send, as a `requests.Response`; a redirection is not followed. One
    request is answered at a time, in the thread that asks, for as long as it takes; an asynchronous one before its 202
    is returned. A handler that ends its process ends the model: that request is answered with 500 and later ones with
    503, where the platform would start another process.

    Args:
        name: `module:function`.
        image: that it is called as by.
        url: of the service; only answers say it, no other client reaches the service there.
        result_dir: the handler's `ABEJA_TRAINING_RESULT_DIR`.
        model: calls the handler.
        proxy: asks the model.
        log: of the model.
        on_exception: told what the handler of which model raised: what was asked, and how the exception reads.
        on_close: called at its end.
    """

    def __init__(  # noqa: PLR0913 - what it is made of, all by name
        self,
        *,
        name: str,
        image: str,
        url: str,
        result_dir: Path,
        model: ServedModel,
        proxy: Proxy,
        log: Log,
        on_exception: Callable[[Served, str, str], object],
        on_close: Callable[[], object],
    ) -> None:
        self.name = name
        self.image = image
        self.url = url
        self.result_dir = result_dir
        self._model = model
        self._proxy = proxy
        self._log = log
        self._on_exception = on_exception
        self._on_close: Callable[[], object] | None = on_close

    # -- asking ---------------------------------------------------------------------------------

    def get(self, params: Any = None, **options: Any) -> requests.Response:
        """Ask with GET; the handler reads the query as the body. Options are those of `request`."""
        __tracebackhide__ = True
        return self.request("GET", params=params, **options)

    def post(self, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
        """Ask with POST; options are those of `request`."""
        __tracebackhide__ = True
        return self.request("POST", data=data, json=json, **options)

    def put(self, data: Any = None, json: Any = None, **options: Any) -> requests.Response:
        """Ask with PUT; options are those of `request`."""
        __tracebackhide__ = True
        return self.request("PUT", data=data, json=json, **options)

    def request(  # noqa: PLR0913 - what `requests` takes, by name
        self,
        method: str,
        *,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        files: Any = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Any = None,
        auth: Any = None,
    ) -> requests.Response:
        """Ask, and return the answer; what `requests` makes of the arguments is what arrives.

        Args:
            method: of HTTP.
            params: the query.
            data: a body: bytes, a text, a file, or what becomes a form.
            json: what becomes JSON.
            files: what becomes parts of a form.
            content_type: of the body, instead of a header.
            headers: of the request.
            cookies: of the request.
            auth: credentials, which a handler does not see.

        Raises:
            TypeError: when the content type is given twice.
            RuntimeError: when the model was closed.
            TurnError: when it is asked by its own handler, or cannot be asked now.
        """
        __tracebackhide__ = True
        said = dict(headers or {})
        if content_type is not None:
            if any(name.lower() == "content-type" for name in said):
                message = f"the content type is given twice: content_type={content_type!r}, and in headers"
                raise TypeError(message)
            said["Content-Type"] = content_type
        options = {"params": params, "data": data, "json": json, "files": files, "cookies": cookies, "auth": auth}
        return self._ask(method.upper(), {**options, "headers": said})

    def health_check(self) -> requests.Response:
        """Ask for `/health_check`, which the proxy answers: 200, or 503 when the handler has ended its process."""
        __tracebackhide__ = True
        self._check_open()
        return exchange("GET", self.url + HEALTH_CHECK, self._handle, {})

    # -- what it did ----------------------------------------------------------------------------

    @property
    def exception(self) -> BaseException | None:
        """What the last request raised in the handler, or of its answer when that was made into bytes; or None."""
        return self._model.exception

    @property
    def log(self) -> str:
        """What was printed and logged, at import and by all requests, and what the proxy said of them."""
        return "\n".join(line.message for line in self._log.lines)

    def close(self) -> None:
        """End the model; its log can still be read."""
        on_close, self._on_close = self._on_close, None
        if on_close is None:
            return
        try:
            self._proxy.close(0)
        finally:
            on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        states = {"ready": "ready", "starting": "gone, its handler has ended the process"}
        return f"<Served {self.name} on {self.image}: {states.get(self._proxy.state, 'closed')}>"

    # -- how ------------------------------------------------------------------------------------

    def _ask(self, method: str, options: dict[str, Any]) -> requests.Response:
        __tracebackhide__ = True
        self._check_open()
        with self._model.turn():
            self._model.forget()
            response = exchange(method, self.url, self._handle, options)
            raised, shown = self._model.exception, self._model.shown
        if raised is not None:
            self._on_exception(self, f"{method} was answered with {response.status_code}", shown)
        return response

    def _handle(self, request: Request) -> Response:
        response = self._proxy.handle(request, root=urlsplit(self.url).path)
        if request.header(ASYNC_REQUEST_ID):
            # Another thread asks, in the turn of this one.
            self._proxy.drain()
        return response

    def _check_open(self) -> None:
        __tracebackhide__ = True
        if self._on_close is None:
            message = f"{self.name} is served no more; ask it within the test, fixture or with block that serves it"
            raise RuntimeError(message)
