"""What the SDK reads once, at import: the API's address and the folder of its cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from abeja.common import config, local_file
from abeja.common.connection import Connection

from abeja_emulator.runtime.sdk import sdk_base_url, thawed_sdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

READ = """
    import os
    from abeja.common import local_file
    from abeja.datasets import Client
    def handler(context):
        (item,) = Client().get_dataset(context["datasets"]["train"]).dataset_items.list(prefetch=False)
        print(item.source_data[0].get_content().decode())
        print(local_file.MOUNT_DIR)
        assert local_file.MOUNT_DIR == os.environ["ABEJA_STORAGE_DIR_PATH"]
        assert len([name for _, _, files in os.walk(local_file.MOUNT_DIR) for name in files]) == 1
"""


def test_each_job_has_a_cache_of_its_own(
    run: Callable[..., TrainedJob], abeja: Platform, abeja_dataset: Callable[..., str]
) -> None:
    """Although the SDK took its folder when it was imported; a second job downloads again."""
    before = local_file.MOUNT_DIR
    dataset = abeja_dataset([("content", "label")])
    jobs = [run(READ, datasets={"train": dataset}) for _ in range(2)]
    folders = set()
    for job in jobs:
        assert job.status == "Complete", job.log
        content, folder = job.log.splitlines()
        assert content == "content"
        folders.add(folder)
    assert len(folders) == 2
    assert before not in folders
    assert before == local_file.MOUNT_DIR
    abeja.assert_called("get_channel_file_download", times=2)


def test_an_sdk_that_was_told_another_address_is_led_here(
    monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    """It was imported before the emulator started, with a real address; afterwards it has that again."""
    monkeypatch.setenv("ABEJA_API_URL", "https://abeja.internal.example:8443/prefix")
    pytester.makeconftest("import abeja.common.connection")
    pytester.makepyfile(
        test_it="""
        from abeja.common.connection import Connection
        from abeja.datasets import Client

        def test_one(abeja):
            assert list(Client().datasets.list()) == []
            assert Connection.BASE_URL == "https://api.abeja.io"
            abeja.assert_called("list_datasets", times=1)

        def test_two():
            assert Connection.BASE_URL == "https://abeja.internal.example:8443/prefix"
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:randomly").assert_outcomes(passed=2)


def test_values_are_put_back() -> None:
    """Those of both modules that keep the folder, and the address."""
    before = (Connection.BASE_URL, config.MOUNT_DIR, local_file.MOUNT_DIR)
    with thawed_sdk({"ABEJA_API_URL": "http://a", "ABEJA_STORAGE_DIR_PATH": "/b"}, {}):
        assert (Connection.BASE_URL, config.MOUNT_DIR, local_file.MOUNT_DIR) == (
            "http://a",
            "/b",
            "/b",
        )
        assert sdk_base_url() == "http://a"
    assert before == (Connection.BASE_URL, config.MOUNT_DIR, local_file.MOUNT_DIR)


@pytest.mark.parametrize(
    ("outside", "url", "folder"),
    [
        ({}, "https://api.abeja.io", str(Path.home() / ".abeja" / ".cache")),
        ({"ABEJA_API_URL": "http://x", "ABEJA_STORAGE_DIR_PATH": "/y"}, "http://x", "/y"),
    ],
)
def test_an_sdk_that_is_imported_meanwhile_is_as_if_imported_outside(
    outside: dict[str, str], url: str, folder: str
) -> None:
    """It must not keep a folder that is gone afterwards."""
    script = f"""
import os
from abeja_emulator.runtime.sdk import sdk_base_url, thawed_sdk
inside = {{"ABEJA_API_URL": "http://inside", "ABEJA_STORAGE_DIR_PATH": "/inside"}}
assert sdk_base_url() is None
os.environ.update(inside)
with thawed_sdk(inside, {outside!r}):
    from abeja.common import config, local_file
    from abeja.common.connection import Connection
    assert (Connection.BASE_URL, local_file.MOUNT_DIR) == ("http://inside", "/inside")
print(Connection.BASE_URL, config.MOUNT_DIR, local_file.MOUNT_DIR)
"""
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert shown.stdout.split() == [url, folder, folder]
