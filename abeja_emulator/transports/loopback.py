"""The loopback transport: the same application on 127.0.0.1, for children and other languages.

A listener of our own rather than `socketserver`'s: that one polls twice a second to notice that it
should stop, forgets its connections, and accepts through `socket.socket`, which pytest-socket blocks.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import struct
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Callable

from abeja_emulator.epochs import TooLateError
from abeja_emulator.transports.base_url import BaseUrls
from abeja_emulator.transports.child.abeja_emulator_child import (
    GAVE_UP,
    PREAMBLE,
    REFUSED,
    TIME,
    WAITED,
    RefusedCall,
    join_host,
    real_socket_class,
)
from abeja_emulator.transports.child.abeja_emulator_child_time import SLEEP, ChildSleep
from abeja_emulator.transports.delivered import NEVER, DeliveredBody
from abeja_emulator.transports.http1 import (
    CONTINUE,
    PIECE,
    MalformedRequest,
    RequestReader,
    announced_length,
    has_body,
    pieces,
    plain_error,
    render_head,
    says_close,
)
from abeja_emulator.wire.messages import troubles_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from abeja_emulator.wire.delivery import Delivery
    from abeja_emulator.wire.messages import Application, Request, Response, Troubles

    #: Lets the time of a child's sleep pass, unless the child has gone, and returns the offset of the clock.
    OnSleep = Callable[[ChildSleep, Callable[[], bool]], float]

_INTRODUCTION = PREAMBLE.encode() + b" "
_REFUSED = REFUSED.encode() + b" "
_SLEEP = SLEEP.encode() + b" "
#: How both begin; a request line begins otherwise.
_FIRST_WORDS = b"ABEJA-EMULATOR"
#: Bodies up to this size travel with their head, in one packet where they fit.
_TOGETHER = 64 * 1024
_BACKLOG = 128
_PATIENCE = 5.0
#: Between attempts to accept while the process has no descriptor, or no thread, left.
_BREATHER = 0.05


class Loopback:
    """Answers for an application on an address of this machine.

    Args:
        application: answers the requests.
        host: the address to listen on; anything but this machine's own is a choice to make knowingly,
            since whoever reaches it has the whole platform.
        port: the port, or 0 for any free one.
        base_urls: URLs whose path prefix is taken off, as `InProcess.add_address` does.
        on_refused: told of each call that a child refused.
        on_sleep: lets the time of a child's sleep pass and returns the offset of the clock; it is called with the
            sleep, and what tells whether the child has gone. Without it, a child sleeps in real time.
        troubles: says which connections of hooked children fail on purpose; by default the application, where it can.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        application: Application,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        base_urls: Iterable[str] = (),
        on_refused: Callable[[RefusedCall], None] | None = None,
        on_sleep: OnSleep | None = None,
        troubles: Troubles | None = None,
    ) -> None:
        self._application = application
        self._troubles = troubles_of(application) if troubles is None else troubles
        self._host = host
        self._port = port
        self._on_refused = on_refused
        self._on_sleep = on_sleep
        self._base_urls = BaseUrls()
        for url in base_urls:
            self._base_urls.add(url)
        self._pid = os.getpid()
        self._listener: socket.socket | None = None
        self._threads: dict[threading.Thread, socket.socket] = {}
        self._accepting: threading.Thread | None = None
        self._adopted: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; known from `start` on, also in children made by `fork`."""
        if os.getpid() != self._pid:
            self._let_go()
        return self._host, self._port

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{join_host(*self.address)}"

    def add_address(self, url: str) -> None:
        """Take the path prefix off requests for one more base URL."""
        self._base_urls.add(url)

    def start(self) -> None:
        """Listen, and answer from now on."""
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener: socket.socket = real_socket_class(socket)(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            listener.listen(_BACKLOG)
        except BaseException:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._pid = os.getpid()
        self._listener = listener
        self._accepting = threading.Thread(
            target=self._accept, args=(listener,), name="abeja-emulator-loopback", daemon=True
        )
        self._accepting.start()

    def adopt(self, descriptor: int) -> Callable[[], None]:
        """Answer on one more socket that listens already, such as one in a network that only a child is in.

        Linux only.

        Args:
            descriptor: of the socket; it is ours from now on.

        Returns:
            What stops that and closes the socket; `stop` does so as well.
        """
        listener: socket.socket = real_socket_class(socket)(fileno=descriptor)
        thread = threading.Thread(target=self._accept, args=(listener,), name="abeja-emulator-loopback", daemon=True)
        with self._lock:
            self._adopted[listener] = thread
        thread.start()
        return lambda: self._give_up(listener)

    def _give_up(self, listener: socket.socket) -> None:
        with self._lock:
            thread = self._adopted.pop(listener, None)
        if thread is None:
            return
        # In that network there is nobody who could wake it up by a connection.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(_PATIENCE)
        listener.close()

    def stop(self) -> None:
        """Stop listening, close every connection, and wait for the threads to end."""
        if os.getpid() == self._pid:
            for adopted in list(self._adopted):
                self._give_up(adopted)
        listener, self._listener = self._listener, None
        if listener is None:
            return
        if os.getpid() != self._pid:
            listener.close()
            return
        self._wake(listener)
        if self._accepting is not None:
            self._accepting.join(_PATIENCE)
        listener.close()
        with self._lock:
            serving = list(self._threads.items())
        for thread, sock in serving:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            if thread is not threading.current_thread():
                thread.join(_PATIENCE)

    def _let_go(self) -> None:
        # A child's copy of the listener would keep the port open after the parent has gone, and
        # connections would wait in it for ever.
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _wake(self, listener: socket.socket) -> None:
        # Closing a socket does not wake up who waits in accept; a connection does, on every system.
        host = "127.0.0.1" if self._host in {"", "0.0.0.0"} else self._host  # noqa: S104
        with contextlib.suppress(OSError), real_socket_class(socket)(listener.family) as caller:
            caller.settimeout(1)
            caller.connect((host, self._port))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                # `accept` would make a `socket.socket`, whatever stands there at the moment.
                descriptor, peer = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE}:
                    time.sleep(_BREATHER)
                elif error.errno != errno.ECONNABORTED:
                    return
                continue
            sock = real_socket_class(socket)(fileno=descriptor)
            if self._listener is not listener and listener not in self._adopted:
                sock.close()
                return
            thread = threading.Thread(
                target=self._serve, args=(sock, peer[0]), name="abeja-emulator-connection", daemon=True
            )
            with self._lock:
                self._threads[thread] = sock
            try:
                thread.start()
            except RuntimeError:
                # The system has no thread left. This client is not answered; later ones may be.
                self._forget(thread, sock)
                time.sleep(_BREATHER)

    def _serve(self, sock: socket.socket, peer: str) -> None:
        try:
            sock.settimeout(None)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Conversation(
                self._application, self._base_urls, sock, peer, self._on_refused, self._on_sleep, self._troubles
            ).run()
        except OSError:
            # The client went away, or `stop` closed the connection.
            pass
        finally:
            self._forget(threading.current_thread(), sock)

    def _forget(self, thread: threading.Thread, sock: socket.socket) -> None:
        sock.close()
        with self._lock:
            del self._threads[thread]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


class _Conversation:
    """One connection, from its first byte to its last."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a conversation needs
        self,
        application: Application,
        base_urls: BaseUrls,
        sock: socket.socket,
        peer: str,
        on_refused: Callable[[RefusedCall], None] | None,
        on_sleep: OnSleep | None,
        troubles: Troubles | None,
    ) -> None:
        self._troubles = troubles
        self._led = False
        self._early = b""
        self._on_refused = on_refused
        self._on_sleep = on_sleep
        self._peer = peer
        self._application = application
        self._base_urls = base_urls
        self._sock = sock
        self._reader = RequestReader(application.spool)
        self._ended = False
        self._born: float | None = None

    def run(self) -> None:
        """Answer request after request until one side has enough."""
        try:
            data = self._take_introduction()
            while data:
                self._take(data)
                if self._ended:
                    self._linger()
                    return
                data, self._early = self._early or self._sock.recv(PIECE), b""
        except MalformedRequest as error:
            self._send("", error.response())
            self._linger()
        finally:
            self._reader.abandon()

    def _take_introduction(self) -> bytes:
        # A hooked child says first how it addressed the connection, which its requests do not tell.
        data = self._sock.recv(PIECE)
        while data and b"\n" not in data and data.startswith(_FIRST_WORDS[: len(data)]):
            more = self._sock.recv(PIECE)
            if not more:
                return b""
            data += more
        if data.startswith(_REFUSED):
            self._take_refusal(data.partition(b"\r\n")[0])
            return b""
        if data.startswith(_SLEEP):
            self._take_sleep(data.partition(b"\r\n")[0])
            return b""
        if not data.startswith(_INTRODUCTION):
            return data
        line, _, data = data.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) >= 3:  # noqa: PLR2004 - the word itself, scheme, host, and birth where it is known
            self._reader.introduce(words[1], words[2])
            with contextlib.suppress(ValueError, IndexError):
                self._born = float(words[3])
            if not self._admit(words[1], words[2]):
                return b""
        return data or self._sock.recv(PIECE)

    def _admit(self, scheme: str, host: str) -> bool:
        """Say whether the connection comes about, and whether it is said in it where time passes."""
        troubles = self._troubles
        trouble = None if troubles is None else troubles.meet_connection(scheme, host)
        if trouble is not None:
            self._sock.sendall(f"{PREAMBLE} fails {trouble}\r\n".encode())
            return False
        if troubles is not None and troubles.expected:
            self._sock.sendall(f"{PREAMBLE} leads\r\n".encode())
            self._led = True
        else:
            self._sock.sendall(f"{PREAMBLE} goes\r\n".encode())
        return True

    def _take_sleep(self, line: bytes) -> None:
        try:
            sleep = ChildSleep.from_line(line.decode("latin-1"))
        except ValueError:
            return
        if self._on_sleep is not None:
            offset = self._on_sleep(sleep, self._has_gone)
            self._sock.sendall(f"{offset!r}\r\n".encode())

    def _has_gone(self) -> bool:
        # Of who has closed the connection, or whose connection `stop` has ended, the end can be read.
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _take_refusal(self, line: bytes) -> None:
        try:
            call = RefusedCall.from_line(line[len(_REFUSED) :].decode("latin-1"))
        except ValueError:
            return
        if self._on_refused is not None:
            self._on_refused(call)

    def _take(self, data: bytes) -> None:
        reader = self._reader
        request = reader.feed(data)
        while request is not None and not self._ended:
            self._ended = reader.closing
            self._answer(request)
            request = None if reader.idle or self._ended else reader.feed(b"")
        if reader.expecting:
            reader.expecting = False
            self._say(CONTINUE)

    def _answer(self, request: Request) -> None:
        if request.method == "CONNECT":
            self._ended = True
            self._send(
                "",
                plain_error(
                    501,
                    f"The emulator answers plain HTTP, so it cannot open a tunnel to {request.host}: address "
                    "the platform with http:// through this proxy, or with this server's own URL.",
                ),
            )
            return
        if self._base_urls:
            request.target = self._base_urls.strip(request.host, request.target)
        request.born = self._born
        request.client = self._peer
        try:
            response = self._application.handle(request)
        except TooLateError as error:
            self._ended = True
            response = plain_error(409, str(error))
        except ConnectionResetError:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise
        except OSError:
            raise
        except Exception:
            logging.getLogger("abeja_emulator").exception("%r was not answered because of a defect", request)
            self._ended = True
            response = plain_error(500, f"The emulator has a defect: see its log about {request!r}.")
        finally:
            if not isinstance(request.body, bytes):
                request.body.close()
        self._send(request.method, response)

    def _pass_time(self, delivery: Delivery, seconds: float) -> None:
        if self._led:
            self._sock.sendall(TIME + f"{seconds!r}\n".encode())
            gone = not self._has_waited()
        elif seconds == NEVER:
            # Until the client, or `stop`, has had enough.
            while self._sock.recv(PIECE):
                pass
            gone = True
        else:
            delivery.clock.sleep(seconds, until=self._has_gone)
            gone = self._has_gone()
        if gone:
            if delivery.given_up is not None:
                delivery.given_up()
            raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))

    def _has_waited(self) -> bool:
        """Tell whether a child has let the time pass that was said to it; its client may have given up."""
        while True:
            data = self._sock.recv(PIECE)
            if not data or data.endswith(GAVE_UP):
                return False
            if data.endswith(WAITED):
                self._early += data[: -len(WAITED)]
                return True
            # The next request, of a client that does not wait for its answers.
            self._early += data

    def _say(self, data: bytes) -> None:
        """Send a part of an answer."""
        if not self._led:
            self._sock.sendall(data)
        elif len(data) <= _TOGETHER:
            self._sock.sendall(b"%x\n%b" % (len(data), data))
        else:
            self._sock.sendall(b"%x\n" % len(data))
            self._sock.sendall(data)

    def _deliver(self, method: str, response: Response, delivery: Delivery) -> None:
        """Bring an answer that is not brought at once and whole."""
        pass_time = partial(self._pass_time, delivery)
        if delivery.ending != "whole":
            self._ended = True
        head = render_head(response, closing=self._ended or says_close(response)) if delivery.head else b""
        try:
            with DeliveredBody(response.body, delivery, pass_time) as body:
                if delivery.wait:
                    pass_time(delivery.wait)
                if head:
                    self._say(head)
                has_none = delivery.head and not has_body(method, response.status)
                left = 0 if has_none else announced_length(response) if delivery.head else None
                while not has_none:
                    data = body.read(PIECE if left is None else min(PIECE, left))
                    if not data:
                        break
                    left = None if left is None else left - len(data)
                    self._say(data)
        except ConnectionResetError:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise
        self._ended = self._ended or bool(left)

    def _send(self, method: str, response: Response) -> None:
        if response.delivery is not None:
            self._deliver(method, response, response.delivery)
            return
        self._ended = self._ended or says_close(response)
        length = announced_length(response)
        self._ended = self._ended or (length is None and has_body(method, response.status))
        head = render_head(response, closing=self._ended)
        if not has_body(method, response.status):
            self._say(head)
            if not isinstance(response.body, bytes):
                response.body.close()
            return
        sent = 0
        for piece in pieces(response, length):
            if head and len(piece) <= _TOGETHER:
                self._say(head + piece)
            else:
                if head:
                    self._say(head)
                self._say(piece)
            head = b""
            sent += len(piece)
        if head:
            self._say(head)
        if length is not None and sent < length:
            self._ended = True

    def _linger(self) -> None:
        # Closing with bytes unread would reset the connection and take the answer with it.
        self._sock.shutdown(socket.SHUT_WR)
        self._sock.settimeout(1)
        with contextlib.suppress(OSError):
            while self._sock.recv(PIECE):
                pass
