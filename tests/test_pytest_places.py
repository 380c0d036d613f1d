"""Where a test's files are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.pytest_places import Places
from abeja_emulator.seeding import SeedError, samples_folder

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def places(pytestconfig: pytest.Config, tmp_path: Path) -> Places:
    """The places of a test in a folder of its own, outside of this run's root."""
    return Places(pytestconfig, tmp_path / "test_it.py")


def test_near_the_test_first_then_the_fixtures_then_the_samples(places: Places, tmp_path: Path) -> None:
    """And what is no path is returned as it is."""
    (tmp_path / "fixtures" / "flowers").mkdir(parents=True)
    (tmp_path / "points").mkdir()
    assert places.find("flowers") == tmp_path / "fixtures" / "flowers"
    assert places.find("points") == tmp_path / "points"
    assert places.find(Path("shapes")) == samples_folder() / "shapes"
    items = [("a", "b")]
    assert places.find(items) is items


@pytest.mark.parametrize("source", ["", ".", "..", Path()])
def test_the_folder_of_the_test_is_no_data(places: Places, source: str | Path) -> None:
    """An empty name is a mistake, and the test itself no picture."""
    with pytest.raises(SeedError, match="names no data, only a folder that the test is in; name a folder or a file"):
        places.find(source)


@pytest.mark.parametrize("find", ["find", "find_folder"])
def test_a_name_that_no_disk_can_hold(places: Places, find: str) -> None:
    """Is nowhere, like any other; its beginning is enough to know it by."""
    with pytest.raises(FileNotFoundError) as refused:
        getattr(places, find)("x" * 300)
    name = f"{'x' * 80}… (300 characters)"
    assert str(refused.value).startswith(f"there is no '{name}', nor fixtures/{name}, in ")
    assert "sample data is called points, " in str(refused.value)


def test_a_source_directory(places: Places, tmp_path: Path) -> None:
    """`.` is the folder of the test; nothing, a file or a number is none."""
    (tmp_path / "train.py").touch()
    assert places.find_folder(".") == tmp_path
    assert places.find_folder("handlers/plain") == samples_folder() / "handlers" / "plain"
    with pytest.raises(NotADirectoryError, match=r"source='train.py' is .*train.py, which is no folder"):
        places.find_folder("train.py")
    with pytest.raises(ValueError, match=r"source='' names no folder; '.' is the folder of the test"):
        places.find_folder("")
    with pytest.raises(TypeError, match="source is the name or path of a folder, not 5"):
        places.find_folder(5)


@pytest.mark.parametrize("source", ["", "."])
def test_in_a_test(abeja_dataset: Callable[..., Any], abeja_train: Callable[..., Any], source: str) -> None:
    """The same by the fixtures; a job says which of its datasets it was."""
    with pytest.raises(SeedError, match=f"^'{source}' names no data"):
        abeja_dataset(source)
    with pytest.raises(SeedError, match=f"^dataset 'train': '{source}' names no data"):
        abeja_train(print, datasets={"train": source})
