"""What the launcher makes of images for model handlers up to 18.10; the rest is in `tests/serving/test_conversions`."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.launcher import abeja_emulator_serving as serving

if TYPE_CHECKING:
    from pathlib import Path


def picture(mode: str, kind: str, color: Any) -> bytes:
    """Return an image, 3 wide and 2 high, of one colour."""
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.new(mode, (3, 2), color).save(file, kind)
    return file.getvalue()


def given(path: Path, body: bytes, kind: str) -> Any:
    """Return what a handler is given of a body, or the answer when it is given nothing."""
    path.write_bytes(body)
    seen: list[Any] = []

    def handler(inputs: Any, context: Any) -> Any:
        seen.extend(inputs)
        yield {}

    contents = [{"content_type": kind, "path": str(path)}]
    answer = serving.answer_to({"content_type": "a/b", "contents": contents}, handler, None)
    return seen[0] if seen else answer


@pytest.mark.parametrize(
    ("mode", "color", "pixel"),
    [
        ("RGB", (1, 2, 3), [1, 2, 3]),
        ("RGBA", (1, 2, 3, 255), [1, 2, 3]),
        ("L", 7, [7, 7, 7]),
        ("1", 1, [255, 255, 255]),
        ("P", 0, [0, 0, 0]),
    ],
)
@pytest.mark.parametrize("without", ["cv2", "PIL"])
def test_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, color: Any, pixel: list[int], without: str
) -> None:
    """Is an array of height × width × 3, red first, whatever its mode and which library decodes it."""
    body = picture(mode, "png", color)
    if without == "PIL":
        pytest.importorskip("cv2", reason="OpenCV is not installed")
    monkeypatch.setitem(sys.modules, without, None)
    array = given(tmp_path / "body", body, "image/png; a=b")
    assert (array.shape, array.dtype.name, array[1, 2].tolist()) == ((2, 3, 3), "uint8", pixel)
    # A handler may draw into it.
    array[0, 0] = 0


@pytest.mark.parametrize(("missing", "named"), [(("numpy",), "numpy"), (("PIL", "cv2"), "PIL")])
def test_an_interpreter_that_cannot_decode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], named: str
) -> None:
    """The answer says what to install where; JSON needs none of it."""
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    answer = given(tmp_path / "body", b"x", "image/png")
    assert answer["status_code"] == 500
    assert answer["error_message"] == (
        f"an image needs NumPy and Pillow or OpenCV, and {sys.executable} has no {named}; "
        f"install them: {sys.executable} -m pip install numpy pillow"
    )
    assert given(tmp_path / "body", b"[1]", "application/json") == [1]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000], ids=["broken", "text", "list", "map"]
)
def test_what_is_no_json(tmp_path: Path, body: bytes) -> None:
    """Is a bad request and not the end of the process, however deeply it is nested."""
    answer = given(tmp_path / "body", body, "application/json")
    assert (answer["status_code"], answer["error_message"].partition(":")[0]) == (400, "the body is not JSON")


def test_the_type_of_the_whole_counts_where_a_content_has_none(disk: Path) -> None:
    """As for a body that is no form."""
    (disk / "body").write_bytes(b"[1]")
    message = {"content_type": "application/json; charset=utf8", "contents": [{"path": str(disk / "body")}]}
    answer = serving.answer_to(message, lambda inputs, _: inputs, None)
    assert answer["status_code"] == 200
    assert serving.answer_to({"contents": None}, lambda inputs, _: inputs, None)["path"] is None
    path: Any = answer["path"]
    with open(path, "rb") as file:  # noqa: PTH123 - text
        assert file.read() == b"[1]"
