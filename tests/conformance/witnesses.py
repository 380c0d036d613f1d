"""Who called which operation: written down, so that the page of conformance tells what was seen and nothing else."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.checked_platform import CheckedPlatform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import CodeType, FrameType

    from abeja_emulator.wire.messages import Request, Response

#: Names the folder for what was seen; without it nothing is written.
FOLDER = "ABEJA_TEST_WITNESSES"


class WitnessedPlatform(CheckedPlatform):
    """A platform that notes which method of the SDK stands behind each call that succeeds.

    Args:
        known: the methods: code → name.

    Attributes:
        pairs: method and operation of each call.
    """

    def __init__(self, known: Mapping[CodeType, str]) -> None:
        super().__init__(auth="strict")
        self._known = known
        self.pairs: set[tuple[str, str]] = set()

    def handle(self, request: Request) -> Response:
        """Answer a request; the transport is called on the stack of the client."""
        response = super().handle(request)
        operation = self.journal.since(self.journal.total - 1)[-1].operation
        if operation is not None and response.status < 400:
            self.pairs.update((method, operation) for method in self._callers())
        return response

    def _callers(self) -> set[str]:
        found: set[str] = set()
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code in self._known:
                found.add(self._known[frame.f_code])
            frame = frame.f_back
        return found


def note_round(client: str, passed: int, absent: int) -> None:
    """Write down how many checks an SDK passed, and how many are about what it does not have."""
    _write({"client": client, "passed": passed, "absent": absent})


def note(client: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Write down what a client was seen to call, if anybody wants to know.

    Args:
        client: its name, such as `abeja-sdk`.
        pairs: a method or command of it, and the name of the operation.
    """
    _write(*({"client": client, "by": by, "operation": operation} for by, operation in sorted(pairs)))


def _write(*lines: dict[str, Any]) -> None:
    folder = os.environ.get(FOLDER)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Path(folder, f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
