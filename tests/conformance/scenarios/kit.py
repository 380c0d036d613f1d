"""What checks have at hand: the SDK that is installed, whatever its version, and plain HTTP for what it cannot say.

Standard library and SDK only, and Python 3.6: this file runs in every environment that an SDK lives in.
"""

import base64
import functools
import importlib
import inspect
import json
import os
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, ModuleType
    from typing import Any, Callable, Optional

#: Parts of the SDK that are not its clients: constants, plumbing, and what needs TensorFlow.
NOT_CLIENTS = ("abeja.common", "abeja.contrib", "abeja.exceptions", "abeja.version")

#: Made once: reading the certificates of the system takes longer than most calls.
TLS = ssl.create_default_context()


class Absent(Exception):
    """The SDK that is installed has no such thing."""


class Answer:
    """An answer to a plain HTTP call.

    Attributes:
        status: its status.
        headers: its headers.
        body: its bytes.
    """

    def __init__(self, status: int, headers: "Any", body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> "Any":
        """The body, which is JSON."""
        return json.loads(self.body.decode())


class Kit:
    """The SDK as the default user of an emulated platform that has nothing on it yet.

    Attributes:
        organization: id of the organization.
    """

    def __init__(self) -> None:
        self.organization = os.environ["ABEJA_ORGANIZATION_ID"]

    def api(self, package: str) -> "Any":
        """Return an `APIClient` of `abeja.<package>`, whose methods raise `Absent` where this SDK lacks them.

        Raises:
            Absent: this SDK has no such client.
        """
        return Present(self.module(package).APIClient(), f"{package}.APIClient")

    def module(self, package: str) -> "Any":
        """Return the module `abeja.<package>`; what it lacks in this SDK raises `Absent`.

        Raises:
            Absent: this SDK has no such module.
        """
        try:
            found = importlib.import_module("abeja." + package)
        except ImportError as error:
            message = f"this SDK has no abeja.{package}"
            raise Absent(message) from error
        return Present(found, package)

    @contextmanager
    def organizations_host(self) -> "Iterator[None]":
        """Let the SDK reach the organization's own host meanwhile, `<organization>.<host of the API>`.

        Where the API has an address there is no such name; a server answers for it as the proxy of plain HTTP. Only
        meanwhile, because everything else is to be called as users call it.
        """
        before = {name: os.environ.get(name) for name in ("http_proxy", "no_proxy")}
        os.environ.update(http_proxy=os.environ["ABEJA_API_URL"], no_proxy="")
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def takes(self, function: "Callable[..., Any]", *names: str) -> None:
        """Go on only where a function of this SDK takes arguments of these names.

        Raises:
            Absent: it does not.
        """
        parameters = inspect.signature(function).parameters
        missing = [name for name in names if name not in parameters]
        if missing:
            name = getattr(function, "__name__", function)
            message = f"{name} of this SDK takes no {', '.join(missing)}"
            raise Absent(message)

    def refused(self, status: int, function: "Callable[..., Any]", *args: "Any", **kwargs: "Any") -> "Any":
        """Check that a call of the SDK is refused by the platform with that status, and return the SDK's exception."""
        from abeja.exceptions import HttpError

        try:
            answer = function(*args, **kwargs)
        except HttpError as error:
            assert error.status_code == status, (error.status_code, error.error_description)
            assert error.error_description
            return error
        message = f"{function} was answered with {answer!r}, not refused with {status}"
        raise AssertionError(message)

    def http(
        self,
        method: str,
        path: str,
        data: "Any" = None,
        headers: "Optional[dict[str, str]]" = None,
        credential: "Optional[tuple[str, str]]" = None,
    ) -> Answer:
        """Call a path of the API, or a whole URL, with the default user's credential; `{org}` is the organization.

        Args:
            method: of HTTP.
            path: below the API, or an absolute URL, which gets no credential.
            data: bytes as they are, anything else as JSON.
            headers: besides the credential's and the content type's.
            credential: user and token in place of the default user's.
        """
        sent = dict(headers or {})
        url = path
        if "://" not in path:
            url = os.environ["ABEJA_API_URL"] + path.replace("{org}", self.organization)
            names = ("ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN")
            user = credential or tuple(os.environ[name] for name in names)
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
        body = data
        if data is not None and not isinstance(data, bytes):
            body = json.dumps(data).encode()
            sent.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(url, data=body, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=TLS) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())


