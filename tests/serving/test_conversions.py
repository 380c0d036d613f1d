"""What becomes of each answer of a handler: in process and in a child it is the same, byte by byte."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.serving.in_process import InProcessModel
from abeja_emulator.serving.messages import ModelAnswer, ModelContent, ModelRequest
from tests.serving.models import ITERATOR, RUNTIME, ModelCalling, Served, asking, json_of, loaded, outcome, start

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("abejaruntime36.version", reason="the published runtime is not installed")

VERSION = {"x-abeja-sys-meta-runtime-version": "1.1.1"}
FAILED = ModelAnswer(status=500, content_type="application/json", error="unexpected error occurred")
CLOSED = "the runtime closed the connection without an answer"
DAMAGED = "the runtime's answer has "


def said(body: bytes, **others: Any) -> ModelAnswer:
    """Return an answer as the runtime gives it when nothing else was said."""
    return ModelAnswer(**{"content_type": "text/plain", "metadata": VERSION, **others}, body=body)


#: Expression → answer, or how the text begins that says why there is none (behaviour.md, 2.3, and what was measured).
ROWS: dict[str, ModelAnswer | str] = {
    "{'content': {'a': 1}}": said(b'{"a": 1}'),
    "{'content': 7}": said(b"7"),
    "{'content': 'z\\u00fcrich'}": said("zürich".encode()),
    "{'content': b'abc'}": said(b"97\n98\n99"),
    "{'content': [b'abc']}": said(b"abc"),
    "{'content': [b'abc', bytearray(b'def')]}": said(b"abcdef"),
    "{'content': array.array('B', [1, 2])}": said(b"1\n2"),
    "{'content': [array.array('B', [1, 2])]}": said(b"\1\2"),
    "{'content': io.BytesIO(b'a\\nb')}": said(b"a\nb"),
    "{'content': [{'a': 1}, {'b': 2}]}": said(b'{"a": 1}\n{"b": 2}'),
    "{'content': [1, 2.5]}": said(b"1\n2.5"),
    "{'content': ['a', 'b', 1]}": said(b"a\nb\n1"),
    "{'content': ({'n': n} for n in range(2))}": said(b'{"n": 0}\n{"n": 1}'),
    "{'content': []}": said(b""),
    "{'content': ''}": said(b""),
    "{'content': None}": said(b""),
    "{}": said(b""),
    "{'content': [[[1, 2], [3, 4]]]}": said(b'{"1": 2, "3": 4}'),
    "{'content': [['ab', 'cd']]}": said(b'{"a": "b", "c": "d"}'),
    "{'content': [[[1, 2, 3]]]}": FAILED,
    "{'content': [[1, 2, 3]]}": said(b"[1, 2, 3]"),
    "{'content_type': 'text/csv', 'content': [{'a': 1}, {'a': 2}]}": said(b"a\r\n1\r\n2\r\n", content_type="text/csv"),
    "{'content_type': 'Text/CSV; header=present', 'content': [[('a', 1)]]}": said(
        b"a\r\n1\r\n", content_type="Text/CSV; header=present"
    ),
    "{'content_type': '', 'content': 1}": FAILED,
    "{'content_type': None, 'content': 1}": FAILED,
    "{'content_type': 'application/json', 'content': [1]}": said(b"1", content_type="application/json"),
    "{'content_type': 'multipart/form-data', 'content': 'x'}": said(b"x", content_type="multipart/form-data"),
    "{'content': float('nan')}": said(b"NaN"),
    "{'content': datetime.datetime(2020, 1, 2)}": said(b'"2020-01-02T00:00:00"'),
    "{'content': numpy.float64(0.5)}": said(b"0.5"),
    "{'content': {'a': numpy.arange(3), 'b': numpy.int64(2)}}": said(b'{"a": [0, 1, 2], "b": 2}'),
    "{'content': [numpy.eye(2)]}": said(b"[[1.0, 0.0], [0.0, 1.0]]"),
    "{'content': numpy.arange(3)}": FAILED,
    "{'content': numpy.bool_(True)}": FAILED,
    "{'content': object()}": FAILED,
    "{'status_code': 404, 'content': 'no'}": said(b"no", status=404),
    "{'status_code': http.HTTPStatus.CREATED}": said(b"", status=201),
    "{'status_code': None}": said(b""),
    "{'status_code': '201'}": DAMAGED + "status_code '201', and the proxy takes only a whole number there",
    "{'status_code': True}": DAMAGED + "status_code True, and the proxy takes only a whole number there",
    "{'metadata': {'X-A': 'b'}}": said(b"", metadata={"X-A": "b", **VERSION}),
    "{'metadata': {'X-A': 1}, 'content': 'x'}": DAMAGED + "metadata['X-A'] 1, and the proxy takes only a text there",
    "{'metadata': {'X-A': {1}}, 'content': 'x'}": CLOSED,
    "None": FAILED,
    "'text'": FAILED,
    "[{'content': 1}]": FAILED,
    "throw(ZeroDivisionError())": FAILED,
    "throw(GeneratorExit)": CLOSED,
    "request['nothing']": FAILED,
    "say('printed')": said(b""),
    "{'content': [request['content_type'], context]}": said(b'text/plain\n{"alias": [1]}'),
}


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process for all rows, which leaves nothing behind."""
    served = start(tmp_path_factory.mktemp("child"), RUNTIME, variables={"CONTEXT": '{"alias": [1]}'})
    try:
        served.process.wait_ready(60)
        yield served
    finally:
        served.process.close()
    assert served.process.code == 0
    assert list(served.folder.iterdir()) == []


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> InProcessModel:
    """The same handler in this process."""
    return InProcessModel(loaded(tmp_path_factory.mktemp("here"), RUNTIME), {"alias": [1]})


