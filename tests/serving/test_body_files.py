"""Files of bodies: where a child finds them, and where code of this process does."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import pytest

from abeja_emulator.serving.body_files import BodyFiles, DiskBodyFiles


@pytest.fixture(params=["temporary", "disk"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BodyFiles:
    """Both kinds, in a folder of the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return BodyFiles() if request.param == "temporary" else DiskBodyFiles(tmp_path)


def test_a_body_is_there_for_this_user_alone_until_it_is_removed(files: BodyFiles, tmp_path: Path) -> None:
    """Bytes, and a stream from its start; what is gone already is as good."""
    stream = io.BytesIO(b"stream")
    stream.read(3)
    paths = [files.write(b"bytes"), files.write(stream)]
    assert [files.read(path) for path in paths] == [b"bytes", b"stream"]
    assert {(Path(path).parent, os.stat(path).st_mode & 0o777) for path in paths} == {(tmp_path, 0o600)}  # noqa: PTH116 - as text
    for path in [*paths, *paths]:
        files.remove(path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_stream_that_breaks(files: BodyFiles, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(size)

    with pytest.raises(OSError, match=r"\d"):
        files.write(Broken())
    assert list(tmp_path.iterdir()) == []
