"""The search language of `q`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest
from abeja_emulator.wire.search import DEPTH, attribute_values, parse_search

if TYPE_CHECKING:
    from collections.abc import Iterator


def found(search: str, **values: str) -> bool:
    """Tell whether an object with these values is found."""

    def lookup(key: str) -> Iterator[str]:
        if key in values:
            yield values[key]

    return parse_search(search).matches(lookup)


def complaint(search: str) -> str:
    """Return why a search is refused."""
    with pytest.raises(BadRequest) as refused:
        parse_search(search)
    assert refused.value.description.startswith(f"the search q={search!r} is not understood: ")
    return refused.value.description.partition("understood: ")[2]


class TestTerm:
    """One `key:value`."""

    def test_equal(self) -> None:
        """Only the whole value, in its own case, under its own key."""
        assert found("label:dog", label="dog")
        for values in ({"label": "dogs"}, {"label": "Dog"}, {"other": "dog"}, {}):
            assert not found("label:dog", **values)

    @pytest.mark.parametrize(
        ("search", "value"),
        [
            ('a:"x y"', "x y"),
            ('a:"x(y) OR z"', "x(y) OR z"),
            ("a:b:c", "b:c"),
            ('a:""', ""),
            ("a:=1", "=1"),
            ('a:">5"', ">5"),
            ('a:"*"', "*"),
            ('a:x" "y', "x y"),
            ("a:犬", "犬"),
        ],
    )
    def test_value_as_it_is(self, search: str, value: str) -> None:
        """Quotes hold white space, parentheses, marks and stars; a colon in a value is one."""
        assert found(search, a=value)
        assert not found(search, a=value + "x")
        assert not found(search, a="anything else")

    def test_quoted_key(self) -> None:
        """A key may hold white space and colons."""
        assert found('"a key":1', **{"a key": "1"})
        assert found('"a:b":1', **{"a:b": "1"})

    @pytest.mark.parametrize(
        ("search", "fits", "does_not"),
        [
            ("a:>5", ["6", "10", "5.5"], ["5", "-6"]),
            ("a:>=5", ["5", "5.0", "1e3"], ["4.9"]),
            ("a:<5", ["4", "-10"], ["5", "10"]),
            ("a:<=5", ["5", "4"], ["5.1"]),
            ("a:>=2024-01-02", ["2024-01-02", "2024-01-02T00:00:00", "2025-01-01"], ["2024-01-01T23:59:59"]),
            ('a:<"b c"', ["b", "a"], ["b d"]),
        ],
    )
    def test_comparison(self, search: str, fits: list[str], does_not: list[str]) -> None:
        """Numbers compare as numbers, anything else as text."""
        assert [value for value in fits + does_not if found(search, a=value)] == fits

    def test_comparison_without_the_key(self) -> None:
        """What is not there is neither more nor less."""
        assert not found("a:<5", b="1")

    @pytest.mark.parametrize(
        ("search", "fits", "does_not"),
        [
            ("a:*", ["", "x"], []),
            ("a:x*", ["x", "xy", "x\ny"], ["yx", ""]),
            ("a:*x", ["x", "yx"], ["xy"]),
            ("a:x*x", ["xx", "xyx"], ["x", "xy"]),
            ("a:*x*y*", ["xy", "axbyc"], ["yx"]),
            ("a:x.*", ["x.", "x.y"], ["xy"]),
            ('a:"x y"*', ["x y", "x yz"], ["x", "x y"[:2]]),
            ('a:"*"*', ["*", "*x"], ["x"]),
        ],
    )
    def test_wildcard(self, search: str, fits: list[str], does_not: list[str]) -> None:
        """A star stands for any text; one in quotes is a star, and other marks are themselves."""
        assert [value for value in fits + does_not if found(search, a=value)] == fits

    @given(pieces=st.lists(st.text("ab", max_size=3), min_size=1, max_size=5), value=st.text("ab", max_size=12))
    def test_wildcards_like_a_regular_expression(self, pieces: list[str], value: str) -> None:
        """A star fits what `.*` fits."""
        expected = re.fullmatch(".*".join(map(re.escape, pieces)), value) is not None
        pattern = "*".join(pieces)
        if pattern:
            assert found(f"a:{pattern}", a=value) == expected

    def test_many_wildcards(self) -> None:
        """However many there are, the search ends: as a regular expression this one would not."""
        assert not found("a:" + "*a" * 40 + "*b", a="a" * 5000)


class TestTogether:
    """`AND`, `OR`, parentheses."""

    @pytest.mark.parametrize("a", ["0", "1"])
    @pytest.mark.parametrize("b", ["0", "1"])
    @pytest.mark.parametrize("c", ["0", "1"])
    def test_and_binds_tighter(self, a: str, b: str, c: str) -> None:
        """Whichever comes first; two conditions side by side are `AND`."""
        yes = {"a": a == "1", "b": b == "1", "c": c == "1"}
        for search, expected in {
            "a:1 OR b:1 AND c:1": yes["a"] or (yes["b"] and yes["c"]),
            "a:1 AND b:1 OR c:1": (yes["a"] and yes["b"]) or yes["c"],
            "a:1 OR b:1 c:1": yes["a"] or (yes["b"] and yes["c"]),
            "(a:1 OR b:1) AND c:1": (yes["a"] or yes["b"]) and yes["c"],
            "a:1 AND (b:1 OR c:1)": yes["a"] and (yes["b"] or yes["c"]),
            "a:1(b:1 OR c:1)": yes["a"] and (yes["b"] or yes["c"]),
            "((a:1))AND((b:1)OR(c:1))": yes["a"] and (yes["b"] or yes["c"]),
            "  a:1\tAND\nb:1  AND c:1 ": all(yes.values()),
        }.items():
            assert found(search, a=a, b=b, c=c) == expected, search

    def test_long(self) -> None:
        """Thousands of conditions are read in one go."""
        assert found(" OR ".join(f"a:{number}" for number in range(20_000)), a="19999")


class TestRefusal:
    """What is not understood is 400, and says what."""

    @pytest.mark.parametrize(
        ("search", "why"),
        [
            ("", "a condition is missing at the end"),
            ("  ", "a condition is missing at the end"),
            ("a:1 AND", "a condition is missing at the end"),
            ("a:1 OR ", "a condition is missing at the end"),
            ("dog", "'dog' is not of the form key:value"),
            (":dog", "':dog' is not of the form key:value"),
            ("label:", "'label:' is not of the form key:value"),
            ("a: 1", "'a:' is not of the form key:value"),
            ("a:>=", "'a:>=' is not of the form key:value"),
            ("OR a:1", "'OR' is not of the form key:value"),
            ("a:1 AND OR b:1", "'OR' is not of the form key:value"),
            ("NOT a:1", "'NOT' is not of the form key:value"),
            ("()", "')' is not of the form key:value"),
            ("(a:1", "a parenthesis is not closed"),
            ("a:1)", "')' is not expected"),
            ('a:"b', "a quote is not closed"),
            ('a:b"', "a quote is not closed"),
            ("(" * (DEPTH + 1) + "a:1" + ")" * (DEPTH + 1), f"parentheses are nested deeper than {DEPTH} levels"),
            ("(" * 100_000, f"parentheses are nested deeper than {DEPTH} levels"),
        ],
    )
    def test_reason(self, search: str, why: str) -> None:
        """In words that name the place."""
        assert complaint(search) == why

    def test_deepest(self) -> None:
        """Parentheses side by side do not count as nested."""
        assert found("(" * DEPTH + "a:1" + ")" * DEPTH, a="1")
        assert found("(a:1)" * (DEPTH + 1), a="1")

    @settings(max_examples=300)
    @given(st.text(st.sampled_from('ab:"*()<>= \n') | st.characters(exclude_categories=["Cs"]), max_size=30))
    def test_any_text_is_read_or_refused(self, search: str) -> None:
        """And what is read can be matched."""
        try:
            parsed = parse_search(search)
        except BadRequest:
            return
        assert parsed.matches(lambda key: iter([key, "1"])) in {True, False}


class TestAttributeValues:
    """Values inside free JSON."""

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"k": "x"}, ["x"]),
            ({"k": 1, "other": 2}, ["1"]),
            ({"k": [1, "x", [2], {"k": 3}]}, ["1", "x", "3"]),
            ({"a": [{"b": {"k": "deep"}}, {"k": "er"}]}, ["deep", "er"]),
            ({"k": {"k": "x"}}, ["x"]),
            ({"k": True, "a": {"k": False}}, ["true", "false"]),
            ({"k": None}, ["null"]),
            ({"k": 1.5}, ["1.5"]),
            ([], []),
            ("k", []),
            (None, []),
        ],
    )
    def test_wherever_the_key_stands(self, value: Any, expected: list[str]) -> None:
        """In objects and arrays of any depth, written as JSON writes them."""
        assert list(attribute_values(value, "k")) == expected
