"""Million: a dataset of a million items in a data directory, from each kind of source: `python -m benchmarks.million`.

Each source is loaded by a process of its own, which then reads pages as a client does. In one run it says how many
items a second came in, what a page at the end takes beside one at the start, and the most memory that was held.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from abeja_emulator import Platform
from abeja_emulator.wire.messages import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.seeding import SeededDataset

SOURCES = ("csv", "jsonl", "iterator")
LABELS = ("cat", "dog", "cow", "owl")

#: Items on a page that is timed, and calls of one round; the rounds of both pages are next to each other.
PAGE = 50
CALLS = 100
ROUNDS = 15

#: Items on a page on the way to the end.
STRIDE = 1000


def uri(number: int) -> str:
    """Return where an item's data is."""
    return f"datalake://1100000000004/20240102T030405-{number:032x}"


def listed(items: int) -> Iterator[dict[str, Any]]:
    """Yield that many items, as a list of items has them."""
    for number in range(items):
        source_data = [{"data_uri": uri(number), "data_type": "image/png"}]
        yield {"source_data": source_data, "label": LABELS[number % len(LABELS)]}


def write(path: Path, items: int) -> Path:
    """Write the same items to a table or as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        if path.suffix == ".csv":
            file.write("data_uri,data_type,label\n")
        for item in listed(items):
            (source,) = item["source_data"]
            row = f"{source['data_uri']},{source['data_type']},{item['label']}"
            file.write((row if path.suffix == ".csv" else json.dumps(item)) + "\n")
    return path


class Pages:
    """Pages of a dataset, as a client gets them."""

    def __init__(self, platform: Platform, dataset: SeededDataset) -> None:
        self._platform = platform
        self._path = f"/organizations/{platform.organization.id}/datasets/{dataset}/items"

    def get(self, limit: int, token: str | None = None) -> dict[str, Any]:
        """Return a page."""
        query = f"?limit={limit}" + (f"&next_page_token={quote(token)}" if token else "")
        headers = [("Authorization", "Bearer anything")]
        response = self._platform.handle(Request("GET", self._path + query, headers=headers))
        page: dict[str, Any] = json.loads(response.read())
        assert response.status == 200, page  # noqa: PLR2004 - OK
        return page

    def before_the_last(self, items: int) -> str:
        """Walk through all pages, count the items, and return the token of the last `PAGE` of them."""
        found = 0
        token: str | None = None
        while found < items - PAGE:
            page = self.get(min(STRIDE, items - PAGE - found), token)
            found, token = found + len(page["items"]), page["next_page_token"]
            assert page["items"][-1]["dataset_item_id"] == found
        assert token is not None
        return token

    def time(self, token: str | None) -> float:
        """Return microseconds a page."""
        start = time.perf_counter()
        for _ in range(CALLS):
            self.get(PAGE, token)
        return (time.perf_counter() - start) / CALLS * 1e6


def load(kind: str, items: int, folder: Path) -> dict[str, float]:
    """Load a dataset from one kind of source, and return what was measured."""
    source = listed(items) if kind == "iterator" else folder / f"items.{kind}"
    with Platform(data=folder / f"data-{kind}") as platform:
        start, busy = time.perf_counter(), time.process_time()
        dataset = platform.seed.dataset(source, "million")
        wall, busy = time.perf_counter() - start, time.process_time() - busy
        assert (dataset.total_count, dataset.labels) == (items, LABELS)
        pages = Pages(platform, dataset)
        end = pages.before_the_last(items)
        assert [item["dataset_item_id"] for item in pages.get(PAGE, end)["items"]][-1] == items
        rounds = [(pages.time(None), pages.time(end)) for _ in range(ROUNDS)]
    return {
        "rate": items / wall,
        "processor": items / busy,
        "start": median(first for first, _ in rounds),
        "end": median(last for _, last in rounds),
        "ratio": median(last / first for first, last in rounds),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
    }


def main() -> None:
    """Load from each source in a process of its own, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--load", nargs=2, metavar=("SOURCE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        kind, folder = arguments.load
        print(json.dumps(load(kind, arguments.items, Path(folder))))
        return
    print(
        "| source | items/s | items/s of processor time | page at the start | at the end | ratio | peak MB |\n"
        "| --- | --: | --: | --: | --: | --: | --: |"
    )
    command = [sys.executable, "-m", "benchmarks.million", "--items", str(arguments.items), "--load"]
    for kind in SOURCES:
        with TemporaryDirectory() as folder:
            if kind != "iterator":
                write(Path(folder) / f"items.{kind}", arguments.items)
            done = subprocess.run([*command, kind, folder], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        found = json.loads(done.stdout)
        print(
            f"| {kind} | {found['rate']:,.0f} | {found['processor']:,.0f} | {found['start']:.0f} µs "
            f"| {found['end']:.0f} µs | {found['ratio']:.3f} | {found['peak']:.0f} |",
            flush=True,
        )
    print("| wanted | ≥ 100,000 | | | | ≤ 1.1 | ≤ 250 |")


if __name__ == "__main__":
    main()
