"""Where the connections of one Python process go: to an emulated platform, through, or nowhere.

This module is standard library only and runs on Python 3.6 to 3.13, because it also runs inside the
children of a test, whose interpreter is the user's choice. There `sitecustomize`, next to it, calls
`enlist`; in the test's own process `InProcess` and `Guard` use the same classes, so that a host is
matched, allowed or refused by the same lines of code everywhere.

Nothing is imported here that the interpreter has not loaded at its start: a child that never opens
a connection pays next to nothing.
"""

import errno
import os
import sys
import time
from _thread import _local as ThreadLocal  # noqa: N812 - it is a class
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable, Optional

    Address = tuple[str, int]
    Key = tuple[str, Optional[int]]

#: Variables that carry the way to the emulator into a child.
LOOPBACK = "ABEJA_EMULATOR_LOOPBACK"
HOSTS = "ABEJA_EMULATOR_HOSTS"
ALLOW_HOSTS = "ABEJA_EMULATOR_ALLOW_HOSTS"
OFFLINE = "ABEJA_EMULATOR_OFFLINE"
#: When the ancestor that the test itself started was born, by the clock that all processes of a machine share.
BORN = "ABEJA_EMULATOR_BORN"
#: Set where sleeps are those of the platform's clock, see `abeja_emulator_child_time.py`.
VIRTUAL = "ABEJA_EMULATOR_VIRTUAL"
#: Base URLs of the platform besides the usual one, for a process in between that makes an emulator of its own.
API_URLS = "ABEJA_EMULATOR_API_URLS"
VARIABLES = (LOOPBACK, HOSTS, ALLOW_HOSTS, OFFLINE)

#: First word of the line with which a hooked connection introduces itself to the loopback.
PREAMBLE = "ABEJA-EMULATOR/1"

#: What seconds begin with among the frames of an answer, and what a child says once they have passed, or when its
#: client does not wait for so long.
TIME = b"~"
WAITED, GAVE_UP = b"\0", b"\x18"

#: First word of the line with which a child tells of a call that it refused.
REFUSED = "ABEJA-EMULATOR-REFUSED/1"

#: In that line, for what is not known.
_NOTHING = "-"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HTTPS_PORT = 443
_PATH_FINDER = sys.modules["_frozen_importlib_external"].PathFinder
_PATIENCE = 5.0
_THIS_MACHINE = ("", "0.0.0.0", "::", "::1", "localhost")  # noqa: S104 - compared with, never bound


class RefusedCall:
    """A call that was about to leave the machine.

    Attributes:
        host: the name or number it was going to.
        port: its port, or None for a name that was only looked up.
        method: the HTTP method, when the call was seen as HTTP.
        url: the URL without its query, when the call was seen as HTTP.
        kind: `unknown`; `platform`, for a host of the real one; or `emulated`, when a socket was opened that
            the emulator cannot answer.
        born: when the process that made the call was born, by the monotonic clock; None for this one.
    """

    __slots__ = ("born", "host", "kind", "method", "port", "url")

    def __init__(  # noqa: PLR0913, PLR0917 - what a call is made of
        self,
        host: str,
        port: "int | None" = None,
        method: "str | None" = None,
        url: "str | None" = None,
        kind: str = "unknown",
        born: "float | None" = None,
    ) -> None:
        self.host = host
        self.port = port
        self.method = method
        self.url = url
        self.kind = kind
        self.born = born

    def __str__(self) -> str:
        if self.port is None:
            return f"looking up {self.host}"
        place = join_host(self.host, self.port)
        if self.method:
            return f"{self.method} {self.url} ({place})"
        return f"a connection to {place}"

    @property
    def advice(self) -> str:
        """Why it was refused, and what to do."""
        if self.kind == "emulated":
            return (
                f"{self.host} is emulated for clients that use http.client or urllib3 (the SDK, requests, "
                "boto3, urllib), and this one opens a socket of its own. Give it the URL of the emulator's "
                "server on this machine instead: the fixture abeja_server is that URL"
            )
        if self.kind == "platform":
            return (
                "nothing for abeja.io leaves this machine, not even when it is allowed, and "
                f"{self.host} is not among the emulated addresses. If it is the platform under test, give "
                "its URL in ABEJA_API_URL"
            )
        return (
            "while the ABEJA Platform is emulated nothing else leaves this machine, and "
            f"{self.host} is neither emulated nor allowed. If it is needed, allow it: "
            f"--abeja-allow-host {self.host} (of the command abeja-emulator: --allow-host)"
        )

    def __reduce__(self) -> "tuple[Any, ...]":
        return RefusedCall, (self.host, self.port, self.method, self.url, self.kind, self.born)

    def to_line(self) -> str:
        """Return the call as one line, for a child to tell its parent."""
        return " ".join(_NOTHING if part is None else str(part) for part in self.__reduce__()[1])

    @staticmethod
    def from_line(line: str) -> "RefusedCall":
        """Return the call that `to_line` wrote."""
        host, port, method, url, kind, born = (None if part == _NOTHING else part for part in line.split(" "))
        return RefusedCall(
            host or "", int(port) if port else None, method, url, kind or "unknown", float(born) if born else None
        )


