"""Begins the launcher beside it, so that bytecode is kept of that: of the file it is started with Python keeps none.

Standard library only, Python 3.6 to 3.13. The launcher runs in this module, not in one of its own: as `__main__`,
or as `__mp_main__` in a worker of `multiprocessing`. So a handler finds no name of it, and no path leads to it.
"""

import os
from importlib.machinery import SourceFileLoader

_NAME = "abeja_emulator_launcher"
_FOLDER = os.path.dirname(os.path.realpath(__file__))

# Where bytecode cannot be written, or must not, this compiles it each time.
exec(SourceFileLoader(_NAME, os.path.join(_FOLDER, _NAME + ".py")).get_code(_NAME))  # type: ignore[arg-type]  # noqa: S102 - our own program
