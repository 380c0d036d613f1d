"""From what a client sent to typed values."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Optional, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest
from abeja_emulator.platform import Platform
from abeja_emulator.transports.in_process import InProcess
from abeja_emulator.wire.content import Form, Multipart, Upload
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.operations import Operation
from abeja_emulator.wire.validation import DEPTH, body_of, metadata_of, query_of
from tests.platform_calls import LARGE, files
from tests.services.wire import Wire, check_refusal
from tests.wire.test_multipart_form import FORM, part

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.store.store import Store
    from abeja_emulator.wire.messages import Spool


class Query(msgspec.Struct):
    """A query."""

    limit: int = 10
    archived: bool = False
    q: Optional[str] = None


class Body(msgspec.Struct):
    """A body."""

    name: str
    props: Any = None


def no_spool() -> Spool:
    """Refuse to spool: no form is expected."""
    raise AssertionError


def query(text: str) -> Any:
    """Read a query."""
    return query_of(Operation("do_it", "GET", "/", query=Query), text)


def body(shape: Any, data: bytes) -> Any:
    """Read a JSON body."""
    return body_of(Operation("do_it", "POST", "/", body=shape), Request("POST", "/", body=data), no_spool)


class TestQuery:
    """The query string."""

    def test_types(self) -> None:
        """Numbers, truth and percent-encoded text."""
        assert query("limit=5&archived=true&q=a%3A1+b%20%E7%8A%AC") == Query(5, archived=True, q="a:1 b 犬")

    def test_defaults(self) -> None:
        """What is not sent has its default; what is not declared is ignored."""
        assert query("") == query("unknown=1") == query("&&") == Query()

    def test_the_last_of_repeated_names_wins(self) -> None:
        """As in most servers."""
        assert query("limit=1&limit=2").limit == 2

    def test_an_empty_value_is_a_value(self) -> None:
        """It is not the same as none."""
        assert query("q=") == Query(q="")

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("limit=ten", "Expected `int`, got `str` - at `$.limit`"),
            ("limit=", "Expected `int`"),
            ("limit=1.5", "Expected `int`"),
            ("archived=maybe", "Expected `bool`, got `str` - at `$.archived`"),
        ],
    )
    def test_refused(self, text: str, why: str) -> None:
        """The refusal names the operation, what was expected, and where."""
        with pytest.raises(BadRequest) as refused:
            query(text)
        assert refused.value.description.startswith("the query of do_it is wrong: ")
        assert why in refused.value.description

    def test_not_declared(self) -> None:
        """An operation without a query ignores what is sent."""
        assert query_of(Operation("do_it", "GET", "/"), "limit=ten") is None

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """Nothing worse than 400 comes out."""
        with suppress(BadRequest):
            assert isinstance(query(text), Query)


class TestJson:
    """A JSON body."""

    def test_typed(self) -> None:
        """Text of any language, free JSON, and keys that are not declared."""
        assert body(Body, '{"name": "犬", "props": {"a": [1, null]}, "more": 1}'.encode()) == Body(
            "犬", {"a": [1, None]}
        )

    def test_not_declared(self) -> None:
        """The CLI sends `Content-Type: application/json` with nothing, or anything, behind it."""
        assert body(None, b"{") is None

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "wrong: Object missing required field `name`"),
            (b"{}", "wrong: Object missing required field `name`"),
            (b"null", "wrong: Expected `object`, got `null`"),
            (b'{"name": 1}', "wrong: Expected `str`, got `int` - at `$.name`"),
            (b'{"name": "a"', "not JSON: Input data was truncated"),
            (b'{"name": "\xff"}', "not JSON: "),
            (b"name=a", "not JSON: "),
            (b'{"name": "a"} x', "not JSON: "),
            (b'{"name": "a", "props": NaN}', "not JSON: "),
            (b'{"name": "a", "props": 1e999}', "Number out of range"),
            (b'{"name": "\xed\xa0\x80"}', "not JSON: "),
            (b'{"name": "a", "props": ' + b"1" * 10_000 + b"}", "out of range"),
        ],
    )
    def test_refused(self, data: bytes, why: str) -> None:
        """The refusal names the operation, what was expected, and where."""
        with pytest.raises(BadRequest) as refused:
            body(Body, data)
        assert refused.value.description.startswith("the body of do_it is ")
        assert why in refused.value.description

    @pytest.mark.parametrize(
        ("text", "lone"),
        [
            (r"\ud800", r"\ud800"),
            (r"\uDC00 and more", r"\uDC00"),
            (r"\ud83d\ude00 \ud83d", r"\ud83d"),
            (r"\ud83d\ud83d\ude00", r"\ud83d"),
            (r"\ude00\ud83d", r"\ude00"),
            (r"\\\ud83d", r"\ud83d"),
            (r"\ud83d\\ude00", r"\ud83d"),
        ],
    )
    @pytest.mark.parametrize("where", ['{"name": "a", "props": "%s"}', '{"name": "%s"}', '{"name": "a", "%s": 1}'])
    def test_half_a_character(self, where: str, text: str, lone: str) -> None:
        """`json.dumps` writes it, and no reader of UTF-8 can have it: the refusal names the half that stands alone."""
        with pytest.raises(BadRequest) as refused:
            body(Body, (where % text).encode())
        assert refused.value.description.startswith(
            f"the body of do_it is not JSON: it has the escape {lone}, a lone surrogate: half a character is no text"
        )

    @pytest.mark.parametrize("data", [rb'{"name": "\ud83d', rb'{"name": "\ud800" "b"}', rb'{"name": "\\ud800" x'])
    def test_half_a_character_is_not_blamed_for_anything_else(self, data: bytes) -> None:
        """What is no JSON without it either, such as a body that was cut off, is told as it is."""
        with pytest.raises(BadRequest) as refused:
            body(Body, data)
        assert "surrogate:" not in refused.value.description

    def test_what_only_looks_like_half_a_character(self) -> None:
        """Whole characters, and a backslash that is itself escaped."""
        assert body(Body, rb'{"name": "\ud83d\ude00\\ud800"}') == Body("😀\\ud800")

    @given(st.text(st.characters(codec=None) | st.sampled_from("\ud800\udbff\udc00\udfff\\")))
    def test_any_text_is_read_or_its_half_characters_named(self, text: str) -> None:
        """As Python's own JSON writes it."""
        data = json.dumps({"name": text}).encode()
        # Two halves side by side are a character for whoever reads them.
        whole = json.loads(data)["name"]
        if any("\ud800" <= each <= "\udfff" for each in whole):
            with pytest.raises(BadRequest, match="a lone surrogate: half a character is no text"):
                body(Body, data)
        else:
            assert body(Body, data) == Body(whole)

    def test_over_http(self) -> None:
        """A statistic of a handler that cut a text in the middle of an emoji."""
        with Platform() as platform, InProcess(platform):
            path = "/organizations/{org}/training/definitions/d/jobs/1/statistics"
            refusal = Wire(platform)("POST", path, json={"statistics": {"note": "\ud83d", "loss": 0.5}})
        check_refusal(
            refusal, 400, "update_statistics", r"\ud83d, a lone surrogate", "send both halves or leave it out"
        )

    def test_one_of_several_shapes(self) -> None:
        """One object or an array of them; the refusal counts in the array."""
        shape = Union[Body, list[Body]]
        assert body(shape, b'{"name": "a"}') == Body("a")
        assert body(shape, b'[{"name": "a"}]') == [Body("a")]
        with pytest.raises(BadRequest, match=r"at `\$\[1\]\.name`"):
            body(shape, b'[{"name": "a"}, {"name": 2}]')

    @pytest.mark.parametrize(
        ("opening", "closing", "levels"),
        [(b"[", b"]", DEPTH), (b'{"a":', b"}", DEPTH), (b'[{"a":', b"}]", DEPTH // 2)],
    )
    def test_depth(self, opening: bytes, closing: bytes, levels: int) -> None:
        """JSON that would make a later reader run out of stack is refused; what is as deep as allowed is read."""
        deepest = opening * levels + b"1" + closing * levels
        assert body(Any, deepest) == json.loads(deepest)
        for more in (levels + 1, 100_000):
            with pytest.raises(BadRequest, match=f"the body of do_it is nested deeper than {DEPTH} levels"):
                body(Any, opening * more + b"1" + closing * more)

    def test_wide_is_not_deep(self) -> None:
        """Neither many arrays side by side nor brackets in text count."""
        wide = [[{"a": "]["}] for _ in range(5 * DEPTH)]
        assert body(Any, json.dumps(wide).encode()) == wide
        text = {'\\"[': "[{" * 5 * DEPTH, "b": '"' + "[" * 5 * DEPTH}
        assert body(Any, json.dumps(text).encode()) == text

    @given(
        st.recursive(
            st.none() | st.text('[]{}"\\,:a'), lambda inner: st.lists(inner) | st.dictionaries(st.text('"\\[{'), inner)
        )
    )
    def test_any_json_is_read_as_it_is(self, value: Any) -> None:
        """Whatever its text looks like, with more brackets than the depth that is allowed."""
        padded = [value, [[]] * DEPTH]
        assert body(Any, json.dumps(padded).encode()) == padded


class TestUpload:
    """A raw body."""

    def test_as_sent(self) -> None:
        """Content, size, type, and the metadata headers, names lower-cased but otherwise as sent."""
        headers = [
            ("Content-Type", "image/PNG"),
            ("X-ABEJA-Meta-label_ID", "%E7%8A%AC"),
            ("x-abeja-meta-label-id", "2"),
            ("x-abeja-sys-meta-organizationid", "1"),
            ("X-Other", "3"),
        ]
        upload = body_of(
            Operation("do_it", "POST", "/", body=Upload), Request("POST", "/", headers=headers, body=b"{"), no_spool
        )
        metadata = {"x-abeja-meta-label_id": "%E7%8A%AC", "x-abeja-meta-label-id": "2"}
        assert upload == Upload(b"{", 1, "image/PNG", metadata)

    def test_without_anything(self) -> None:
        """Nothing sent is an empty upload."""
        assert metadata_of(Request("POST", "/")) == {}
        operation = Operation("do_it", "POST", "/", body=Upload)
        assert body_of(operation, Request("POST", "/"), no_spool) == Upload(b"", 0)


class TestForm:
    """A form: one file, and parameters in JSON."""

    OPERATION = Operation("do_it", "POST", "/", body=Multipart("source", Body))

    def form(self, store: Store, *parts: bytes) -> Any:
        """Read a form."""
        request = Request("POST", "/", headers=[("Content-Type", FORM)], body=b"".join(parts) + b"--b--")
        return body_of(self.OPERATION, request, store.blobs.spool)

    def test_typed(self, store: Store) -> None:
        """In either order."""
        file = part('form-data; name="source"; filename="a.zip"', b"zip", "Content-Type: application/zip")
        parameters = part("form-data; name=parameters", b'{"name": "a"}', "Content-Type: application/json")
        expected = Form(Upload(b"zip", 3, "application/zip", file_name="a.zip"), Body("a"))
        assert self.form(store, file, parameters) == self.form(store, parameters, file) == expected

    def test_metadata_is_that_of_the_request(self) -> None:
        """As for a body without a form; headers of a part are none."""
        body = part('form-data; name="source"; filename="a"', b"x", "X-Abeja-Meta-Part: no")
        headers = [("Content-Type", FORM), ("X-Abeja-Meta-Label", "%E7%8A%AC"), ("X-Other", "no")]
        request = Request(
            "POST", "/", headers=headers, body=body + part("form-data; name=parameters", b'{"name": "a"}') + b"--b--"
        )
        with Platform() as platform:
            form = body_of(self.OPERATION, request, platform.spool)
        assert form.file.metadata == {"x-abeja-meta-label": "%E7%8A%AC"}

    @pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
    def test_as_json(self, store: Store, kind: str) -> None:
        """Where an operation takes that, the file may come in base64 among the parameters."""
        operation = Operation("do_it", "POST", "/", body=Multipart("source", Body, encoded="source_base64"))
        request = Request("POST", "/", headers=[("Content-Type", kind)], body=b'{"name": "a", "source_base64": "emlw"}')
        assert body_of(operation, request, store.blobs.spool) == Form(Upload(b"zip", 3), Body("a"))
        with pytest.raises(BadRequest, match="multipart/form-data"):
            body_of(self.OPERATION, request, store.blobs.spool)

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b'{"name": "a"}', "lacks source_base64"),
            (b'{"name": "a", "source_base64": ""}', "lacks source_base64"),
            (b'{"name": "a", "source_base64": "***"}', "source_base64 of do_it is no base64"),
            (b'{"name": "a", "source_base64": 1}', "source_base64 of do_it is no base64"),
            (b'{"source_base64": "emlw"}', "missing required field `name`"),
            (b"[]", "Expected `object`"),
            (b"{", "is not JSON"),
        ],
    )
    def test_json_that_is_refused(self, store: Store, data: bytes, why: str) -> None:
        """What is wrong is said of the field."""
        operation = Operation("do_it", "POST", "/", body=Multipart("source", Body, encoded="source_base64"))
        request = Request("POST", "/", headers=[("Content-Type", "application/json")], body=data)
        with pytest.raises(BadRequest, match=why):
            body_of(operation, request, store.blobs.spool)

    def test_large_file_stays_open_and_nothing_else(self, store: Store, disk: Path) -> None:
        """Parameters and parts that are not asked for may be large too; their files are gone."""
        parameters = b'{"name": "%s"}' % (b"a" * LARGE * 2)
        form = self.form(
            store,
            part("form-data; name=more", b"x" * LARGE * 2),
            part("form-data; name=parameters", parameters),
            part("form-data; name=source", b"y" * LARGE * 2),
        )
        assert form.parameters == Body("a" * LARGE * 2)
        assert len(files(disk)) == 1
        assert form.file.content.read() == b"y" * LARGE * 2
        form.file.close()
        assert files(disk) == []

    @pytest.mark.parametrize(
        ("parts", "why"),
        [
            ({"parameters": b"{}"}, "the form of do_it lacks the part 'source'; it has ['parameters']"),
            ({"source": b"x" * LARGE * 2}, "the form of do_it lacks the part 'parameters'; it has ['source']"),
            ({"a": b"x" * LARGE * 2, "b": b""}, "the form of do_it lacks the part 'source'; it has ['a', 'b']"),
            (
                {"source": b"x" * LARGE * 2, "parameters": b"{}"},
                "the part 'parameters' of do_it is wrong: Object missing",
            ),
            ({"source": b"x" * LARGE * 2, "parameters": b"{"}, "the part 'parameters' of do_it is not JSON: "),
        ],
    )
    def test_refused(self, store: Store, disk: Path, parts: dict[str, bytes], why: str) -> None:
        """The refusal names the part, and the files of all of them are gone."""
        with pytest.raises(BadRequest) as refused:
            self.form(store, *(part(f"form-data; name={name}", content) for name, content in parts.items()))
        assert refused.value.description.startswith(why)
        assert files(disk) == []
