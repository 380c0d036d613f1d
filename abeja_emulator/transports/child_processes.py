"""Children that are started with an environment of their own still find the way to the emulator.

`subprocess.run(..., env={"PATH": …})` leaves out what leads a child here, and a handler that sets
`PYTHONPATH` puts something else in its place.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.transports.child.abeja_emulator_child import (
    BORN,
    LOOPBACK,
    VARIABLES,
    VIRTUAL,
    Birth,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

#: Place of `env` among the arguments of `subprocess.Popen` that may be given without a name.
_POSITION = 10


class ChildProcesses:
    """Completes the environment of every `subprocess.Popen` while it is entered.

    An interpreter started with `-I`, `-E` or `-S` does not look at its environment: that one is neither
    emulated nor guarded.

    Args:
        variables: what `child_environment` returned.
        virtual: tells whether a child's sleeps are those of the platform's clock.
    """

    def __init__(self, variables: Mapping[str, str], *, virtual: Callable[[], bool] = bool) -> None:
        self._variables = {name: variables[name] for name in VARIABLES}
        # The first entry is the folder of the hook; others are the user's own.
        self._folder = variables["PYTHONPATH"].split(os.pathsep)[0]
        self._virtual = virtual
        self._original: Any = None
        self._hook: Any = None

    def complete(self, environment: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return an environment with what leads a child here; keys may be text or bytes, as `Popen` takes them."""
        completed = {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}
        if completed.get(LOOPBACK) is None:
            completed.update(self._variables)
        if self._virtual():
            completed[VIRTUAL] = "1"
        # One that belongs to no test, such as a service that outlives the test in which it was started, says so.
        completed.setdefault(BORN, repr(Birth.now()))
        entries = [entry for entry in completed.get("PYTHONPATH", "").split(os.pathsep) if entry]
        if self._folder not in entries:
            completed["PYTHONPATH"] = os.pathsep.join([self._folder, *entries])
        return completed

    def __enter__(self) -> Self:
        original = subprocess.Popen.__init__
        complete = self.complete

        def init(self: Any, *args: Any, **options: Any) -> None:
            if len(args) > _POSITION:
                given = args[_POSITION]
                args = (*args[:_POSITION], complete(os.environ if given is None else given), *args[_POSITION + 1 :])
            else:
                given = options.get("env")
                options["env"] = complete(os.environ if given is None else given)
            original(self, *args, **options)

        init.__wrapped__ = original  # type: ignore[attr-defined] # for whoever looks at the signature
        self._original, self._hook = original, init
        subprocess.Popen.__init__ = init  # type: ignore[method-assign]
        return self

    def __exit__(self, *exception: object) -> None:
        if subprocess.Popen.__init__ is self._hook:
            subprocess.Popen.__init__ = self._original  # type: ignore[method-assign]
