"""A dataset of files, downloaded by the SDK with `prefetch=True`, beside a plain static server of the same bytes.

The static server has each answer of ours as a file, so that the SDK asks both for the same: pages of items, and for
each file what it is and its content. Each download is a process with an empty cache; so is each server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.serving import FILES, SIZE, fetch, file_name, running

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUNDS = 7


def download(dataset: str) -> float:
    """Return the seconds that all files of a dataset take, and look at each."""
    from abeja.datasets import Client

    items = Client().get_dataset(dataset).dataset_items
    start = time.perf_counter()
    found = [item.source_data[0] for item in items.list(prefetch=True)]
    taken = time.perf_counter() - start
    # These come from the cache.
    contents = {file.get_content() for file in found}
    assert len(contents) == FILES
    assert {len(content) for content in contents} == {SIZE}
    return taken


def download_in_child(variables: Mapping[str, str], dataset: str) -> float:
    """Return the same of a fresh process, whose cache is empty."""
    with TemporaryDirectory() as cache:
        environment = {**os.environ, **variables, "ABEJA_STORAGE_DIR_PATH": cache}
        command = [sys.executable, "-m", "benchmarks.prefetch", "--download", dataset]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - ours
    return float(done.stdout)


def record(ours: Mapping[str, Any], static: str, folder: Path) -> None:
    """Write each answer that the SDK will ask for to a file; what is in it leads to the static server."""

    def take(target: str) -> bytes:
        content = fetch(ours["url"] + target).replace(ours["url"].encode(), static.encode())
        (folder / file_name(target)).write_bytes(content)
        return content

    dataset = f"/organizations/{ours['variables']['ABEJA_ORGANIZATION_ID']}/datasets/{ours['dataset']}"
    take(dataset)
    target = f"{dataset}/items"
    while True:
        page = json.loads(take(target))
        for item in page["items"]:
            (source,) = item["source_data"]
            about = json.loads(take("/channels/" + source["data_uri"].removeprefix("datalake://")))
            take(about["download_uri"].removeprefix(static))
        if not page["items"]:
            return
        target = f"{dataset}/items?next_page_token={page['next_page_token']}"


def rows() -> list[tuple[str, str, str, str]]:
    """Return the rows of the table."""
    with TemporaryDirectory() as parent, ExitStack() as stack:
        ours = stack.enter_context(running("files"))
        static = stack.enter_context(running("static", parent))
        record(ours, static["url"], Path(parent))
        of_ours = ours["variables"]
        of_static = {**of_ours, "ABEJA_API_URL": static["url"]}
        taken = [
            (download_in_child(of_ours, ours["dataset"]), download_in_child(of_static, ours["dataset"]))
            for _ in range(ROUNDS)
        ]
    our, their = (median(times) for times in zip(*taken))
    rate = FILES * SIZE / 1e6
    return [
        (
            f"SDK prefetch of {FILES:,} files of {SIZE // 1000} KB beside a static server with the same answers",
            f"ours {rate / our:.0f} MB/s, static {rate / their:.0f} MB/s",
            f"{their / our:.2f} ×",
            "≥ 0.8",
        )
    ]


def main() -> None:
    """Print the rows, or download."""
    if sys.argv[1:2] == ["--download"]:
        print(download(sys.argv[2]))
        return
    for row in rows():
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
