"""What is kept of logs."""

import msgspec


class Line(msgspec.Struct, kw_only=True):
    """One line of a log; `at` is `clock.iso` text."""

    at: str
    message: str
