"""The archive of a source folder: what is in it, and what is not."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.runtime.source_folders import SourceError, pack_source

if TYPE_CHECKING:
    from pathlib import Path


def names(archive: bytes) -> list[str]:
    """Return the names of what is in an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.namelist()


def fill(folder: Path, *files: str) -> Path:
    """Make files, each with its own name in it."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return folder


def test_all_that_a_handler_may_read(tmp_path: Path) -> None:
    """Hidden files, data and modules alike are packed, with their content and the bits that make them run."""
    fill(tmp_path, "train.py", "b/model.py", "b/data.csv", ".abeja/config", "tool.sh")
    (tmp_path / "tool.sh").chmod(0o755)
    archive = pack_source(tmp_path)
    assert names(archive) == ["tool.sh", "train.py", ".abeja/config", "b/data.csv", "b/model.py"]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.getinfo("tool.sh").external_attr >> 16 & 0o111
        assert opened.read("b/data.csv") == b"b/data.csv"


def test_what_is_no_source(tmp_path: Path) -> None:
    """Repositories, caches, environments and what runs have kept are left out, whatever their folders are called."""
    fill(tmp_path, "train.py", ".git/HEAD", "a/__pycache__/x.pyc", "my-env/pyvenv.cfg", "my-env/lib/x.py")
    fill(tmp_path, "node_modules/x.js", "kept/.abeja-emulator-kept", "kept/result/model", "named/model")
    assert names(pack_source(tmp_path, [], [tmp_path / "named"])) == ["train.py"]


def test_patterns(tmp_path: Path) -> None:
    """A pattern is of a name anywhere, or of a path in the folder; a folder goes with all in it."""
    fill(tmp_path, "train.py", "data/big.bin", "data/small.csv", "a/big.bin", "a/b/c.txt", "notes.md")
    assert names(pack_source(tmp_path, ["*.bin", "a/b", "notes.md"])) == ["train.py", "data/small.csv"]


def test_links(tmp_path: Path) -> None:
    """A link to a file is packed as that file; one to nowhere or to a folder is left out."""
    fill(tmp_path / "outside", "real.py")
    source = fill(tmp_path / "source", "train.py")
    (source / "linked.py").symlink_to(tmp_path / "outside" / "real.py")
    (source / "broken.py").symlink_to(tmp_path / "nowhere")
    (source / "loop").symlink_to(source)
    assert names(pack_source(source)) == ["linked.py", "train.py"]


def test_files_older_than_zip(tmp_path: Path) -> None:
    """A file whose time reproducible builds have set to 1970 is packed."""
    fill(tmp_path, "train.py")
    os.utime(tmp_path / "train.py", (0, 0))
    assert names(pack_source(tmp_path)) == ["train.py"]


def test_nothing(tmp_path: Path) -> None:
    """A folder in which nothing is left is refused by its name."""
    fill(tmp_path, "notes.md")
    with pytest.raises(SourceError, match=rf"the source folder {tmp_path} holds no files"):
        pack_source(tmp_path, ["*.md"])
