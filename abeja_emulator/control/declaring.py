"""How operations of the control API are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.control.shapes import Nothing
from abeja_emulator.wire.operations import Evidence, operation

if TYPE_CHECKING:
    from abeja_emulator.wire.operations import Operation

PREFIX = "/_emulator"


def control(  # noqa: PLR0913 - a declaration names everything once
    method: str,
    path: str,
    *,
    answer: Any,
    query: type = Nothing,
    body: Any = None,
    errors: tuple[int, ...] = (),
) -> Callable[[Callable[[Any], Any]], Operation]:
    """Declare an operation of the control API: it is our own, so there is no evidence for it."""
    return operation(
        method,
        path,
        query=query,
        body=body,
        answer=answer,
        errors=tuple(sorted({400, 403, *errors})),
        evidence=Evidence.INFERRED,
        source="",
    )
