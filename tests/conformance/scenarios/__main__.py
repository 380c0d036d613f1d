"""Run every check with the SDK of this interpreter, and write a line of JSON for each: `python -m scenarios`.

The platform is where the environment says; it is put back before each check through its control API.
"""

import importlib
import json
import os
import sys
import traceback
import urllib.request
from contextlib import contextmanager

from .kit import Absent, Kit, checks, methods, scenarios, seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any, Callable

#: From here on a status says that a call was refused.
REFUSED = 400


def outcome(check: "Callable[[Kit], None]", known: "dict[CodeType, str]") -> "dict[str, Any]":
    """Run one check and return what became of it."""
    with seen(known) as called, answered(known) as calls:
        try:
            check(Kit())
            told = {"outcome": "passed"}
        except Absent as absent:
            told = {"outcome": "absent", "why": str(absent)}
        except Exception:  # noqa: BLE001 - the next checks shall run too
            told = {"outcome": "failed", "why": traceback.format_exc()}
    return dict(told, methods=sorted(called), calls=sorted(calls))


@contextmanager
def answered(known: "dict[CodeType, str]") -> "Iterator[set[tuple[str, str, str]]]":
    """Fill a set with the calls that succeed meanwhile: a method that stands behind one, its HTTP method, its path."""
    import requests

    calls = set()  # type: set[tuple[str, str, str]]
    owner = requests.Session  # type: Any
    send = owner.send

    def noting(session: "Any", request: "Any", **options: "Any") -> "Any":
        response = send(session, request, **options)
        if response.status_code < REFUSED:
            path = request.path_url.partition("?")[0]
            calls.update((name, request.method, path) for name in callers(known))
        return response

    owner.send = noting
    try:
        yield calls
    finally:
        owner.send = send


def callers(known: "dict[CodeType, str]") -> "Iterator[str]":
    """Yield the methods that are on the stack."""
    frame = sys._getframe()  # type: Any
    while frame is not None:
        if frame.f_code in known:
            yield known[frame.f_code]
        frame = frame.f_back


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
