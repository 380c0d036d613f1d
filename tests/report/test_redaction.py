"""No secret gets into what people read."""

from __future__ import annotations

import pytest

from abeja_emulator.report.redaction import HIDDEN, Redaction


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cr3t-s3cr3t",
        "authorization=Basic dXNlcjpzM2NyM3QtczNjcjN0",
        "{'Authorization': 'Basic s3cr3t-s3cr3t'}",
        '{"authorization": "Bearer s3cr3t-s3cr3t"}',
        "sent Bearer s3cr3t-s3cr3t to the platform",
        "https://api.abeja.io/_signed/files/1/2?expires=1&signature=s3cr3t-s3cr3t",
        "https://bucket.example/key?X-Amz-Signature=s3cr3t-s3cr3t&x=1",
        "PLATFORM_AUTH_TOKEN=s3cr3t-s3cr3t",
        "environ({'ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN': 's3cr3t-s3cr3t'})",
        "DB_PASSWORD=s3cr3t-s3cr3t",
        "api_key: s3cr3t-s3cr3t",
        "environ({'GITHUB_TOKEN': 's3cr3t-s3cr3t', 'A': '1'})",
        "AWS_SECRET_ACCESS_KEY=s3cr3t-s3cr3t",
        "X-Auth-Token: s3cr3t-s3cr3t",
        '{"body": "{\\"password\\": \\"s3cr3t-s3cr3t\\"}"}',
        "https://user:s3cr3t-s3cr3t@host.example/",
        "{'signature': ['s3cr3ts3cr3ts3cr3ts3cr3t']}",
        "https://host.example/%3Fa%26signature%3Ds3cr3ts3cr3ts3cr3ts3cr3t",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    """By the name in front of it."""
    shown = Redaction()(text)
    assert "s3cr3t" not in shown
    assert "dXNlcjpz" not in shown
    assert HIDDEN in shown


def test_a_known_secret_is_hidden_wherever_it_stands() -> None:
    """The tokens of a platform are known."""
    assert Redaction(["s3cr3t-s3cr3t"])("it is [s3cr3t-s3cr3t]") == f"it is [{HIDDEN}]"


def test_everything_that_json_can_hold_is_searched() -> None:
    """Names and values, however deep."""
    hidden = Redaction(["s3cr3t-s3cr3t"]).deep({"a": ["s3cr3t-s3cr3t", 1, None], "s3cr3t-s3cr3t": {"b": True}})
    assert hidden == {"a": [HIDDEN, 1, None], HIDDEN: {"b": True}}


def test_a_secret_that_contains_another_goes_whole() -> None:
    """The longer one first."""
    assert Redaction(["abcdefgh", "abcdefghijkl"])("abcdefghijkl") == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        "accuracy: 0.98",
        "tokens per second: 12",
        "the basic idea",
        "GET /datasets/1?limit=50&next_page_token=",
        "a bearer of news",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    """Words that only sound like secrets."""
    assert Redaction([""])(text) == text


def test_what_a_terminal_acts_on_is_left_out() -> None:
    """Colours and the backspaces of progress bars; Japanese and new lines stay."""
    assert Redaction()("\x1b[1m34/34\x1b[0m \x08\x08 精度\n😀\x00") == "34/34  精度\n😀"