class UnknownHostError(Exception):
    """A call was about to leave the machine, and nothing allows it.

    Neither an `OSError` nor an HTTP error, so that no retry swallows it: it ends the test at once,
    where a refused connection would cost a client half a minute of back-off first.
    """

    def __init__(self, sentence: str, call: RefusedCall) -> None:
        super().__init__(sentence)
        self.call = call

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> "tuple[Any, ...]":
        return UnknownHostError, (self.args[0], self.call)


class AddressTaken(Exception):
    """Another transport of this process already answers for that address."""


class EmulatorUnreachable(Exception):
    """The emulator that should answer this process cannot be reached (any more).

    Not an `OSError`, so that no client retries for half a minute what cannot come back.
    """


class NeverAnswered(Exception):
    """A client without a time-out waits for an answer that never comes, on purpose.

    On the platform it would hang for ever; here it fails at once. Not an `OSError`, so that no retry swallows it.
    """

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return (
            f"the answer of {self.host} stalled on purpose, and the client waits for it without a time-out, so it "
            "would hang for ever; give the call a time-out"
        )


class ConnectTrouble(Exception):
    """A connection does not come about, on purpose; it never gets as far as a client.

    Attributes:
        kind: `dns`, `tls` or `refused`.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def split_host(text: str) -> "Key":
    """Return the lower-cased host of `host`, `host:port` or `[v6]:port`, and the port if it has one."""
    text = text.rpartition("@")[2].strip().lower()
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return host.rstrip("."), int(port) if port.isdigit() else None


def join_host(host: str, port: "int | None") -> str:
    """Return `host:port`, with the brackets a number with colons needs, or the host alone."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def split_url(url: str) -> "tuple[str, str, int | None, str]":
    """Return scheme, host, port and what follows of an absolute URL; the port may be the scheme's."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    end = min([rest.find(mark) for mark in "/?#" if mark in rest] or [len(rest)])
    host, port = split_host(rest[:end])
    return scheme, host, port or _DEFAULT_PORTS.get(scheme), rest[end:]


def is_local(host: str) -> bool:
    """Tell whether a name or number always means this machine."""
    if host.startswith("::ffff:"):
        host = host[len("::ffff:") :]
    if host in _THIS_MACHINE or host.endswith(".localhost"):
        return True
    return host.startswith("127.") and host.replace(".", "").isdigit()


def never_leaves(host: str) -> bool:
    """Tell whether a host belongs to the real platform, which no option opens the way to."""
    return host == "abeja.io" or host.endswith(".abeja.io")


class Pattern:
    """A host that may be reached: `name`, `name:port`, `*.name` or `*`."""

    __slots__ = ("_host", "_port")

    def __init__(self, text: str) -> None:
        if "://" in text:
            _, self._host, self._port, _ = split_url(text)
        else:
            self._host, self._port = split_host(text)

    def matches(self, host: str, port: "int | None") -> bool:
        """Tell whether the pattern means that host; a port that is not known yet always fits."""
        if self._port is not None and port is not None and port != self._port:
            return False
        if self._host in ("*", host):
            return True
        return self._host.startswith("*.") and host.endswith(self._host[1:])


class Line:
    """What one owner has on a switchboard: the hosts it answers, and the hosts it lets through.

    Args:
        connect: gives a connection its socket, as `connect(connection, scheme, host, port)`.
        allow_hosts: patterns of other hosts that may be reached.
        guard: whether any other host is refused while the line is there.
        on_refused: told of each call that was refused.
        offline: whether a refused call fails the way it would on a machine without a network, with the
            errors that clients know and retry, instead of with an `UnknownHostError`.
        inherited: whether it came with the environment; any owner may take over its addresses.
    """

    def __init__(  # noqa: PLR0913 - all but two by name
        self,
        connect: "Callable[[Any, str, str, int], None]",
        allow_hosts: "Iterable[str]" = (),
        *,
        guard: bool = True,
        on_refused: "Callable[[RefusedCall], None] | None" = None,
        offline: bool = False,
        inherited: bool = False,
    ) -> None:
        self.connect = connect
        self.patterns = [Pattern(text) for text in allow_hosts]
        self.guard = guard
        self.on_refused = on_refused
        self.offline = offline
        self.inherited = inherited
        self.keys: list[Key] = []


class PendingSocket:
    """Stands for a connection whose way is known only by its first line.

    A request through a proxy names its true host there. A request that will be refused names its
    method and path there, which makes the refusal easier to understand.
    """

    def __init__(
        self, board: "Switchboard", connection: "Any", connect: "Callable[[Any], None]", place: "Address"
    ) -> None:
        self._board = board
        self._connection = connection
        self._connect = connect
        self._place = place
        self._data = b""

    def sendall(self, data: "Any", flags: int = 0) -> None:
        """Take the first bytes; once they hold the request line, send them where they belong."""
        del flags
        self._data += bytes(memoryview(data))
        line, end, _ = self._data.partition(b"\r\n")
        if end:
            self._board.settle(self._connection, self._connect, line.decode("latin-1"), self._place)
            self._connection.sock.sendall(self._data)

    def settimeout(self, timeout: "float | None") -> None:
        """Do nothing: the connection keeps its own time-out for the socket to come."""

    def setsockopt(self, *option: "Any") -> None:
        """Do nothing: there is no socket yet."""

    def fileno(self) -> int:
        """Return -1, as a closed socket does."""
        return -1

    def shutdown(self, how: int) -> None:
        """Do nothing: nothing was sent."""

    def close(self) -> None:
        """Forget what was not sent."""
        self._data = b""


class _Patch:
    """One attribute that was replaced, and how to put it back."""

    def __init__(self, owner: "Any", name: str, replacement: "Any") -> None:
        self._owner = owner
        self._name = name
        self._was_own = name in vars(owner)
        self._original = getattr(owner, name)
        self._replacement = replacement
        setattr(owner, name, replacement)

    def renew(self) -> None:
        """Put ours in its place again where somebody has put the original back."""
        if vars(self._owner).get(self._name) is not self._replacement:
            current = getattr(self._owner, self._name, None)
            if current is self._original:
                setattr(self._owner, self._name, self._replacement)

    def undo(self) -> None:
        """Put the original back, unless somebody else replaced ours in the meantime."""
        if vars(self._owner).get(self._name) is not self._replacement:
            return
        if self._was_own:
            setattr(self._owner, self._name, self._original)
        else:
            delattr(self._owner, self._name)


class _Loader:
    """Loads a module as its own loader does, then has it patched."""

    def __init__(self, loader: "Any", board: "Switchboard") -> None:
        self._loader = loader
        self._board = board

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Create the module as its own loader does."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: "Any") -> None:
        """Run the module with its own loader in place, so that it cannot tell, and patch it."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._board.patch(module)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)


