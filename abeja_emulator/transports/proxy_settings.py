"""The proxies in the environment, looked up without reading all of it.

For each call requests decodes every variable of the environment twice, only to learn that none of
them names a proxy: a sixth of the time a call takes here. The same answer is in the undecoded names.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable


class ProxySettings:
    """Answers for requests while a transport is started; whatever is set, the standard library reads."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any, Any]] = []

    def install(self) -> None:
        """Answer from now on, if requests is there and reads nothing but the environment.

        Called for each connection, since requests may be imported long after the start; from the
        second time on that costs nothing.
        """
        if self._replaced:
            return
        utils = sys.modules.get("requests.utils")
        standard = sys.modules.get("urllib.request")
        if utils is None or standard is None:
            return
        # Where the system keeps settings too (macOS, Windows), the function of the system is another.
        if vars(utils)["getproxies"] is not vars(standard)["getproxies_environment"]:
            return
        self._replace(utils, "getproxies", dict)
        self._replace(utils, "proxy_bypass", bool)

    def uninstall(self) -> None:
        """Put the functions back, unless somebody else replaced ours in the meantime."""
        while self._replaced:
            module, name, original, replacement = self._replaced.pop()
            if vars(module).get(name) is replacement:
                setattr(module, name, original)

    def _replace(self, module: Any, name: str, nothing: Callable[[], Any]) -> None:
        original = vars(module)[name]

        def look_up(*args: Any) -> Any:
            return original(*args) if names_a_proxy() else nothing()

        self._replaced.append((module, name, original, look_up))
        setattr(module, name, look_up)


def names_a_proxy() -> bool:
    """Tell whether any variable could name a proxy, or the hosts to reach without one."""
    names = getattr(os.environ, "_data", None)
    if names is None or os.name != "posix":
        return True
    # One search through all names at once: a loop over them would take longer than the platform's answer.
    return b"_proxy=" in (b"=".join(names) + b"=").lower()
