"""The answer of an operation that has nothing to show."""

import msgspec


class Message(msgspec.Struct):
    """What was done, in words."""

    message: str