class Finder:
    """Sees the modules that open connections when they are imported, however late.

    On `sys.meta_path` it is also where a second owner finds the switchboard of this process.
    """

    def __init__(self, board: "Switchboard") -> None:
        self.board = board

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Find a watched module as everybody else finds it, with our loader around its own."""
        if name not in ("socket", "http.client", "urllib3.connection"):
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    loader: Any = _Loader(spec.loader, self.board)
                    spec.loader = loader
                return spec  # type: ignore[no-any-return]
        return None


class Switchboard:
    """Decides for each connection of this process where it goes.

    There is one for a process, and only while somebody has a line on it: the first line installs
    the hooks, the last one to leave removes them.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._routes: dict[Key, Line] = {}
        self._resolved: set[str] = set()
        self._patches: list[_Patch] = []
        self._finder = Finder(self)
        self._lock = allocate_lock()
        self._thread = ThreadLocal()

    @staticmethod
    def installed() -> "Switchboard":
        """Return the switchboard of this process, or a new one when none is installed."""
        for finder in sys.meta_path:
            if isinstance(finder, Finder):
                return finder.board
        return Switchboard()

    def add(self, line: Line, addresses: "Iterable[str]") -> None:
        """Put a line on the board, with all of its addresses or not at all."""
        keys = [split_host(address) for address in addresses]
        with self._lock:
            self._refuse_taken(keys)
            line.keys = keys
            self._lines.append(line)
            self._rebuild()
            if len(self._lines) == 1:
                self._install()

    def add_address(self, line: Line, address: str) -> None:
        """Let a line answer one more address."""
        key = split_host(address)
        with self._lock:
            if key not in line.keys:
                self._refuse_taken([key])
                line.keys.append(key)
                self._rebuild()

    def remove(self, line: Line) -> None:
        """Take a line off the board; the last one takes the hooks with it."""
        with self._lock:
            self._lines.remove(line)
            self._rebuild()
            if not self._lines:
                self._uninstall()

    def find(self, host: str, port: int) -> "Line | None":
        """Return the line that answers a host: by its name and port, its name, or a parent's."""
        routes = self._routes
        while True:
            line = routes.get((host, port)) or routes.get((host, None))
            if line is not None:
                return line
            host = host.partition(".")[2]
            if not host:
                return None

    def permits(self, host: str, port: "int | None") -> bool:
        """Tell whether a connection that nobody answers may be made for real."""
        if is_local(host) or host in self._resolved:
            return True
        if never_leaves(host):
            return False
        guarded = False
        for line in self._lines:
            guarded = guarded or line.guard
            for pattern in line.patterns:
                if pattern.matches(host, port):
                    return True
        return not guarded or _is_own(host)

    def is_offline(self) -> bool:
        """Tell whether refused calls fail as on a machine without a network."""
        return any(line.offline for line in self._lines)

    def refusal(self, call: RefusedCall) -> Exception:
        """Tell every owner of a call that is refused; return the error to raise."""
        if self.find(call.host, call.port or 0) is not None:
            call.kind = "emulated"
        elif never_leaves(call.host):
            call.kind = "platform"
        told = [line for line in self._lines if line.on_refused is not None]
        # Whoever started this process is told only where nobody in it takes notice.
        for line in [line for line in told if not line.inherited] or told:
            line.on_refused(call)  # type: ignore[misc] # they have one
        if self.is_offline():
            if _is_number(call.host):
                return OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
            module = sys.modules["socket"]
            return module.gaierror(module.EAI_NONAME, "Name or service not known")  # type: ignore[no-any-return]
        return UnknownHostError(f"refused {call}{_during()}: {call.advice}.", call)

    def connect(self, connection: "Any", connect: "Callable[[Any], None]") -> None:
        """Connect an HTTP connection: `connect` is what would have been called without us."""
        # The `connect` of an https connection calls that of an http one.
        if self._passing() or self._troubled():
            connect(connection)
            return
        host = connection._tunnel_host  # noqa: SLF001 - the true target of a request through a proxy
        if host:
            port = connection._tunnel_port or connection.default_port  # noqa: SLF001
            place = (host.lower().strip("[]"), port)
        else:
            place = (connection.host.lower().strip("[]"), connection.port)
        line = self.find(*place)
        if line is not None:
            self._answer(line, connection, connect, place)
        elif self.permits(*place) and (host or not _is_proxied(connection, place)):
            self._pass(connection, connect)
        elif self.is_offline() and not self.permits(*place):
            # Its own look-up will fail, and the client's own code makes of that what it always does.
            connect(connection)
        else:
            connection.is_verified = True
            connection.sock = PendingSocket(self, connection, connect, place)

    def settle(self, connection: "Any", connect: "Callable[[Any], None]", request: str, place: "Address") -> None:
        """Give a connection its socket, now that its request line is known, or refuse the call."""
        method, _, target = request.partition(" ")
        target = target.partition(" ")[0].partition("?")[0]
        scheme, path = _scheme(connection), target
        if "://" in target:
            scheme, host, port, path = split_url(target)
            place = (host, port or _HTTPS_PORT)
        line = self.find(*place)
        if line is not None:
            self._answer(line, connection, connect, place, scheme)
        elif self.permits(*place):
            self._pass(connection, connect)
        else:
            port = None if place[1] == _DEFAULT_PORTS.get(scheme) else place[1]
            url = f"{scheme}://{join_host(place[0], port)}{path}"
            raise self.refusal(RefusedCall(place[0], place[1], method, url))

    def _answer(
        self,
        line: Line,
        connection: "Any",
        connect: "Callable[[Any], None]",
        place: "Address",
        scheme: "str | None" = None,
    ) -> None:
        try:
            line.connect(connection, scheme or _scheme(connection), place[0], place[1])
        except ConnectTrouble as trouble:
            kind = trouble.kind
        else:
            kind = ""
        if kind:
            self._fail(kind, connection, connect)
        # Clients of urllib3 warn about connections whose certificate nobody looked at.
        connection.is_verified = True
        if getattr(connection, "proxy", None):
            connection._has_connected_to_proxy = True  # noqa: SLF001 - its own connect would set it

    def _fail(self, kind: str, connection: "Any", connect: "Callable[[Any], None]") -> None:
        """Let a connection fail as it would for real: the client's own code makes of it what it always does."""
        if kind == "tls":
            ssl = __import__("ssl")
            message = (
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"
            )
            raise getattr(ssl, "SSLCertVerificationError", ssl.SSLError)(1, message)
        self._thread.trouble = kind
        try:
            connect(connection)
        finally:
            del self._thread.trouble
        # Somebody has a way of making connections that does not come by here.
        connection.close()
        raise self._trouble(kind)

    @staticmethod
    def _trouble(kind: str) -> Exception:
        """Return what the system says."""
        if kind == "dns":
            module = sys.modules["socket"]
            return module.gaierror(module.EAI_NONAME, "Name or service not known")  # type: ignore[no-any-return]
        return ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

    def look_up(self, port: "Any") -> "list[Any] | None":
        """Return what any name stands for while a connection fails on purpose, or None where none does.

        Raises:
            gaierror: when that is what fails.
        """
        kind = self._troubled()
        if not kind:
            return None
        if kind == "dns":
            raise self._trouble(kind)
        module = sys.modules["socket"]
        return [(module.AF_INET, module.SOCK_STREAM, module.IPPROTO_TCP, "", ("127.0.0.1", port or 0))]

    def _troubled(self) -> str:
        """Return why the connection that this thread makes fails on purpose, or an empty text."""
        kind = getattr(self._thread, "trouble", None)  # type: Optional[str]
        return kind or ""

    def _passing(self) -> bool:
        return getattr(self._thread, "passing", False)

    def _pass(self, connection: "Any", connect: "Callable[[Any], None]") -> None:
        # What the connection was permitted for may need a proxy or a name server on its way.
        self._thread.passing = True
        try:
            connect(connection)
        finally:
            self._thread.passing = False

    def check_address(self, sock: "Any", address: "Any") -> None:
        """Raise unless a socket may connect or send to that address."""
        kind = self._troubled()
        if kind:
            raise self._trouble(kind)
        if not isinstance(address, tuple) or self._passing():
            return
        families = sys.modules["socket"]
        if sock.family not in (families.AF_INET, families.AF_INET6):
            return
        host = _text(address[0]).lower().partition("%")[0]
        if not self.permits(host, address[1]):
            raise self.refusal(RefusedCall(host, address[1]))

    def check_name(self, name: "Any", port: "Any" = None) -> None:
        """Raise unless that name may be looked up; a number or our own name always may."""
        host = "" if name is None else _text(name).lower().rstrip(".")
        if self._passing() or _is_number(host) or host == sys.modules["socket"].gethostname().lower():
            return
        if not self.permits(host, port if isinstance(port, int) else None):
            raise self.refusal(RefusedCall(host))

    def _refuse_taken(self, keys: "list[Key]") -> None:
        for key in keys:
            line = self._routes.get(key)
            if line is not None and not line.inherited:
                message = (
                    f"{join_host(*key)} is already answered by another transport in this process: stop that "
                    "one first, or give this one another address."
                )
                raise AddressTaken(message)

    def _rebuild(self) -> None:
        # A new table each time: a lookup in another thread never sees half of a change.
        lines = sorted(self._lines, key=lambda line: not line.inherited)
        self._routes = {key: line for line in lines for key in line.keys}

    def _install(self) -> None:
        # Just before the one that finds files: whoever puts themselves first and takes the first away again
        # (pyfakefs) must find their own there.
        places = [number for number, finder in enumerate(sys.meta_path) if finder is _PATH_FINDER]
        sys.meta_path.insert(places[0] if places else 0, self._finder)
        for name in ("socket", "http.client", "urllib3.connection"):
            if name in sys.modules:
                self.patch(sys.modules[name])

    def _uninstall(self) -> None:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self._finder]
        while self._patches:
            self._patches.pop().undo()

    def renew(self) -> None:
        """Hook in again where somebody has put back what they knew, as pytest-socket does after each test."""
        with self._lock:
            for patch in self._patches:
                patch.renew()

    def patch(self, module: "Any") -> None:
        """Hook into a module that opens connections."""
        if not self._lines:
            # It was still being imported when the last line left.
            return
        if module.__name__ == "socket":
            self._patch_socket(module)
            return
        for name in ("HTTPConnection", "HTTPSConnection"):
            owner = getattr(module, name, None)
            # urllib3 puts a stand-in without `connect` there when Python has no ssl.
            if owner is not None and "connect" in vars(owner):
                self._patches.append(_Patch(owner, "connect", _hook(self, owner.connect)))

    def _patch_socket(self, module: "Any") -> None:
        # Somebody who blocks sockets (pytest-socket) puts a subclass there; the methods are below.
        owner = real_socket_class(module)
        for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
            if hasattr(owner, name):
                method = getattr(owner, name)
                self._patches.append(_Patch(owner, name, _checked(self, method, position)))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            function = _guarded_lookup(self, getattr(module, name))
            self._patches.append(_Patch(module, name, function))

    def remember(self, host: "Any", answer: "Any") -> None:
        """Note the numbers that a permitted name stands for: they may be connected to."""
        if host is None or _is_number(_text(host)):
            return
        if isinstance(answer, str):
            self._resolved.add(answer)
        elif isinstance(answer, tuple):
            self._resolved.update(answer[2])
        else:
            self._resolved.update(str(found[4][0]) for found in answer)


