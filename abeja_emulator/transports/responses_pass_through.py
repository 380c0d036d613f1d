"""Calls to an emulated host under the library `responses`: what nobody stubbed goes on to the platform.

`responses` refuses what it has no stub for, unless a pass-through names it, and forgets its pass-through
whenever an activation ends. So a test that says `@responses.activate` would find no platform. While a
transport is started, every `RequestsMock` of the process also lets its hosts through; a stub for one of
them, such as an outage that a test plays, still comes first.
"""

from __future__ import annotations

import re
import sys
from importlib.machinery import PathFinder
from threading import Lock
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.transports.child.abeja_emulator_child import split_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

#: The library, and the attribute in which its mocks keep what they let through.
_LIBRARY = "responses"
_ATTRIBUTE = "passthru_prefixes"

_DEFAULT_PORTS = {80: "http", 443: "https"}


class PassThrough:
    """Has the mocks of `responses` let the addresses of one transport through while it is installed.

    Nothing is imported, and nothing is done before `responses` is.

    Args:
        addresses: returns them, as `name` or `name:port`; subdomains belong to them.
    """

    def __init__(self, addresses: Callable[[], Iterable[str]]) -> None:
        self.addresses = addresses

    def install(self) -> None:
        """Let them through from now on."""
        _Hook.installed().add(self)

    def uninstall(self) -> None:
        """Let them through no more; the last one to leave puts the library back as it was."""
        _Hook.installed().remove(self)


class _Hook:
    """The hook of this process on `responses`, however late that is imported.

    On `sys.meta_path` it is also where a second transport finds it; it is there only while somebody needs it.
    """

    def __init__(self) -> None:
        self._owners: list[PassThrough] = []
        self._hooked: list[tuple[type, property]] = []
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}
        self._lock = Lock()

    @staticmethod
    def installed() -> _Hook:
        """Return the hook of this process, or a new one when none is installed."""
        for finder in sys.meta_path:
            if isinstance(finder, _Hook):
                return finder
        return _Hook()

    def add(self, owner: PassThrough) -> None:
        """Let the addresses of one more owner through."""
        with self._lock:
            if owner in self._owners:
                return
            self._owners.append(owner)
            if len(self._owners) == 1:
                # Not the first: pyfakefs takes whatever is first for its own.
                before = next((at for at, each in enumerate(sys.meta_path) if each is PathFinder), 0)
                sys.meta_path.insert(before, self)
                if _LIBRARY in sys.modules:
                    self.hook(sys.modules[_LIBRARY])

    def remove(self, owner: PassThrough) -> None:
        """Forget an owner; after the last one nothing of the hook is left."""
        with self._lock:
            if owner in self._owners:
                self._owners.remove(owner)
            if not self._owners:
                sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]
                self._unhook()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find `responses` as everybody else finds it, with our loader around its own."""
        if name != _LIBRARY:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    loader: Any = _Loader(spec.loader, self)
                    spec.loader = loader
                return spec
        return None

    def hook(self, module: Any) -> None:
        """Hook into the mocks of the library, those that were made before included."""
        mock = getattr(module, "RequestsMock", None)
        # A library that is still being imported comes back here; one that was changed past knowing is left alone.
        if mock is None or not self._owners or _ATTRIBUTE in vars(mock):
            return
        # A property of the class goes before what each mock has under that name, and leaves it there.
        let_through = property(self._get, self._set)
        self._hooked.append((mock, let_through))
        setattr(mock, _ATTRIBUTE, let_through)

    def _unhook(self) -> None:
        while self._hooked:
            mock, let_through = self._hooked.pop()
            if vars(mock).get(_ATTRIBUTE) is let_through:
                delattr(mock, _ATTRIBUTE)

    def _get(self, mock: Any) -> tuple[Any, ...]:
        return (*vars(mock).get(_ATTRIBUTE, ()), self._pattern())

    def _set(self, mock: Any, prefixes: Iterable[Any]) -> None:
        # Whoever adds one reads them all, adds to them and sets them all.
        ours = list(self._patterns.values())
        vars(mock)[_ATTRIBUTE] = tuple(prefix for prefix in prefixes if prefix not in ours)

    def _pattern(self) -> re.Pattern[str]:
        addresses = tuple(address for owner in self._owners for address in owner.addresses())
        if addresses not in self._patterns:
            self._patterns[addresses] = urls_of(addresses)
        return self._patterns[addresses]


class _Loader:
    """Loads the library as its own loader does, then has it hooked."""

    def __init__(self, loader: Any, hook: _Hook) -> None:
        self._loader = loader
        self._hook = hook

    def create_module(self, spec: ModuleSpec) -> Any:
        """Create the module as its own loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module with its own loader in place, so that it cannot tell, and hook into it."""
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._hook.hook(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def urls_of(addresses: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of all URLs at some addresses, as `name` or `name:port`, and at their subdomains."""
    origins = "|".join(_origin(*split_host(address)) for address in addresses)
    # Without an address there is no URL, and (?!) matches nothing.
    return re.compile(f"(?:{origins or '(?!)'})(?=[/?#]|$)", re.IGNORECASE)


def _origin(host: str, port: int | None) -> str:
    name = re.escape(f"[{host}]") if ":" in host else rf"(?:[^/?#@:]+\.)?{re.escape(host)}\.?"
    place = f"(?:[^/?#@]*@)?{name}"
    if port is None:
        return rf"https?://{place}(?::\d+)?"
    explicit = f"https?://{place}:{port}"
    scheme = _DEFAULT_PORTS.get(port)
    return explicit if scheme is None else f"{explicit}|{scheme}://{place}"