class Present:
    """A client or module of the SDK; what it lacks raises `Absent` instead of an `AttributeError`."""

    def __init__(self, target: "Any", name: str) -> None:
        self._target = target
        self._name = name

    def __getattr__(self, name: str) -> "Any":
        """Return an attribute of the target.

        Raises:
            Absent: it has none of that name.
        """
        try:
            return getattr(self._target, name)
        except AttributeError as error:
            message = f"this SDK has no abeja.{self._name}.{name}"
            raise Absent(message) from error


def methods() -> "dict[CodeType, str]":
    """Return every public method and property of the SDK's clients and high-level classes: code → name.

    A name is that of the module, the class and the method, `datasets.APIClient.create_dataset`; parts of the module
    that every client has, such as `api.client`, are left out.
    """
    found = {}  # type: dict[CodeType, str]
    for owner in classes():
        for name, code in _functions(owner):
            found[code] = f"{_short(owner.__module__)}.{owner.__name__}.{name}"
    return found


def classes() -> "Iterator[type]":
    """Yield the SDK's clients and high-level classes."""
    for module in modules():
        for name, each in list(vars(module).items()):
            if inspect.isclass(each) and each.__module__ == module.__name__ and not name.startswith("_"):
                yield each


def _short(module: str) -> str:
    parts = module.split(".")[1:]
    return ".".join(parts[:2] if parts[0] == "opsbeellm" else parts[:1])


def _functions(owner: type) -> "Iterator[tuple[str, CodeType]]":
    for name, each in list(vars(owner).items()):
        code = None if name.startswith("_") else _code(each)
        if code is not None:
            yield name, code


def _code(member: "Any") -> "Optional[CodeType]":
    """Return the code of a method or a property, or None of what is neither."""
    function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    return getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None


def modules() -> "Iterator[ModuleType]":
    """Yield the modules of the SDK that hold clients and high-level classes."""
    import abeja

    root = os.path.dirname(str(abeja.__file__))
    # Not with pkgutil, which does not look into folders without an `__init__.py`, such as opsbeellm.
    for folder, _, names in sorted(os.walk(root)):
        package = ["abeja", *(part for part in os.path.relpath(folder, root).split(os.sep) if part != ".")]
        for name in sorted(names):
            module = ".".join(package if name == "__init__.py" else [*package, name[: -len(".py")]])
            if name.endswith(".py") and not module.startswith(NOT_CLIENTS):
                yield importlib.import_module(module)


@contextmanager
def seen(known: "dict[CodeType, str]") -> "Iterator[set[str]]":
    """Fill a set with the names of the methods that are called meanwhile, in whatever thread.

    Each is wrapped for as long: a profiler, which is called for whatever else runs too, would make all of it slower
    by half.
    """
    called = set()  # type: set[str]
    replaced = []  # type: list[tuple[type, str, Any]]
    for owner in classes():
        for attribute, code in _functions(owner):
            member = vars(owner)[attribute]
            replaced.append((owner, attribute, member))
            setattr(owner, attribute, _noting(member, functools.partial(called.add, known[code])))
    try:
        yield called
    finally:
        for owner, attribute, member in replaced:
            setattr(owner, attribute, member)


def _noting(member: "Any", note: "Callable[[], None]") -> "Any":
    """Return a method or property that does the same, and notes before that it is called."""
    if isinstance(member, property):
        return property(_wrapped(member.fget, note), member.fset, member.fdel, member.__doc__)
    if isinstance(member, (classmethod, staticmethod)):
        return type(member)(_wrapped(member.__func__, note))
    return _wrapped(member, note)


def _wrapped(function: "Any", note: "Callable[[], None]") -> "Any":
    @functools.wraps(function)
    def calling(*args: "Any", **kwargs: "Any") -> "Any":
        note()
        return function(*args, **kwargs)

    @functools.wraps(function)
    def yielding(*args: "Any", **kwargs: "Any") -> "Any":
        # Not before somebody asks for the first of what it yields.
        note()
        yield from function(*args, **kwargs)

    return yielding if inspect.isgeneratorfunction(inspect.unwrap(function)) else calling


def checks(module: "ModuleType") -> "list[Callable[[Kit], None]]":
    """Return the checks of a module, in the order they stand in."""
    found = [each for name, each in vars(module).items() if name.startswith("check_") and inspect.isfunction(each)]
    return sorted(found, key=lambda each: each.__code__.co_firstlineno)


def scenarios() -> "list[str]":
    """Return the names of the modules that have checks."""
    folder = os.path.dirname(os.path.abspath(__file__))
    return sorted(
        name[: -len(".py")] for name in os.listdir(folder) if name.endswith(".py") and name not in NO_SCENARIOS
    )


NO_SCENARIOS = ("__init__.py", "__main__.py", "kit.py")
