"""What a Content-Type is, as Go parses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.serving.media_types import media_type_of


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=UTF-8", "application/json"),
        ("  text/plain  ;  charset = utf-8  ", "text/plain"),
        ("text/plain;", "text/plain"),
        ("text", "text"),
        ("image/svg+xml", "image/svg+xml"),
        ('multipart/form-data; boundary="a b;c"', "multipart/form-data"),
        ('a/b; c="say \\"no\\""', "a/b"),
        ("a/b; c=d; C=d", "a/b"),
        ('a/b; c=d; c="d"', "a/b"),
    ],
)
def test_parsable(content_type: str, kind: str) -> None:
    """The type comes in lower case, without its parameters."""
    assert media_type_of(content_type) == kind


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        " ",
        ";",
        "/json",
        "text/",
        "text/plain/more",
        "text/plain, text/html",
        "te xt/plain",
        "テキスト/plain",
        "text/plain; charset",
        "text/plain; charset=",
        "text/plain; =utf-8",
        'text/plain; charset="utf-8',
        "text/plain;;",
        "text/plain; a=b c",
        "a/b; c=d; c=e",
    ],
)
def test_not_parsable(content_type: str) -> None:
    """Anything else is None."""
    assert media_type_of(content_type) is None


@given(st.text(max_size=200))
def test_any_text(content_type: str) -> None:
    """No text breaks it, and what it returns is in the text."""
    kind = media_type_of(content_type)
    assert kind is None or kind in content_type.lower()


def test_long_text_is_quick() -> None:
    """What is nearly a type takes no more time than its length."""
    assert media_type_of("a/b" + "; c=d" * 20_000 + " " * 20_000 + "!") is None
