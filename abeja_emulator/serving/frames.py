"""Frames in which proxy and runtime talk: a mark, a length and JSON (runtime, server_protocol.py)."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from abeja_emulator.runtime.launcher.abeja_emulator_serving import MAGIC
from abeja_emulator.serving.messages import ModelGone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LENGTH = struct.Struct(">I")
_HEAD = len(MAGIC) + _LENGTH.size
_CHUNK = 262144


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the frame of a message."""
    body = json.dumps(message).encode()
    return MAGIC + _LENGTH.pack(len(body)) + body


def read(receive: Callable[[int], bytes]) -> dict[str, Any]:
    """Read the message of one frame.

    Args:
        receive: as `socket.recv`: returns at most so many bytes, none at the end.

    Raises:
        ModelGone: when the frame is cut or damaged, or says no JSON object.
    """
    head = _read(receive, _HEAD)
    if not head:
        message = "the runtime closed the connection without an answer"
        raise ModelGone(message)
    if len(head) < _HEAD:
        message = f"the runtime's answer was cut: it has {len(head)} bytes, and its head alone {_HEAD}"
        raise ModelGone(message)
    if not head.startswith(MAGIC):
        message = f"the runtime's answer is damaged: it begins with {head[: len(MAGIC)].hex()}, not with {MAGIC.hex()}"
        raise ModelGone(message)
    length = _LENGTH.unpack(head[len(MAGIC) :])[0]
    body = _read(receive, length)
    if len(body) < length:
        message = f"the runtime's answer was cut: {len(body)} of {length} bytes came"
        raise ModelGone(message)
    return _decoded(body)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        text = f"the runtime's answer is not JSON: {error}"
        raise ModelGone(text) from error
    if not isinstance(message, dict):
        text = f"the runtime's answer is no JSON object, but {type(message).__name__}"
        raise ModelGone(text)
    return message


def _read(receive: Callable[[int], bytes], size: int) -> bytes:
    """Read so many bytes, or fewer when there are no more."""
    pieces = bytearray()
    while len(pieces) < size:
        piece = receive(min(size - len(pieces), _CHUNK))
        if not piece:
            break
        pieces += piece
    return bytes(pieces)
