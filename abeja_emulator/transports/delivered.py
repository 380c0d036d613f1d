"""The body of an answer on its way, where it is brought slowly, in part, or never."""

from __future__ import annotations

import errno
import io
import math
import os
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from abeja_emulator.wire.delivery import Delivery
    from abeja_emulator.wire.messages import Body

#: Seconds of a silence that nobody ends.
NEVER = math.inf


class DeliveredBody(io.RawIOBase):
    """A body that is read as its delivery says.

    Args:
        body: the whole of it; closed with this.
        delivery: how it has to be brought.
        pass_time: lets seconds pass, or raises what a client with a shorter time-out sees; `NEVER` is a silence that
            nobody ends.
    """

    def __init__(self, body: Body, delivery: Delivery, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._body = io.BytesIO(body) if isinstance(body, bytes) else body
        self._delivery = delivery
        self._pass_time = pass_time
        self._sent = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return what comes next; nothing means that it ends here.

        Raises:
            ConnectionResetError: when the connection is reset here.
            OSError: what `pass_time` raises.
        """
        delivery = self._delivery
        size = io.DEFAULT_BUFFER_SIZE if size < 0 else size
        if delivery.stop_at is not None:
            size = min(size, delivery.stop_at - self._sent)
            if size <= 0:
                return self._end()
        if delivery.pace is not None:
            size = min(size, max(1, int(delivery.pace)))
        data = self._body.read(size)
        if data and delivery.pace is not None:
            self._pass_time(len(data) / delivery.pace)
        self._sent += len(data)
        return data

    def _end(self) -> bytes:
        if self._delivery.ending == "reset":
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if self._delivery.ending == "silence":
            self._pass_time(NEVER)
        return b""

    def close(self) -> None:
        """Close the body."""
        self._body.close()
        super().close()
