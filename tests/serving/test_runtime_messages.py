"""Bodies that travel as files: written for the runtime, read from it, and removed whatever happens."""

from __future__ import annotations

import io
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from abeja_emulator.serving.body_files import DiskBodyFiles
from abeja_emulator.serving.messages import ModelAnswer, ModelContent, ModelGone, ModelRequest
from abeja_emulator.serving.runtime_messages import answer_of, written

REQUEST = ModelRequest(
    "PUT",
    "multipart/form-data; boundary=b",
    (("a", ("1", "2")), ("b", ())),
    (
        ModelContent(b"bytes", "image/png", {"x-abeja-meta-a": "b"}, "f.png", "form"),
        ModelContent(io.BytesIO(b"stream")),
    ),
)


def test_a_request(tmp_path: Path) -> None:
    """All of its fields; the bodies are in files that only this user reads, until it is over."""
    with written(REQUEST, DiskBodyFiles(tmp_path)) as message:
        paths = [Path(content.pop("path")) for content in message["contents"]]
        assert message == {
            "method": "PUT",
            "content_type": "multipart/form-data; boundary=b",
            "headers": [{"key": "a", "values": ["1", "2"]}, {"key": "b", "values": []}],
            "contents": [
                {
                    "content_type": "image/png",
                    "metadata": {"x-abeja-meta-a": "b"},
                    "file_name": "f.png",
                    "form_name": "form",
                },
                {"content_type": None, "metadata": None, "file_name": None, "form_name": None},
            ],
        }
        assert [path.read_bytes() for path in paths] == [b"bytes", b"stream"]
        assert {(path.parent, stat.S_IMODE(path.stat().st_mode)) for path in paths} == {(tmp_path, 0o600)}
    assert list(tmp_path.iterdir()) == []


def test_files_go_when_something_fails(tmp_path: Path) -> None:
    """While it is asked, or because somebody has removed them, or a stream breaks."""
    with suppress(ZeroDivisionError), written(REQUEST, DiskBodyFiles(tmp_path)) as message:
        Path(message["contents"][0]["path"]).unlink()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(size)

    contents = (REQUEST.contents[0], ModelContent(Broken()))
    request = ModelRequest("POST", "a/b", (), contents)
    with (
        pytest.raises(ModelGone, match="the body of the request could not be handed to the runtime"),
        written(request, DiskBodyFiles(tmp_path)),
    ):
        pytest.fail("it was asked")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """As when the model was closed meanwhile."""
    with pytest.raises(ModelGone, match="No such file"), written(REQUEST, DiskBodyFiles(tmp_path / "gone")):
        pytest.fail("it was asked")


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (
            {"status_code": 201, "content_type": "a/b", "metadata": {"c": "d"}},
            ModelAnswer(201, "a/b", {"c": "d"}, b"body"),
        ),
        ({"status_code": None, "content_type": None, "metadata": None}, ModelAnswer(body=b"body")),
        ({}, ModelAnswer(body=b"body")),
        (
            {"status_code": 400, "content_type": "application/json", "error_message": "content_type is null"},
            ModelAnswer(400, "application/json", {}, b"body", "content_type is null"),
        ),
    ],
)
def test_an_answer(tmp_path: Path, message: dict[str, Any], answer: ModelAnswer) -> None:
    """With its body, whose file is removed."""
    file = tmp_path / "answer"
    file.write_bytes(b"body")
    assert answer_of({**message, "path": str(file)}) == answer
    assert not file.exists()
    assert answer_of({**message, "path": None}).body == b""


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"status_code": "200"}, "status_code '200', and the proxy takes only a whole number there"),
        ({"status_code": False}, "status_code False"),
        ({"status_code": 200.0}, "status_code 200.0"),
        ({"content_type": 1}, "content_type 1, and the proxy takes only a text there"),
        ({"error_message": []}, "error_message []"),
        ({"metadata": []}, "metadata [], and the proxy takes only an object there"),
        ({"metadata": {"a": None}}, "metadata['a'] None, and the proxy takes only a text there"),
    ],
)
def test_an_answer_of_other_types(tmp_path: Path, message: dict[str, Any], why: str) -> None:
    """Is none; its file goes all the same."""
    file = tmp_path / "answer"
    file.write_bytes(b"body")
    with pytest.raises(ModelGone) as raised:
        answer_of({**message, "path": str(file)})
    assert why in str(raised.value)
    assert not file.exists()


def test_an_answer_without_its_file(tmp_path: Path) -> None:
    """The text names it."""
    with pytest.raises(ModelGone, match=r"could not be read: .*No such file"):
        answer_of({"status_code": 200, "path": str(tmp_path / "gone")})
