"""Soak: the same day's work over and over, and what a process holds before and after: `make soak`."""

from __future__ import annotations

import argparse
import gc
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from abeja_emulator import Platform
from abeja_emulator.emulation import Emulation
from abeja_emulator.runtime.handlers import find_handler
from abeja_emulator.seeding import samples_folder
from benchmarks.measure import resident

#: Rounds until every library has what it keeps at hand, and the journal remembers as many calls as it ever will.
WARM_UP = 60
LARGE = 12 * 1024 * 1024
EPOCHS = 3
CHILD = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("https://api.abeja.io/")
except urllib.error.HTTPError as error:
    print(error.code)
"""


def work(emulation: Emulation, number: int) -> None:
    """Do what a test does: seed, train, upload, read back, delete; now and then with a child; then roll back."""
    from abeja.datalake import APIClient, Client

    platform = emulation.platform
    snapshot = platform.snapshot()
    platform.journal.begin()
    points = platform.seed.dataset(samples_folder() / "points")
    handler = find_handler("train.py", [samples_folder() / "handlers" / "plain"])
    job = emulation.trainer.train(handler, datasets={"train": points}, environment={"NUM_EPOCHS": EPOCHS})
    assert job.status == "Complete", job.log
    assert len(job.statistics) == EPOCHS

    channel = Client().get_channel(platform.seed.channel("files"))
    content = os.urandom(LARGE if number % 10 == 0 else 1000)
    file = channel.upload(io.BytesIO(content), "application/octet-stream", metadata={"number": str(number)})
    assert channel.get_file(file.file_id).get_content(cache=False) == content
    APIClient().delete_channel_file(channel.channel_id, file.file_id)
    if number % 20 == 0:
        done = subprocess.run([sys.executable, "-c", CHILD], check=True, capture_output=True, text=True)  # noqa: S603 - ours
        assert done.stdout == "404\n", done.stderr
    snapshot.rollback()
    assert platform.look.datasets() == []


def held() -> dict[str, float]:
    """Return what this process holds: MB of memory, descriptors, threads."""
    gc.collect()
    folder = Path("/proc/self/fd")
    descriptors = len(list(folder.iterdir())) if folder.is_dir() else 0
    return {"MB": resident(), "descriptors": descriptors, "threads": threading.active_count()}


def main() -> None:
    """Work for some minutes and print what grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    stdout, sys.stdout = sys.stdout, io.StringIO()
    with Platform() as platform, Emulation(platform) as emulation:
        for number in range(WARM_UP):
            work(emulation, number)
        before, end, rounds = held(), time.monotonic() + 60 * minutes, 0
        while time.monotonic() < end:
            rounds += 1
            work(emulation, rounds)
        after = held()
        calls, kept = platform.journal.total, platform.world.store.blobs.size
    sys.stdout = stdout
    print(f"{rounds} rounds, {calls} calls, {kept} bytes of content left\n")
    print("| what | before | after |\n| --- | --: | --: |")
    for name, value in before.items():
        print(f"| {name} | {value:.0f} | {after[name]:.0f} |")


if __name__ == "__main__":
    main()
