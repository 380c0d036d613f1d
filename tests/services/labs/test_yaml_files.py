"""Pushes: what becomes of files that nobody keeps, and of YAML that nothing here reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.labs.yaml_files import read_yaml
from abeja_emulator.store.blobs import SPILL
from abeja_emulator.wire.content import Upload
from tests.services.labs.samples import APPS, form
from tests.services.wire import Wire, check_refusal

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


class Shape(msgspec.Struct):
    """What is wanted of a file."""

    name: str


def test_large_files_go(platform: Platform, wire: Wire) -> None:
    """What went to the disk and is not kept is gone, whether the form was taken or refused."""
    path, descriptor = platform.world.store.blobs.new_file()
    os.close(descriptor)
    folder = Path(path).parent
    large = dict(form(thumbnail=bytes(SPILL + 1), how_to_use=b"#" * (SPILL + 1)))
    large["other"] = large["thumbnail"]
    made = wire("POST", APPS, files=large).json()
    kept = set(folder.iterdir())
    assert len(kept) == 3, "the two large files of the app, and the first"
    del large["how_to_use_jp"]
    check_refusal(wire("POST", APPS, files=large), 400, "lacks the parts how_to_use_jp", "other, setting_yaml")
    assert set(folder.iterdir()) == kept
    wire("DELETE", f"{APPS}/{made['labs_app_id']}")
    assert set(folder.iterdir()) == {Path(path)}


def test_settings_are_no_large_file(wire: Wire) -> None:
    """A `setting.yaml` of many megabytes is refused before anything reads it."""
    check_refusal(wire("POST", APPS, files=form(b"#" * (SPILL + 1))), 400, f"setting.yaml has {SPILL + 1} bytes")


def test_without_yaml(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML is not installed the answer is 501, which no client retries, and says what to install."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    check_refusal(wire("POST", APPS, files=form()), 501, "abeja-emulator[yaml]")


def test_refusals_name_the_file() -> None:
    """What is wrong is said of the file, by its name."""
    assert read_yaml(Upload(b"name: a\nother: 1", 0), "some.yaml", Shape) == Shape("a")
    with pytest.raises(BadRequest, match=r"some\.yaml is wrong: .*`\$\.name`"):
        read_yaml(Upload(b"name: 1", 0), "some.yaml", Shape)
