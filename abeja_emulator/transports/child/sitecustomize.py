"""Runs when a child of a test starts, because `child_environment` put this folder on `PYTHONPATH`.

It leads the child to the emulator, then makes way for the `sitecustomize` it stands in front of.
Standard library only, Python 3.6 to 3.13.
"""

import os
import sys

import abeja_emulator_child  # type: ignore[import-not-found] # only a child knows it by this name


def _make_way() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    ours = [entry for entry in sys.path if os.path.abspath(entry) == here]
    module = sys.modules.pop("sitecustomize")
    # Only an import finds it the way it would have been found; `importlib.util` alone costs more
    # than all of this.
    sys.path[:] = [entry for entry in sys.path if entry not in ours]
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", module)
        sys.path[:0] = ours


abeja_emulator_child.enlist()
_make_way()