def real_socket_class(module: "Any") -> "Any":
    """Return the socket class of the standard library, whatever subclass stands in its place."""
    for owner in module.socket.__mro__:
        if owner.__module__ == "socket":
            return owner
    return module.socket


class Birth:
    """When this process was born, by the monotonic clock that all processes of a machine share.

    A descendant of a process that the test started is as old as that one. One whose start nobody saw was born
    when this is made.
    """

    now = staticmethod(time.monotonic)

    def __init__(self, environment: "Mapping[str, str]") -> None:
        try:
            self.at = float(environment[BORN])
        except (KeyError, ValueError):
            self.at = self.now()
            # A fork server is born once, and its children each at their time.
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self._note)

    def _note(self) -> None:
        self.at = self.now()


def dial(  # noqa: PLR0913, PLR0917 - what a connection is made of
    address: "Address", connection: "Any", scheme: str, host: str, port: int, born: "float | None" = None
) -> "Any":
    """Open a socket to a loopback emulator for a connection that meant to reach `host`.

    Raises:
        ConnectTrouble: when the connection fails on purpose.
        EmulatorUnreachable: when nobody listens there any more.
    """
    import socket  # noqa: PLC0415 - not before a connection needs it

    sock = real_socket_class(socket)(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    timeout = connection.timeout
    try:
        sock.settimeout(_PATIENCE)
        sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        birth = _NOTHING if born is None else repr(born)
        introduction = f"{PREAMBLE} {scheme} {join_host(host, port)} {birth}\r\n"
        sock.sendall(introduction.encode("latin-1"))
        words = _read_line(sock).split()
        known = timeout is None or isinstance(timeout, (int, float))
        sock.settimeout(timeout if known else socket.getdefaulttimeout())
    except OSError as error:
        sock.close()
        message = (
            f"{host} is emulated by the process that listened on {join_host(*address)}, and it does not "
            f"answer any more ({error}). A child must not outlive the test that started it."
        )
        raise EmulatorUnreachable(message) from error
    if words[1:2] == ["fails"]:
        sock.close()
        raise ConnectTrouble(words[2])
    return LedSocket(sock, host) if words[1:2] == ["leads"] else sock


def _read_line(sock: "Any") -> str:
    """Return the line with which an emulator answers an introduction."""
    data = b""
    while not data.endswith(b"\n"):
        piece = sock.recv(1)
        if not piece:
            raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        data += piece
    return data.decode("latin-1")


def file_of(sock: "Any", mode: str, buffering: "int | None", options: "Mapping[str, Any]") -> "Any":
    """Return a file that reads or writes what stands for a socket, as `socket.makefile` does for a real one."""
    import io  # noqa: PLC0415 - loaded long ago
    import socket  # noqa: PLC0415 - the same

    writes = "w" in mode
    reads = "r" in mode or not writes
    raw = socket.SocketIO(sock, ("r" if reads else "") + ("w" if writes else ""))  # type: ignore[arg-type]
    if buffering == 0:
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
    if reads and writes:
        buffer = io.BufferedRWPair(raw, raw, size)  # type: Any
    else:
        buffer = io.BufferedReader(raw, size) if reads else io.BufferedWriter(raw, size)
    return buffer if "b" in mode else io.TextIOWrapper(buffer, **options)


class LedSocket:
    r"""A socket to an emulator in whose answers it is said where time passes.

    The emulator cannot tell how long a client waits, so what it sends comes in frames: `<size in hex>\n` and so many
    bytes, or `~<seconds>\n`. There this end waits and says so, or fails with the client's own time-out. That one is
    not waited for: what comes of it is known. No byte is read before a client wants it, so `select` sees what there is.

    Args:
        sock: the connected socket; everything that is not here is its own.
        host: for the message about a client that waits for ever.
    """

    def __init__(self, sock: "Any", host: str) -> None:
        self._sock = sock
        self._host = host
        self._head = b""
        self._left = 0
        self._io_refs = 0
        self._closed = False

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return what comes next, once the time before it has passed."""
        if not bufsize:
            return b""
        peek = sys.modules["socket"].MSG_PEEK
        while not self._left:
            byte = self._sock.recv(1, flags & ~peek)
            if not byte:
                return b""
            if byte != b"\n":
                self._head += byte
                continue
            head, self._head = self._head, b""
            if head.startswith(TIME):
                self._pass_time(float(head[len(TIME) :]))
            else:
                self._left = int(head, 16)
        data = self._sock.recv(min(bufsize, self._left), flags)  # type: bytes
        if not flags & peek:
            self._left -= len(data)
        return data

    def _pass_time(self, seconds: float) -> None:
        timeout = self._sock.gettimeout()
        if timeout is not None and seconds > timeout:
            if os.environ.get(VIRTUAL):
                time.sleep(timeout)
            self._give_up()
            message = "timed out"
            raise sys.modules["socket"].timeout(message)
        if seconds == float("inf"):
            self._give_up()
            raise NeverAnswered(self._host)
        time.sleep(seconds)
        self._sock.sendall(WAITED)

    def _give_up(self) -> None:
        """Say that the client does not wait, and go on once the emulator knows it: it closes the connection."""
        try:
            self._sock.sendall(GAVE_UP)
            self._sock.settimeout(_PATIENCE)
            self._sock.recv(1)
        except OSError:
            pass

    def recv_into(self, buffer: "Any", nbytes: int = 0, flags: int = 0) -> int:
        """Fill a buffer with what comes next."""
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def makefile(self, mode: str = "r", buffering: "int | None" = None, **options: "Any") -> "Any":
        """Return a file that reads or writes this socket."""
        self._io_refs += 1
        return file_of(self, mode, buffering, options)

    def _decref_socketios(self) -> None:
        self._io_refs -= 1
        if self._closed and self._io_refs <= 0:
            self._sock.close()

    def close(self) -> None:
        """Close the socket once no file that reads it is open."""
        self._closed = True
        if self._io_refs <= 0:
            self._sock.close()

    def __enter__(self) -> "LedSocket":  # noqa: PYI034 - Python 3.6 has no `Self`
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._sock, name)


def tell_refusal(address: "Address", call: RefusedCall) -> None:
    """Tell the emulator of a parent of a call that this process refused; nothing happens when it is gone."""
    # It closes the connection once it has taken notice.
    _tell(address, f"{REFUSED} {call.to_line()}", _PATIENCE)


def tell_sleep(address: "Address", line: str) -> "str | None":
    """Tell the emulator of a parent that this process sleeps, and return what it says when that is over.

    It is None when the emulator is gone.
    """
    return _tell(address, line, None)


def _tell(address: "Address", line: str, patience: "float | None") -> "str | None":
    """Tell the emulator of a parent something, and return the line that it answers with; None when it has none."""
    import socket  # noqa: PLC0415 - not before a connection needs it

    sock = real_socket_class(socket)(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        sock.settimeout(_PATIENCE)
        sock.connect(address)
        sock.sendall((line + "\r\n").encode("latin-1", "replace"))
        sock.settimeout(patience)
        return _read_line(sock)
    except OSError:
        return None
    finally:
        sock.close()


def enlist(environment: "Mapping[str, str]" = os.environ) -> None:
    """Lead this process to the emulator that its environment names, if it names one."""
    address, port = split_host(environment.get(LOOPBACK, ""))
    if port is None:
        return
    loopback = (address, port)
    birth = Birth(environment)

    def connect(connection: "Any", scheme: str, host: str, port: int) -> None:
        connection.sock = dial(loopback, connection, scheme, host, port, birth.at)

    def tell(call: RefusedCall) -> None:
        call.born = birth.at
        tell_refusal(loopback, call)

    line = Line(
        connect,
        allow_hosts=environment.get(ALLOW_HOSTS, "").split(),
        on_refused=tell,
        offline=bool(environment.get(OFFLINE)),
        inherited=True,
    )
    Switchboard.installed().add(line, environment.get(HOSTS, "").split())
    if environment.get(VIRTUAL):
        # Beside this file, on the path of a child.
        import abeja_emulator_child_time  # type: ignore[import-not-found]  # noqa: PLC0415 - only where time is virtual

        abeja_emulator_child_time.follow(lambda sleep: tell_sleep(loopback, sleep), lambda: birth.at)


def _hook(board: Switchboard, original: "Callable[[Any], None]") -> "Any":
    def connect(self: "Any") -> None:
        board.connect(self, original)

    return _disguised(connect, original)


def _checked(board: Switchboard, original: "Callable[..., Any]", position: int) -> "Any":
    def method(self: "Any", *args: "Any") -> "Any":
        if len(args) > position:
            try:
                board.check_address(self, args[position])
            except UnknownHostError:
                # Callers close their socket after an OSError, and this is none.
                if original.__name__ in ("connect", "connect_ex"):
                    self.close()
                raise
        return original(self, *args)

    return _disguised(method, original)


def _guarded_lookup(board: Switchboard, original: "Callable[..., Any]") -> "Any":
    def lookup(host: "Any", *args: "Any", **options: "Any") -> "Any":
        trouble = board.look_up(args[0] if args else options.get("port"))
        if trouble is not None:
            return trouble
        board.check_name(host, args[0] if args else options.get("port"))
        answer = original(host, *args, **options)
        board.remember(host, answer)
        return answer

    return _disguised(lookup, original)


def _disguised(function: "Any", original: "Any") -> "Any":
    function.__name__ = original.__name__
    function.__qualname__ = getattr(original, "__qualname__", original.__name__)
    function.__doc__ = original.__doc__
    function.__wrapped__ = original
    return function


def _scheme(connection: "Any") -> str:
    return "https" if connection.default_port == _HTTPS_PORT else "http"


def _is_proxied(connection: "Any", place: "Address") -> bool:
    if getattr(connection, "proxy", None) is not None:
        return True
    # The system's settings count as well as the environment, and only urllib.request reads them all.
    request = sys.modules.get("urllib.request")
    if request is None:
        return False
    proxies = request.getproxies()
    return any(
        split_url(url if "://" in url else "http://" + url)[1:3] == place
        for scheme, url in proxies.items()
        if scheme != "no"
    )


def _during() -> str:
    """Return which test this process, or the parent whose environment it has, is running."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
    return f" in {test}" if test else ""


def _is_number(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _is_own(host: str) -> bool:
    """Tell whether a number is an address of this machine: only those can be bound."""
    if not _is_number(host):
        return False
    import socket  # noqa: PLC0415 - not before a connection needs it

    with real_socket_class(socket)(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            return False
    return True


def _text(host: "Any") -> str:
    return host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
