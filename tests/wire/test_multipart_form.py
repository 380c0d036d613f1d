"""Reading `multipart/form-data`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest
from abeja_emulator.store.blobs import SpooledFile
from abeja_emulator.wire import multipart_form
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.multipart_form import read_form, read_parts
from tests.platform_calls import LARGE, files

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.store.store import Store
    from abeja_emulator.wire.content import Upload

FORM = "multipart/form-data; boundary=b"

#: Fixtures that any number of examples may share.
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def part(disposition: str, content: bytes = b"content", *headers: str) -> bytes:
    """Return a part with its boundary."""
    lines = [f"Content-Disposition: {disposition}", *headers]
    return b"--b\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


def form(store: Store, *parts: bytes, content_type: str | None = FORM, end: bytes = b"--b--\r\n") -> dict[str, Upload]:
    """Read a form of these parts."""
    headers = [] if content_type is None else [("Content-Type", content_type)]
    return read_form(Request("POST", "/", headers=headers, body=b"".join(parts) + end), store.blobs.spool)


def content(upload: Upload) -> bytes:
    """Return the content of a part, and close it."""
    if isinstance(upload.content, bytes):
        return upload.content
    with upload.content as stream:
        return stream.read()


class TestParts:
    """What a form consists of."""

    @pytest.mark.parametrize("name", ['"source_code"', "source_code"], ids=["quoted", "unquoted"])
    def test_name(self, store: Store, name: str) -> None:
        """Both ways of writing it are in use."""
        parts = form(store, part(f"form-data; name={name}"))
        assert content(parts["source_code"]) == b"content"

    @pytest.mark.parametrize("name", ["a b", "名前", "a;b", "a=b", ""])
    def test_any_quoted_name(self, store: Store, name: str) -> None:
        """In quotes, separators are text."""
        assert set(form(store, part(f'form-data; name="{name}"'))) == {name}

    @pytest.mark.parametrize("file_name", ["train.py", "a/b.zip", "../../etc/passwd", "犬.zip", "a b;c=d.zip", ""])
    def test_file_name_is_only_a_name(self, store: Store, file_name: str) -> None:
        """It is handed on as it is: nothing is written under it."""
        parts = form(store, part(f'form-data; name="f"; filename="{file_name}"', b"x", "Content-Type: a/b"))
        assert (parts["f"].file_name, parts["f"].content_type, parts["f"].size) == (file_name, "a/b", 1)

    def test_without_file_name_and_type(self, store: Store) -> None:
        """A part need not say more than its name."""
        upload = form(store, part("form-data; name=p"))["p"]
        assert (upload.file_name, upload.content_type) == (None, None)

    def test_any_order(self, store: Store) -> None:
        """Parts are known by their names, not by their places."""
        one, other = part("form-data; name=a", b"1"), part("form-data; name=b", b"2")
        for parts in (form(store, one, other), form(store, other, one)):
            assert {name: content(upload) for name, upload in parts.items()} == {"a": b"1", "b": b"2"}

    def test_one_name_twice(self, store: Store, disk: Path) -> None:
        """The last one wins, and nothing is left of the first."""
        parts = form(store, part("form-data; name=a", b"1" * LARGE * 2), part("form-data; name=a", b"2"))
        assert content(parts["a"]) == b"2"
        assert files(disk) == []

    @pytest.mark.parametrize("body", [b"", b"\r\n", b"--b", b"\r\n--", b"--b--", b"\r\n--a" * 3, b"\0" * 10])
    def test_content_that_looks_like_a_boundary(self, store: Store, body: bytes) -> None:
        """Only the boundary itself ends a part."""
        assert content(form(store, part("form-data; name=a", body))["a"]) == body

    @SHARED
    @given(
        contents=st.lists(st.binary(max_size=3 * LARGE), min_size=1, max_size=3),
        piece=st.integers(1, 300),
        data=st.data(),
    )
    def test_however_it_is_cut(self, store: Store, contents: list[bytes], piece: int, data: st.DataObject) -> None:
        """What requests encodes is read back, in memory or from a stream, in pieces of any size."""
        sent = {f"part{number}": (f"{number}.bin", body, "a/b") for number, body in enumerate(contents)}
        prepared = requests.Request("POST", "https://api.abeja.io", files=sent).prepare()
        body = prepared.body
        assert isinstance(body, bytes)
        headers = [("content-type", prepared.headers["Content-Type"])]
        stream: Any = io.BytesIO(body) if data.draw(st.booleans()) else body
        request = Request("POST", "/", headers=headers, body=stream, length=len(body))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(multipart_form, "PIECE", piece)
            parts = read_form(request, store.blobs.spool)
        assert [upload.size for upload in parts.values()] == [len(each) for each in contents]
        assert [content(upload) for upload in parts.values()] == contents

    def test_large_part_goes_to_disk(self, store: Store, disk: Path) -> None:
        """And is there until it is closed."""
        large = bytes(range(LARGE * 2))
        parts = form(store, part("form-data; name=a", large), part("form-data; name=b", b"small"))
        assert isinstance(parts["a"].content, SpooledFile)
        assert parts["b"].content == b"small"
        assert len(files(disk)) == 1
        assert content(parts["a"]) == large
        parts["b"].close()
        assert files(disk) == []

    def test_as_sent(self, store: Store) -> None:
        """All parts, in their order, several of one name too, with what else their headers say."""
        body = b"".join(
            (
                part("form-data; name=b", b"1", "Content-Type: Text/Plain; charset=utf-8", "x-Other: 犬"),
                part("form-data; name=a", b"2"),
                part("form-data; name=b", b"3"),
                b"--b--",
            )
        )
        parts = read_parts(Request("POST", "/", headers=[("Content-Type", FORM)], body=body), store.blobs.spool)
        assert [(each.name, each.upload.content) for each in parts] == [("b", b"1"), ("a", b"2"), ("b", b"3")]
        assert parts[0].headers == (
            ("Content-Disposition", "form-data; name=b"),
            ("Content-Type", "Text/Plain; charset=utf-8"),
            ("X-Other", "犬"),
        )
        assert parts[0].upload.content_type == "text/plain"


class TestRefusal:
    """What is no form is 400, and nothing of it is kept."""

    @pytest.mark.parametrize(
        ("content_type", "why"),
        [
            (None, "without a type"),
            ("", "without a type"),
            ("application/json", "not application/json"),
            ("multipart/form-data", "with a boundary"),
            ("multipart/mixed; boundary=b", "not multipart/mixed"),
            ("multipart/form-data; boundary=", "with a boundary"),
            ('multipart/form-data; boundary=""', "with a boundary"),
        ],
    )
    def test_type(self, store: Store, content_type: str | None, why: str) -> None:
        """The refusal says what was expected and what came."""
        with pytest.raises(BadRequest, match=why):
            form(store, part("form-data; name=a"), content_type=content_type)

    def test_type_in_any_case(self, store: Store) -> None:
        """Names of types and of their options have no case."""
        assert set(form(store, part("form-data; name=a"), content_type='Multipart/Form-Data; Boundary="b"')) == {"a"}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"no form at all",
            part("form-data"),
            part("form-data; filename=x"),
            b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n",
            b"--b\r\nno header\r\n\r\nx\r\n",
            b"--b\r\n\xff\xff: x\r\n\r\nx\r\n",
            b"--b\nContent-Disposition: form-data; name=a\n\nx\n",
            b"--b\r\nX: " + b"x" * 10_000,
        ],
    )
    def test_not_well_formed(self, store: Store, disk: Path, body: bytes) -> None:
        """After a large part that was, which is gone then."""
        with pytest.raises(BadRequest, match="not well-formed"):
            form(store, part("form-data; name=large", b"x" * LARGE * 2), body, end=b"")
        assert files(disk) == []

    @pytest.mark.parametrize("spill", [LARGE, 10**9], ids=["disk", "memory"])
    def test_cut_short_anywhere(self, store: Store, disk: Path, monkeypatch: pytest.MonkeyPatch, spill: int) -> None:
        """Wherever a form ends too early it is refused, and leaves neither a file nor an open one."""
        monkeypatch.setattr("abeja_emulator.store.blobs.SPILL", spill)
        whole = part("form-data; name=a", b"1" * LARGE * 2) + part("form-data; name=b", b"2" * LARGE * 2) + b"--b--"
        for length in range(len(whole)):
            request = Request("POST", "/", headers=[("Content-Type", FORM)], body=whole[:length])
            with pytest.raises(BadRequest, match="not well-formed"):
                read_form(request, store.blobs.spool)
            assert files(disk) == []

    def test_a_defect_while_reading(self, store: Store, disk: Path) -> None:
        """An error that is nobody's bad request is not dressed up as one, and leaves nothing either."""

        class Broken(io.BytesIO):
            def read(self, _: int | None = -1, /) -> bytes:
                piece = super().read(LARGE * 3)
                if not piece:
                    raise OSError("broken")  # noqa: EM101
                return piece

        body = part("form-data; name=a", b"1" * LARGE * 4) + part("form-data; name=b", b"2" * LARGE * 4)
        request = Request("POST", "/", headers=[("Content-Type", FORM)], body=Broken(body), length=len(body))
        with pytest.raises(OSError, match="broken"):
            read_form(request, store.blobs.spool)
        assert files(disk) == []
