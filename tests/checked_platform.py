"""A platform that lets no answer pass which is not what its operation declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.content import Download, Empty

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Request, Response
    from abeja_emulator.wire.operations import Operation

_OPERATIONS = {operation.name: operation for operation in all_operations()}

#: What any operation may be refused with, whatever it does: the wrong method, and a body that is too large.
_EVERYWHERE = frozenset({405, 413, 501})

_ERRORS = 400


class CheckedPlatform(Platform):
    """A platform whose answers are checked.

    An answer has the fields that are declared, with their types, and no other; a refusal has one of the statuses
    that are. Whoever calls gets an AssertionError otherwise, which no client retries.
    """

    def handle(self, request: Request) -> Response:
        """Answer a request, and check the answer."""
        response = super().handle(request)
        name = self.journal[-1].operation
        if name is not None and not self.closed:
            _check(_OPERATIONS[name], response)
        return response


def _check(operation: Operation, response: Response) -> None:
    if response.status >= _ERRORS:
        assert response.status in {*operation.errors, *_EVERYWHERE}, (operation.name, response.status, response.read())
        return
    if operation.answer in {Download, Empty}:
        return
    answer = json.loads(response.read())
    declared = msgspec.convert(answer, operation.answer, strict=True)
    assert msgspec.to_builtins(declared) == answer, (operation.name, answer)
