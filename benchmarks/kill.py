"""Kill: a server with a data directory is killed during writes, over and over: `python -m benchmarks.kill`.

Several clients write over HTTP and note what was acknowledged. The server is killed with SIGKILL at a random
moment; then the directory is opened, and everything that any client was ever told has to be there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import requests

from abeja_emulator import Platform
from abeja_emulator.services.datalake.records import File
from abeja_emulator.services.datasets.records import DatasetItem
from abeja_emulator.store.disk import Disk
from abeja_emulator.transports.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS = 4
#: The server is killed so many seconds after the first acknowledged write, at most.
LONGEST = 0.4
SOURCE = [{"data_uri": "datalake://1/2", "data_type": "text/plain"}]


@dataclass
class Client:
    """One client, what it was told, and what it was about to be told when the server died.

    Attributes:
        number: which one it is.
        dataset: its dataset.
        channel: its channel.
        items: attributes of its items, by id.
        files: content of its files, by id.
        deleted: ids of files that were deleted.
        pending: what is being done: an item whose attributes may be the new ones, a file that may be gone.
        told: acknowledged writes.
        ids: all ids it was ever given, in order.
        trouble: calls that were refused, which none should be.
    """

    number: int
    dataset: str = ""
    channel: str = ""
    items: dict[int, int] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    pending: tuple[Any, Any] = (None, None)
    told: int = 0
    ids: list[Any] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def write(self, url: str, organization: str) -> None:
        """Write until the server is gone."""
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = "Bearer anything"
        chance = random.Random()  # noqa: S311 - no secrets

        def call(method: str, path: str, **content: Any) -> Any:
            response = session.request(method, url + path, timeout=60, **content)
            response.raise_for_status()
            self.told += 1
            self.pending = (None, None)
            return response.json()

        try:
            while True:
                self._write_one(call, f"/organizations/{organization}/datasets", chance)
        except requests.RequestException as error:
            if isinstance(error, requests.HTTPError):
                self.trouble.append(f"refused: {error}")
        finally:
            session.close()

    def _write_one(self, call: Callable[..., Any], datasets: str, chance: random.Random) -> None:
        if not self.dataset:
            description = {"name": f"d{self.number}", "type": "custom", "props": {}}
            self.dataset = call("POST", datasets, json=description)["dataset_id"]
            self.ids.append(self.dataset)
        items = f"{datasets}/{self.dataset}/items"
        what = chance.randrange(5)
        value = chance.getrandbits(40)
        if what == 0 and self.items:
            item = chance.choice(list(self.items))
            self.pending = (item, value)
            call("PUT", f"{items}/{item}", json={"attributes": {"value": value}})
            self.items[item] = value
        elif what == 1 and self.files:
            file = chance.choice(list(self.files))
            self.pending = (file, None)
            call("DELETE", f"/channels/{self.channel}/{file}")
            del self.files[file]
            self.deleted.add(file)
        elif what in {2, 3}:
            item = call("POST", items, json={"source_data": SOURCE, "attributes": {"value": value}})["dataset_item_id"]
            self.items[item] = value
            self.ids.append((self.dataset, item))
        else:
            # Twice the same content now and then, and now and then more than is kept in memory while it arrives.
            content = bytes([value % 7]) * chance.choice([10, 1_000, 100_000, 9_000_000 if value % 10 == 0 else 1])
            answer = call("POST", f"/channels/{self.channel}/upload", data=content)
            self.files[answer["file_id"]] = content
            self.ids.append(answer["file_id"])

    def wrong(self, platform: Platform) -> list[str]:
        """Return what is not as it was told; takes over what the last, unanswered call may have done."""
        with platform.world.store.reading():
            found = [*self.trouble, *self._wrong_items(platform), *self._wrong_files(platform)]
        self.pending = (None, None)
        self.trouble.clear()
        return found

    def _wrong_items(self, platform: Platform) -> Iterator[str]:
        table = platform.world.store.table("dataset_item", DatasetItem)
        for item, value in self.items.items():
            kept = table.get(self.dataset, str(item))
            attributes: Any = kept.attributes if kept else {}
            found = attributes.get("value")
            if self.pending == (item, found):
                self.items[item] = found
            elif found != value:
                yield f"item {item} is {found}, not {value}"

    def _wrong_files(self, platform: Platform) -> Iterator[str]:
        table = platform.world.store.table("file", File)
        for file, content in list(self.files.items()):
            found = table.get(self.channel, file)
            if found is None:
                if self.pending[0] != file:
                    yield f"file {file} is gone"
                del self.files[file]
            elif platform.world.store.blobs.read(found.digest) != content:
                yield f"file {file} has other content"
        for file in self.deleted:
            if table.get(self.channel, file) is not None:
                yield f"file {file} came back"


def serve(folder: str) -> None:
    """Serve a data directory until killed."""
    platform = Platform(data=folder)
    loopback = Loopback(platform)
    loopback.start()
    print(json.dumps([loopback.url, platform.organization.id]), flush=True)
    threading.Event().wait()


def kill_once(folder: str, clients: list[Client]) -> None:
    """Let the clients write to a fresh server, and kill it."""
    command = [sys.executable, "-m", "benchmarks.kill", "--serve", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ours
        assert server.stdout is not None
        url, organization = json.loads(server.stdout.readline())
        before = sum(client.told for client in clients)
        threads = [threading.Thread(target=client.write, args=(url, organization)) for client in clients]
        for thread in threads:
            thread.start()
        while sum(client.told for client in clients) == before and all(thread.is_alive() for thread in threads):
            time.sleep(0.001)
        time.sleep(random.uniform(0, LONGEST))  # noqa: S311 - no secrets
        os.kill(server.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()


def left_over(platform: Platform, folder: str) -> int:
    """Return how many files of content belong to no record, or records to no file."""
    with platform.world.store.reading():
        rows = platform.world.store.database.execute("SELECT digest FROM blobs").fetchall()
    known = {row[0] for row in rows}
    there = {name for part in Disk.names(f"{folder}/blobs") for name in Disk.names(f"{folder}/blobs/{part}")}
    return len(known ^ there) + len(Disk.names(f"{folder}/incoming"))


def main() -> None:
    """Kill, open, compare; say what was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--serve", metavar="DIR", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    wrong: list[str] = []
    opening: list[float] = []
    with TemporaryDirectory() as parent:
        folder = f"{parent}/data"
        with Platform(data=folder) as platform:
            clients = [Client(number, channel=platform.seed.channel(f"c{number}")) for number in range(CLIENTS)]
            credentials = platform.credentials()
        for _ in range(arguments.rounds):
            kill_once(folder, clients)
            start = time.perf_counter()
            with Platform(data=folder) as platform:
                opening.append(time.perf_counter() - start)
                for client in clients:
                    if not client.dataset:  # it was made, and the answer did not arrive
                        client.number += 100
                    wrong += client.wrong(platform)
                assert platform.credentials() == credentials
                assert left_over(platform, folder) == 0
    ids = [each for client in clients for each in client.ids]
    told = sum(client.told for client in clients)
    print("| rounds | acknowledged writes | lost or wrong | ids given twice | opened in, ms |")
    print("| --: | --: | --: | --: | --: |")
    print(
        f"| {arguments.rounds} | {told:,} | {len(wrong)} | {len(ids) - len(set(ids))} "
        f"| {median(opening) * 1e3:.0f}, at most {max(opening) * 1e3:.0f} |"
    )
    for each in wrong[:20]:
        print(each)
    if wrong or len(ids) != len(set(ids)):
        sys.exit(1)


if __name__ == "__main__":
    main()
