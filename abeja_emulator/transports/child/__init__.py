"""The folder that goes on a child's `PYTHONPATH`; nothing in it needs this package to be installed.

Its module has two names: `abeja_emulator_child` in a child, the long one for us. Both must mean the
same module, or an `UnknownHostError` that a child sends back through a `multiprocessing` pool could
not be unpickled here, which hangs the pool.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

_SHORT = "abeja_emulator_child"
_LONG = f"{__name__}.{_SHORT}"


def _unite() -> None:
    known = sys.modules.get(_SHORT)
    if known is None:
        sys.modules[_SHORT] = import_module(_LONG)
    elif Path(str(known.__file__)).resolve().parent == Path(__file__).resolve().parent:
        sys.modules[_LONG] = known


_unite()
