"""The archive of a source folder: what is in it, and what is not."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.cli.exits import CommandError
from abeja_emulator.cli.project import pack_source, read_project
from abeja_emulator.runtime.source_folders import mark_kept

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
    """Hidden files, data and modules alike, in a fixed order, with their bits."""
    fill(tmp_path, "train.py", "b/model.py", "b/data.csv", ".abeja/config", "tool.sh")
    (tmp_path / "tool.sh").chmod(0o755)
    archive = pack_source(tmp_path, [], [])
    assert names(archive) == ["tool.sh", "train.py", ".abeja/config", "b/data.csv", "b/model.py"]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.getinfo("tool.sh").external_attr >> 16 & 0o111
        assert opened.read("b/data.csv") == b"b/data.csv"


def test_what_is_no_source(tmp_path: Path) -> None:
    """Repositories, caches and environments, by whatever name, and what earlier runs left."""
    fill(tmp_path, "train.py", ".git/HEAD", "a/__pycache__/x.pyc", "my-env/pyvenv.cfg", "my-env/lib/x.py")
    fill(tmp_path, "node_modules/x.js", "abeja-results/1/model", "keep/model")
    assert names(pack_source(tmp_path, [], [tmp_path / "abeja-results", tmp_path / "keep"])) == ["train.py"]


def test_what_runs_have_kept(tmp_path: Path) -> None:
    """A folder with their mark is left out wherever it is; one that only looks like it is not."""
    fill(tmp_path, "train.py", "a/out/result/model", "b/result/model", "b/log.txt", "b/statistics.json")
    mark_kept(tmp_path / "a" / "out")
    assert names(pack_source(tmp_path, [], [])) == [
        "train.py",
        "b/log.txt",
        "b/statistics.json",
        "b/result/model",
    ]


@pytest.mark.parametrize(("text", "aliases"), [("datasets: {a: 1, b: 2}", ("a", "b")), ("datasets:", ()), ("", ())])
def test_aliases(tmp_path: Path, text: str, aliases: tuple[str, ...]) -> None:
    """Datasets are known by their aliases alone."""
    (tmp_path / "training.yaml").write_text(text, encoding="utf-8")
    assert read_project(tmp_path).aliases == aliases


def test_patterns(tmp_path: Path) -> None:
    """A pattern is of a name anywhere, or of a path in the folder; a folder goes with all in it."""
    fill(tmp_path, "train.py", "data/big.bin", "data/small.csv", "a/big.bin", "a/b/c.txt", "notes.md")
    assert names(pack_source(tmp_path, ["*.bin", "a/b", "notes.md"], [])) == ["train.py", "data/small.csv"]


def test_a_link(tmp_path: Path) -> None:
    """A link to a file is packed as that file; one that leads nowhere is left out, and so is one to a folder."""
    fill(tmp_path / "outside", "real.py")
    fill(tmp_path / "source", "train.py")
    (tmp_path / "source" / "linked.py").symlink_to(tmp_path / "outside" / "real.py")
    (tmp_path / "source" / "broken.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "source" / "loop").symlink_to(tmp_path / "source")
    assert names(pack_source(tmp_path / "source", [], [])) == ["linked.py", "train.py"]


def test_nothing(tmp_path: Path) -> None:
    """A folder in which nothing is left is no source."""
    fill(tmp_path, "notes.md")
    with pytest.raises(CommandError, match="holds no files"):
        pack_source(tmp_path, ["*.md"], [])
