"""The guard: nothing leaves the machine, with or without a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from abeja_emulator.transports.child.abeja_emulator_child import Line, Switchboard

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

    from abeja_emulator.transports.errors import RefusedCall


class Guard:
    """Refuses every connection to another machine while it is on.

    `InProcess` brings its own; this one is for the time when no platform is there yet.

    Args:
        allow_hosts: hosts that may be reached: `name`, `name:port`, `*.name` or `*`.
        on_refused: told of each call that was refused.
        offline: whether refused calls fail as on a machine without a network, see `Line`.
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        on_refused: Callable[[RefusedCall], None] | None = None,
        offline: bool = False,
    ) -> None:
        self._line = Line(_answer_nothing, allow_hosts, on_refused=on_refused, offline=offline)
        self._board: Switchboard | None = None

    def start(self) -> None:
        """Refuse from now on."""
        if self._board is None:
            self._board = Switchboard.installed()
            self._board.add(self._line, ())

    def stop(self) -> None:
        """Let everything pass again, unless another guard is on."""
        board, self._board = self._board, None
        if board is not None:
            board.remove(self._line)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _answer_nothing(connection: Any, scheme: str, host: str, port: int) -> None:
    del connection, scheme, host, port
    message = "a guard has no addresses, so nothing is ever led to it"
    raise AssertionError(message)
