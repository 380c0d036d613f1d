"""What a path that a person wrote means."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from abeja_emulator.finding import advice, data_names, exists, find_data, places_in, shortened
from abeja_emulator.seeding import SeedError, samples_folder


def test_the_first_place_that_has_it_wins_and_samples_come_last(tmp_path: Path) -> None:
    """A folder of one's own may have the name of a sample."""
    for name in ("a/data", "b/data", "b/points"):
        (tmp_path / name).mkdir(parents=True)
    places = [tmp_path / "a", tmp_path / "b"]
    assert find_data("data", places, "the test") == tmp_path / "a" / "data"
    assert find_data(Path("points"), places, "the test") == tmp_path / "b" / "points"
    assert find_data("shapes", places, "the test") == samples_folder() / "shapes"
    assert find_data(tmp_path / "b" / "data", [], "the test") == tmp_path / "b" / "data"
    assert find_data("../b/data", places, "the test") == tmp_path / "a" / "../b/data"
    assert find_data("nowhere", places, "the test") is None


def test_places_are_folders_and_what_holds_data_in_them(tmp_path: Path) -> None:
    """Each folder comes before its own `fixtures`, or what somebody else calls them."""
    a, b = tmp_path / "a", tmp_path / "b"
    assert places_in([a, b]) == [a, a / "fixtures", b, b / "fixtures"]
    assert places_in([a], iter(["sets"])) == [a, a / "sets"]


@pytest.mark.parametrize("source", ["", ".", "./", "..", "../..", Path(), Path("..")])
def test_a_path_that_only_leads_upwards_names_no_data(tmp_path: Path, source: str | Path) -> None:
    """It would upload the test itself and all that lies around it."""
    with pytest.raises(SeedError) as refused:
        find_data(source, [tmp_path], "the test")
    assert str(refused.value).startswith(f"{str(source)!r} names no data, only a folder that the test is in; name a ")


@pytest.mark.parametrize("name", ["x" * 256, "犬" * 100, "a/" * 4000, "a\0b", "\ud800"])
def test_there_is_nothing_of_a_name_that_no_disk_can_hold(tmp_path: Path, name: str) -> None:
    """Too long, or with a character that no name has."""
    assert not exists(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may look everywhere")
def test_what_may_not_be_looked_at_is_not_called_missing(tmp_path: Path) -> None:
    """The system's own error says why."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        with pytest.raises(PermissionError):
            exists(closed / "data")
    finally:
        closed.chmod(stat.S_IRWXU)


def test_advice_names_what_is_there_and_what_may_be_meant(tmp_path: Path) -> None:
    """Folders and files of items only, in places that are there."""
    for name in ("flowers", "tests", ".git", "__pycache__"):
        (tmp_path / name).mkdir()
    for name in ("reviews.yaml", "items.json", "rows.csv", "lines.jsonl", "test_it.py", "notes.txt"):
        (tmp_path / name).touch()
    assert data_names(tmp_path) == ["flowers", "items.json", "lines.jsonl", "reviews.yaml", "rows.csv"]
    sentence = advice("flower", [tmp_path, tmp_path / "nowhere"])
    assert sentence.startswith("sample data is called points, shapes, ")
    assert sentence.endswith(
        "; what is there: flowers, items.json, lines.jsonl, reviews.yaml, rows.csv; did you mean 'flowers'?"
    )
    assert advice("zzz") == "sample data is called points, shapes, shapes_held_back"


def test_only_the_beginning_of_a_path_that_is_none_is_shown() -> None:
    """Paths that somebody may have written are shown whole."""
    assert shortened("a" * 200) == "a" * 200
    assert shortened("a" * 300) == "a" * 80 + "… (300 characters)"
    assert shortened(Path("a") / "b") == "a/b"
