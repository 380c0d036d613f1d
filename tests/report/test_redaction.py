"""No secret gets into what people read."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abeja_emulator.report.redaction import HIDDEN, Redaction

TOKEN = "1f0c" * 10

#: A password of somebody who was told to use special characters.
SPECIAL = "p@s \"s/w'\\or\nd é😀+&x%"

ENCODERS = pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])


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


class TestBase64:
    """A known secret in base64, which is how Basic authorization, kubeconfigs and Docker's configuration hold it."""

    @ENCODERS
    @given(before=st.binary(max_size=40), behind=st.binary(max_size=40))
    @example(b"user-1100000000002:", b"")
    def test_at_any_place(self, encode: Callable[[bytes], bytes], before: bytes, behind: bytes) -> None:
        """All of the base64 is hidden, and nothing around it."""
        text = f"sent {{{encode(before + TOKEN.encode() + behind).decode()}}} on"
        assert Redaction([TOKEN])(text) == f"sent {{{HIDDEN}}} on"

    @ENCODERS
    @given(secret=st.text(st.characters(codec="utf-8"), min_size=8), before=st.binary(max_size=2))
    @example("ÿ" * 8, b"")
    @example("?>~" * 3, b"x")
    def test_of_any_secret(self, encode: Callable[[bytes], bytes], secret: str, before: bytes) -> None:
        """Of eight characters or more, in any language; both alphabets of base64 are known, and URLs with either."""
        redact = Redaction([secret])
        text = encode(before + secret.encode() + b"\0").decode()
        assert redact(text) == HIDDEN
        assert redact(f"GET /?{urlencode({'auth': text})}&x=1") == f"GET /?auth={HIDDEN}&x=1"

    @pytest.mark.parametrize("length", [40, 500])
    def test_broken_into_lines(self, length: int) -> None:
        """`base64.encodebytes` and PEM do so, and a log is shown line by line: no line has more of it than a scrap."""
        secret = "".join(chr(ord("a") + number * number % 25) for number in range(length))
        redact = Redaction([secret])
        for before in range(58):
            lines = base64.encodebytes(b"x" * before + secret.encode()).decode().splitlines()
            for line in map(redact, lines):
                shown = b"" if line == HIDDEN else binascii.a2b_base64(line)
                assert not any(secret[place : place + 9].encode() in shown for place in range(length - 8))

    @given(content=st.binary(max_size=200))
    def test_any_other_stays(self, content: bytes) -> None:
        """A picture is no secret."""
        text = base64.b64encode(content).decode()
        assert Redaction([TOKEN, SPECIAL])(text) == text


@pytest.mark.parametrize(
    "written",
    [
        SPECIAL,
        quote(SPECIAL),
        quote(SPECIAL, safe=""),
        quote_plus(SPECIAL),
        re.sub("%..", lambda found: found[0].lower(), quote(SPECIAL, safe="")),
        quote(quote(SPECIAL)),
        json.dumps(SPECIAL)[1:-1],
        json.dumps(SPECIAL, ensure_ascii=False)[1:-1],
        json.dumps(SPECIAL)[1:-1].replace("/", r"\/"),
        json.dumps(json.dumps(SPECIAL)[1:-1])[1:-1],
        repr(SPECIAL)[1:-1],
        ascii(SPECIAL)[1:-1],
        repr(SPECIAL.encode())[2:-1],
        quote(json.dumps(SPECIAL)[1:-1]),
    ],
)
def test_a_known_secret_with_special_characters_is_hidden_however_it_is_written(written: str) -> None:
    """As it is, in a URL, in JSON, in JSON within JSON, as Python shows text and bytes; nothing of it is left."""
    assert Redaction([SPECIAL])(f"it is [{written}]") == f"it is [{HIDDEN}]"


@given(secret=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=8))
@example("%%%%%%%%")
@example('\\"' * 8)
@example("\\" * 30)
@example("a\nb\tc\rd\be\ff\x01gh")
def test_any_known_secret_is_hidden_in_urls_and_json(secret: str) -> None:
    """Nothing but the brackets is left."""
    redact = Redaction([secret])
    for written in (quote(secret, safe=""), json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        assert redact(f"[{written}]") == f"[{HIDDEN}]"


def test_a_secret_of_characters_that_are_left_out() -> None:
    """It is hidden where it is written with escapes, and not found in what has nothing of it."""
    redact = Redaction(["\x00" * 8])
    assert redact(json.dumps("\x00" * 8)) == f'"{HIDDEN}"'
    assert redact("accuracy: 0.98") == "accuracy: 0.98"


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
