"""The disk below content and snapshots."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.store.disk import Disk

if TYPE_CHECKING:
    from pathlib import Path


class TestShare:
    """One content under two names."""

    def test_same_file(self, tmp_path: Path) -> None:
        """It takes no room of its own."""
        (tmp_path / "a").write_bytes(b"content")
        Disk.share(str(tmp_path / "a"), str(tmp_path / "b"))
        assert (tmp_path / "a").samefile(tmp_path / "b")

    def test_copied_where_it_must_be(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Across file systems, or where there are no links, the content is copied, for nobody else to read."""

        def refuse(source: str, target: str) -> None:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), source, None, target)

        monkeypatch.setattr(Disk, "link", staticmethod(refuse))
        content = os.urandom(3 * 1024 * 1024 + 1)
        (tmp_path / "a").write_bytes(content)
        Disk.share(str(tmp_path / "a"), str(tmp_path / "b"))
        assert (tmp_path / "b").read_bytes() == content
        assert not (tmp_path / "a").samefile(tmp_path / "b")
        assert (tmp_path / "b").stat().st_mode & 0o077 == 0

    def test_nothing_is_replaced(self, tmp_path: Path) -> None:
        """A name that is taken is refused."""
        for name in ("a", "b"):
            (tmp_path / name).write_text(name)
        with pytest.raises(FileExistsError):
            Disk.share(str(tmp_path / "a"), str(tmp_path / "b"))
        assert (tmp_path / "b").read_text() == "b"


def test_remove_folder(tmp_path: Path) -> None:
    """With everything in it, but nothing behind a link."""
    (tmp_path / "mine" / "inner").mkdir(parents=True)
    (tmp_path / "mine" / "inner" / "file").touch()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "theirs")
    Disk.remove_folder(str(tmp_path / "mine"))
    Disk.remove_folder(str(tmp_path / "mine"))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "theirs"]
