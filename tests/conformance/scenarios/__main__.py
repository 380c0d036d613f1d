"""Run every check with the SDK of this interpreter, and write a line of JSON for each: `python -m scenarios`.

The platform is where the environment says; it is put back before each check through its control API.
"""

import importlib
import json
import os
import sys
import traceback
import urllib.request

from .kit import Absent, Kit, checks, methods, scenarios, seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable


def outcome(check: "Callable[[Kit], None]", known: "dict[CodeType, str]") -> "dict[str, Any]":
    """Run one check and return what became of it."""
    with seen(known) as called:
        try:
            check(Kit())
            told = {"outcome": "passed"}
        except Absent as absent:
            told = {"outcome": "absent", "why": str(absent)}
        except Exception:  # noqa: BLE001 - the next checks shall run too
            told = {"outcome": "failed", "why": traceback.format_exc()}
    return dict(told, methods=sorted(called))


def reset() -> None:
    """Put the platform back to what it was when its server began."""
    url = os.environ["ABEJA_API_URL"] + "/_emulator/reset"
    with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="POST"), timeout=30) as response:
        assert response.status == 200, response.read()


def main() -> None:
    """Run the checks of the scenarios that are named, or of all."""
    # What the SDK itself prints, as the first ones do, must not come between the lines.
    lines, sys.stdout = sys.stdout, sys.stderr
    known = methods()
    for name in sys.argv[1:] or scenarios():
        for check in checks(importlib.import_module(f"{__package__}.{name}")):
            reset()
            told = outcome(check, known)
            print(json.dumps(dict(told, check=f"{name}.{check.__name__}")), file=lines, flush=True)
    print(json.dumps({"known": sorted(set(known.values()))}), file=lines, flush=True)


if __name__ == "__main__":
    main()
