"""Values of the shapes that operations declare, for tests that send anything at all."""

from __future__ import annotations

import datetime
import functools
import inspect
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

#: Text of all kinds: of the platform's own words, of numbers out of bounds, of what breaks naive readers.
TEXT = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "1",
            "-1",
            "1e3",
            "9" * 25,
            "9" * 5000,
            "null",
            "true",
            "\0",
            "\ufffd",
            "名前",
            "..",
            "a/b",
            "%2F",
            "'; --",
            "1day",
            "20240102",
            "00010101",
            "99991231",
            "Asia/Tokyo",
            "../etc",
            "filename",
            "-uploaded_at",
            "Stopped",
            "Active",
            "datalake://1/2",
            "cpu-1",
            "abeja-inc/all-cpu:19.10",
            'a:1 AND (b:"x*" OR c:>=2)',
            "(" * 200,
            "x:" + "*a" * 50,
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)

NUMBERS = st.one_of(st.integers(), st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**30]))

#: Keys of objects: those the rules look at among them.
KEYS = st.one_of(st.sampled_from(["data_uri", "stages", "x-abeja-meta-a", "a"]), TEXT)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)

#: Times, in zones and years that do not fit into every calendar.
MOMENTS = st.builds(
    "{}{}".format,
    st.datetimes().map(datetime.datetime.isoformat),
    st.sampled_from(["", "Z", "+09:00", "-23:59", "+23:59"]),
)

_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: NUMBERS,
    bool: st.booleans(),
    type(None): st.none(),
    datetime.datetime: st.one_of(MOMENTS, TEXT),
}


@functools.cache
def shaped(shape: Any) -> st.SearchStrategy[Any]:
    """Return JSON values of a declared type."""
    origin, arguments = get_origin(shape), get_args(shape)
    if inspect.isclass(shape) and issubclass(shape, msgspec.Struct):
        return _struct(shape)
    if origin is Union:
        return st.one_of(*(shaped(argument) for argument in arguments if argument is not msgspec.UnsetType))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(shaped(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(KEYS, shaped(arguments[1]), max_size=3)
    return _SCALARS.get(shape, JSON)


def _struct(shape: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    hints = get_type_hints(shape)
    values = {field.name: shaped(hints[field.name]) for field in msgspec.structs.fields(shape)}
    required = {field.name for field in msgspec.structs.fields(shape) if field.required}
    return st.fixed_dictionaries(
        {name: values[name] for name in required},
        optional={name: value for name, value in values.items() if name not in required},
    )
