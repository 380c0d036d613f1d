"""Whatever is sent, the answer is one that the operation may give, and never a defect of ours."""

from __future__ import annotations

import io
import json
import os
import string
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.platform import Platform
from abeja_emulator.services.catalogue import all_operations
from abeja_emulator.wire.content import Download, Empty, FilesForm, Multipart, Upload
from abeja_emulator.wire.messages import Request
from abeja_emulator.wire.operations import Access, Base
from tests.populated import Populated
from tests.services.wire import operations
from tests.wire.shapes import JSON, TEXT, shaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.wire.messages import Response
    from abeja_emulator.wire.operations import Operation

#: How many calls are made up; `make fuzz` wants more.
EXAMPLES = int(os.environ.get("ABEJA_TEST_EXAMPLES", "800"))

EMULATED = [operation for operation in all_operations() if operation.rule is not None]


@pytest.fixture(scope="module")
def populated() -> Iterator[Populated]:
    """One for the module: every example is undone."""
    with Platform() as platform:
        yield Populated(platform)


def archive() -> bytes:
    """Return a small source archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as writer:
        writer.writestr("m.py", "def h(context): pass")
    return buffer.getvalue()


def seldom(strategy: st.SearchStrategy[Any], usual: Any) -> st.SearchStrategy[Any]:
    """Draw what is usual, and sometimes something else."""
    return st.integers(0, 7).flatmap(lambda number: strategy if number == 3 else st.just(usual))


def form(shape: Multipart, draw: Any) -> tuple[str, bytes]:
    """Return the content type and the body of a form, whole or not quite."""
    source = draw(seldom(st.binary(max_size=30), archive()))
    parameters = json.dumps(draw(st.one_of(shaped(shape.parameters), st.just({"handler": "m:h"}), JSON))).encode()
    parts = [
        b'Content-Disposition: form-data; name="%s"; filename="x"\r\nContent-Type: a/b\r\n\r\n%s' % (name, content)
        for name, content in ((shape.file.encode(), source), (b"parameters", parameters))
    ]
    lines = [b"--b\r\n" + part + b"\r\n" for part in draw(st.permutations(parts))]
    body = b"".join(lines[draw(seldom(st.just(1), 0)) :]) + b"--b--\r\n"
    return "multipart/form-data; boundary=b", body[: draw(seldom(st.integers(0, len(body)), len(body)))]


def body_for(operation: Operation, draw: Any) -> tuple[str | None, bytes]:
    """Return a content type and a body, near to what the operation takes or far from it."""
    if isinstance(operation.body, Multipart) and draw(seldom(st.just(False), True)):  # noqa: FBT003
        return form(operation.body, draw)
    if operation.body is None or operation.body is Upload or isinstance(operation.body, (Multipart, FilesForm)):
        content_type = draw(st.sampled_from([None, "text/plain", "multipart/form-data; boundary=", "é;;=\xff"]))
        return content_type, draw(st.binary(max_size=50))
    content = draw(st.one_of(shaped(operation.body), shaped(operation.body), JSON, st.none()))
    written = json.dumps(content, ensure_ascii=draw(st.booleans())).encode()
    raw = st.sampled_from([b"", b"{", b"\xff", b"[" * 5000, b'{"a":' * 5000, b'"\\ud800"', b"1" * 5000, b"1e999"])
    return "application/json", draw(st.one_of(st.just(written), st.just(written), raw))


@st.composite
def calls(draw: Any) -> tuple[Operation, dict[str, Any], str, list[tuple[str, str]], bytes]:
    """Draw an operation, a choice of segments, a query, headers and a body."""
    operation = draw(st.sampled_from(EMULATED))
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    segments = {name: draw(seldom(seldom(TEXT, "1"), None)) for name in names}
    pairs: list[tuple[str, str]] = []
    if operation.query is not None:
        pairs = [
            (field.name, draw(TEXT))
            for field in msgspec.structs.fields(operation.query)
            if draw(seldom(st.just(True), False))  # noqa: FBT003
        ]
    query = draw(seldom(st.text(string.printable, max_size=20), urlencode(pairs)))
    content_type, body = body_for(operation, draw)
    headers = [("Content-Type", content_type)] if content_type is not None else []
    headers.append(("X-ABEJA-meta-filename", draw(TEXT).encode().decode("latin-1")))
    anything = st.text(st.characters(max_codepoint=255), max_size=20)
    headers.append(("Authorization", draw(seldom(seldom(anything, "Basic é"), "Bearer anything"))))
    return operation, segments, query, headers, body


def target_of(populated: Populated, operation: Operation, segments: dict[str, Any], query: str, draw: Any) -> str:
    """Return the raw target; a segment that was not chosen is one that exists."""
    path, prefix = [], ""
    for part in operation.path.split("/"):
        prefix = f"{prefix}/{part}" if part else prefix
        chosen: str | None = segments.get(part[1:-1], part)
        path.append(draw(st.sampled_from(populated.values.get(prefix, ["1"]))) if chosen is None else chosen)
    if operation.access is Access.SIGNATURE and draw(seldom(st.just(False), True)):  # noqa: FBT003
        signed, _ = populated.platform.world.signer.sign(operation.method, *path[2:])
        return signed
    return "/".join(quote(segment, safe="") for segment in path) + "?" + query


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(call=calls(), data=st.data())
def test_no_input_finds_a_defect(populated: Populated, call: Any, data: st.DataObject) -> None:
    operation, segments, query, headers, body = call
    host = "api.abeja.io" if operation.base is Base.API else "default-org.api.abeja.io"
    target = target_of(populated, operation, segments, query, data.draw)
    snapshot = populated.platform.snapshot()
    try:
        response = populated.platform.handle(Request(operation.method, target, host=host, headers=headers, body=body))
        check(populated.platform, response)
    finally:
        snapshot.rollback()


def check(platform: Platform, response: Response) -> None:
    """Check that the operation that was found declares this answer; none is found for an empty segment."""
    entry = platform.journal[-1]
    content = response.read()
    called = None if entry.operation is None else operations()[entry.operation]
    assert response.status in ({404, 405} if called is None else {200, *called.errors}), (entry, content)
    if called is None or response.status != 200:
        assert set(json.loads(content)) <= {"error", "error_description", "error_detail"}
    elif called.answer not in {Download, Empty}:
        msgspec.json.decode(content, type=called.answer, strict=True)