# What is no `Exception` is the person's in process.
@pytest.mark.parametrize("expression", sorted(ROWS.keys() - {"throw(GeneratorExit)"}))
def test_in_process(here: InProcessModel, expression: str, disk: Any) -> None:
    """The runtime's answer, and no file is left."""
    answer = outcome(here, asking(expression))
    assert answer == ROWS[expression]
    assert (here.exception is not None) == (answer in (FAILED, CLOSED))
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("expression", ROWS)
def test_in_a_child(child: Served, expression: str) -> None:
    """The same, and no body of a request is left."""
    answer = outcome(child.process, asking(expression))
    assert answer == ROWS[expression]
    assert list(child.folder.glob("*/requests/*")) == []


#: Contents of a form, as the proxy makes them.
FORM = (
    ModelContent(b"first", "image/png", {"x-abeja-meta-label": "a"}, "a.png", "picture"),
    ModelContent(io.BytesIO(b"second")),
    ModelContent(b"", "text/plain", None, None, "empty"),
)


@pytest.mark.parametrize("where", ["here", "child"])
def test_a_form(here: InProcessModel, child: Served, where: str) -> None:
    """Each part with its names, metadata and body; streams are read from their start and left open."""
    model = here if where == "here" else child.process
    stream: Any = FORM[1].body
    stream.seek(3)
    answer = model.ask(asking("{'content': [str(parts(request)), str(request['metadata'])]}", *FORM))
    assert answer.body.decode().splitlines() == [
        str(
            [
                ["image/png", {"x-abeja-meta-label": "a"}, "a.png", "picture", "first"],
                [None, None, None, None, "second"],
                ["text/plain", None, None, "empty", ""],
            ]
        ),
        "{'x-abeja-meta-label': 'a'}",
    ]
    assert not stream.closed


@pytest.mark.parametrize("where", ["here", "child"])
def test_no_content(here: InProcessModel, child: Served, where: str) -> None:
    """There is nothing to read then; headers are there with all their values."""
    model = here if where == "here" else child.process
    text = "{'content': [str([request['http_method'], request['contents'], request['headers']])]}"
    answer = model.ask(ModelRequest("GET", "a/b", (("x-answer", (text,)), ("x-b", ("1", "2")))))
    headers = [{"key": "x-answer", "values": [text]}, {"key": "x-b", "values": ["1", "2"]}]
    assert answer.body.decode() == str(["GET", [], headers])
    assert model.ask(ModelRequest("GET", "a/b", (("x-answer", ("request.read()",)),))) == FAILED


