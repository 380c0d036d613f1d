"""Frames: what the published runtime reads and writes, and what is said of one that is damaged."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving import frames
from abeja_emulator.serving.messages import ModelGone

MARK = b"\xab\xe9\xa0\x01"

_TEXT = st.text(max_size=8)
_MESSAGES = st.dictionaries(_TEXT, st.one_of(st.none(), st.integers(), _TEXT, st.lists(_TEXT, max_size=3)), max_size=4)


def frame(body: bytes, *, mark: bytes = MARK, length: int | None = None) -> bytes:
    """Return a frame as bytes."""
    return mark + struct.pack(">I", len(body) if length is None else length) + body


class Drops:
    """Gives bytes a few at a time, as a socket may."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def __call__(self, size: int) -> bytes:
        """Receive."""
        return self._data.read(min(size, self._size))


@given(_MESSAGES, st.integers(1, 9))
def test_what_is_written_is_read(message: dict[str, Any], size: int) -> None:
    """However few bytes come at a time, and nothing behind the frame is touched."""
    data = frames.encode(message)
    assert data == frame(json.dumps(message).encode())
    rest = io.BytesIO(data + b"more")
    assert frames.read(Drops(data, size)) == message
    assert frames.read(rest.read) == message
    assert rest.read() == b"more"


def test_the_runtime_reads_it() -> None:
    """Its parser finds mark and body, whatever the chunks, but for the ends of mark and length."""
    protocol = pytest.importorskip("abejaruntime36.server_protocol", reason="the published runtime is not installed")
    message = {"method": "POST", "headers": [{"key": "a", "values": ["犬"]}]}
    data = frames.encode(message)
    parser = protocol.SocketServerProtocol(None)
    head, body = parser._parse_data(data)
    assert (bytes(head), json.loads(body)) == (MARK, message)
    assert protocol.HEADER + protocol.VERSION == MARK


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the runtime closed the connection without an answer"),
        (MARK + b"\0", "the runtime's answer was cut: it has 5 bytes, and its head alone 8"),
        (frame(b"{}", length=3), "the runtime's answer was cut: 2 of 3 bytes came"),
        (frame(b"{}", mark=b"HTTP"), "the runtime's answer is damaged: it begins with 48545450, not with abe9a001"),
        (frame(b"{}", mark=b"\xab\xe9\xa0\x02"), "it begins with abe9a002"),
        (frame(b"{"), "the runtime's answer is not JSON: "),
        (frame(b"\xff\xfe"), "the runtime's answer is not JSON: "),
        (frame(b"[" * 100_000), "the runtime's answer is not JSON: "),
        (frame(b"[]"), "the runtime's answer is no JSON object, but list"),
    ],
)
def test_damage(data: bytes, why: str) -> None:
    """Says what is wrong, and is an answer of nobody."""
    with pytest.raises(ModelGone) as raised:
        frames.read(io.BytesIO(data).read)
    assert why in str(raised.value)
