"""A platform that lets no answer pass which is not what its operation declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abeja_emulator.platform import Platform
from abeja_emulator.wire.content import Download, Empty
from abeja_emulator.wire.messages import Response as Answer
from tests.services.wire import check_answer, operations

if TYPE_CHECKING:
    from abeja_emulator.wire.messages import Request, Response
    from abeja_emulator.wire.operations import Operation

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
        # Not the last of all of them, of which a long test has thousands.
        name = self.journal.since(self.journal.total - 1)[-1].operation
        if name is not None and not self.closed:
            _check(operations()[name], response)
        return response


def _check(operation: Operation, response: Response) -> None:
    if operation.answer is Answer:
        # What a model says is its own business.
        return
    if response.status >= _ERRORS:
        assert response.status in {*operation.errors, *_EVERYWHERE}, (operation.name, response.status, response.read())
        return
    if operation.answer in {Download, Empty}:
        return
    check_answer(operation.name, json.loads(response.read()))