class Zeros(io.RawIOBase):
    """A stream of zeros that notes how much of it was wanted at once."""

    def __init__(self, size: int) -> None:
        self.left = self.size = size
        self.largest = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go back to the start."""
        assert (offset, whence) == (0, 0)
        self.left = self.size
        return 0

    def read(self, size: int = -1) -> bytes:
        """Read so many."""
        self.largest = max(self.largest, size if size >= 0 else self.size)
        taken = self.left if size < 0 else min(size, self.left)
        self.left -= taken
        return bytes(taken)


@pytest.mark.parametrize("where", ["here", "child"])
def test_a_large_body(here: InProcessModel, child: Served, where: str) -> None:
    """64 MB there and back; what comes in as a stream is never held as a whole."""
    model = here if where == "here" else child.process
    stream: Any = Zeros(64 * 1024 * 1024)
    before = set(child.folder.rglob("*"))
    answer = model.ask(asking("{'content': [request.read()]}", ModelContent(stream, "application/octet-stream")), 120)
    assert answer.body == bytes(stream.size)
    assert 0 < stream.largest <= 1024 * 1024
    assert set(child.folder.rglob("*")) == before


def test_the_log_of_a_child(child: Served) -> None:
    """What the handler prints, and the traceback of what it raises."""
    child.process.ask(asking("say('this line')"))
    child.process.ask(asking("throw(LookupError('this error'))"))
    child.await_line("LookupError: this error")
    assert "this line" in child.log
    assert "ERROR: unexpected error occurred in user model." in child.log


# -- images up to 18.10 -------------------------------------------------------------------------

JSON = "application/json"


def result(body: bytes, content_type: str = JSON) -> ModelAnswer:
    """Return an answer to a handler of an image up to 18.10."""
    return ModelAnswer(content_type=content_type, body=body)


#: JSON of a request → answer.
ITERATIONS: dict[str, ModelAnswer] = {
    '{"a": 1}': result(b'{"a": 1}'),
    "[1, 2]": result(b"[1, 2]"),
    '{"say": "[{1: 2}, [3]]"}': result(b'{"1": 2}\n[3]'),
    '{"say": "[]"}': result(b""),
    '{"say": "stop()"}': result(b""),
    '{"say": "[\'text\', 1]"}': result(b"text\n1"),
    "{\"say\": \"[b'a', b'b']\"}": result(b"ab", "application/octet-stream"),
    '{"say": "[b\'a\', {}]"}': result(b"a\n{}"),
    '{"say": "[float(\'nan\')]"}': result(b"NaN"),
    '{"say": "[detected, context.datasets, context.name]"}': result(b'false\n{"a": "12"}\nb'),
    '{"say": "[__import__(\'numpy\').float32(1)]"}': FAILED,
    '{"say": "[{}] + throw(KeyError())"}': FAILED,
    '{"say': ModelAnswer(
        400,
        JSON,
        error="the body is not JSON: Unterminated string starting at: line 1 column 2 (char 1)",
    ),
}


@pytest.fixture(scope="module")
def old_child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process of an image up to 18.10 for all rows."""
    variables = {"CONTEXT": '{"name": "b"}', "DATASETS": '{"a": 12}'}
    folder = tmp_path_factory.mktemp("old")
    served = start(folder, ITERATOR, variables=variables, calling=ModelCalling.ITERATOR)
    try:
        served.process.wait_ready(60)
        yield served
    finally:
        served.process.close()
    assert served.process.code == 0
    assert list(served.folder.iterdir()) == []


@pytest.fixture(scope="module")
def old_here(tmp_path_factory: pytest.TempPathFactory) -> InProcessModel:
    """The same handler in this process."""
    handler = loaded(tmp_path_factory.mktemp("here"), ITERATOR)
    return InProcessModel(handler, {"name": "b", "datasets": {"a": "12"}}, calling=ModelCalling.ITERATOR)


@pytest.mark.parametrize("text", ITERATIONS)
def test_iterations(old_here: InProcessModel, old_child: Served, text: str, disk: Any) -> None:
    """What a handler of an image up to 18.10 yields becomes the same in process and in a child."""
    assert outcome(old_here, json_of(text)) == ITERATIONS[text]
    assert outcome(old_child.process, json_of(text)) == ITERATIONS[text]
    assert list(disk.iterdir()) == []
    assert list(old_child.folder.glob("*/*/*")) == []


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_an_image_is_an_array(old_here: InProcessModel, old_child: Served, kind: str) -> None:
    """Height × width × 3 of bytes, red first."""
    pillow = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    pillow.new("RGB", (2, 1), (255, 0, 0)).save(file, kind.partition("/")[2], quality=100)
    content = ModelContent(file, kind)
    request = ModelRequest("POST", kind, (), (content,))

    # The handler yields the array, which JSON does not take: as on the platform, it has to be made a list first.
    assert old_here.ask(request) == old_child.process.ask(request) == FAILED
    shapes: list[Any] = []

    def handler(inputs: Any, context: Any) -> Any:
        for array in inputs:
            shapes.append((array.shape, str(array.dtype), array[0, 0].tolist()))
            yield {}

    model = InProcessModel(handler, calling=ModelCalling.ITERATOR)
    assert model.ask(request).status == 200
    shape, dtype, pixel = shapes[0]
    assert (shape, dtype) == ((1, 2, 3), "uint8")
    assert pixel[0] > 250
    assert max(pixel[1:]) < 5


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("text/plain", 500, "unsupported content_type[text/plain]"),
        (
            "video/mp4",
            500,
            "a video (video/mp4) is not given to handlers of images up to 18.10 here; send images or JSON",
        ),
        ("image/png", 400, "the body is no image: .+"),
    ],
)
def test_what_an_old_handler_does_not_get(
    old_here: InProcessModel, old_child: Served, kind: str, status: int, error: str
) -> None:
    """It is not called, and the answer says why."""
    request = ModelRequest("POST", kind, (), (ModelContent(b"x", kind),))
    for model in (old_here, old_child.process):
        answer: Any = outcome(model, request)
        assert answer.status == status
        assert answer.error == error or re.fullmatch(error, answer.error)


def test_an_old_handler_that_returns(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It was written for later images, and the log says what to do."""
    model = InProcessModel(loaded(tmp_path, ITERATOR, "returning"), calling=ModelCalling.ITERATOR)
    assert model.ask(json_of("{}")) == FAILED
    assert (
        "the handler returned dict, and images up to 18.10 take what it yields: write yield" in capsys.readouterr().out
    )
    assert isinstance(model.exception, TypeError)
