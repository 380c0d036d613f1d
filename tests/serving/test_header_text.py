"""Text of headers, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving.header_text import from_wire, is_name, is_value, octets, to_wire


@given(st.text())
def test_there_and_back(value: str) -> None:
    """What is put on the wire is what comes from it."""
    assert from_wire(to_wire(value)) == value
    assert octets(to_wire(value)) == value.encode()


@given(st.binary())
def test_any_bytes(value: bytes) -> None:
    """Bytes of the wire are kept, and what is not UTF-8 can still be said in JSON."""
    text = value.decode("latin-1")
    assert octets(text) == value
    assert is_value(from_wire(text)) == is_value(text)


def test_text_that_came_over_no_wire() -> None:
    """A request made here may hold any text."""
    assert from_wire("犬") == "犬"
    assert octets("犬") == "犬".encode()


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "犬", "a\0", "(a)", None, 1, b"a"])
def test_no_name(name: object) -> None:
    """Neither empty nor with separators, nor anything but text."""
    assert not is_name(name)


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "\0", "\x7f", "\x1b[0m", "\ud800", None, 1, b"a", ["a"]])
def test_no_value(value: object) -> None:
    """No line breaks, no control characters, no half of a pair, nothing but text."""
    assert not is_value(value)


@pytest.mark.parametrize("value", ["", " ", "a\tb", "犬", "100%"])
def test_value(value: str) -> None:
    """Anything else is one."""
    assert is_value(value)
