"""A Platform that outlives its process: its directory opened again, its snapshots, and a death without warning."""

from __future__ import annotations

import base64
import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.clock import Clock
from abeja_emulator.platform import Platform
from abeja_emulator.seeding import SeedError
from abeja_emulator.store.directory import DataInUseError
from abeja_emulator.store.files import DataError
from abeja_emulator.store.saved import UnknownSnapshotError
from tests.platform_calls import BEARER, LARGE, answer, call, description, files, new_dataset

if TYPE_CHECKING:
    from abeja_emulator.ids import Ids

ROOT = Path(__file__).parents[1]
DATASETS = "/organizations/{org}/datasets"

#: Writes for ever, and says of each write that was answered what it was told.
WRITER = """
import base64, itertools, json, os, sys
from abeja_emulator import Platform
from tests.platform_calls import answer, call

platform = Platform(data=sys.argv[1])
with platform.world.store.reading():
    channels = platform.channels()
channel = channels[0] if channels else platform.seed.channel("c")
for number in itertools.count():
    name = os.urandom(8).hex()
    dataset = answer(call(platform, "POST", "/organizations/{org}/datasets", {"name": name, "type": "t", "props": {}}))
    content = os.urandom(100 + number % 3 * 100_000)
    file = answer(call(platform, "POST", f"/channels/{channel}/upload", body=content))
    start = base64.b64encode(content[:50]).decode()
    print(json.dumps([dataset["dataset_id"], name, file["file_id"], channel, start, len(content)]), flush=True)
"""


@pytest.fixture
def data(disk: Path) -> Path:
    """A directory that does not exist yet."""
    return disk / "data"


def download(platform: Platform, channel: str, file_id: str) -> bytes:
    """Return what a file holds."""
    response = call(platform, "GET", f"/channels/{channel}/{file_id}?raw=true")
    if response.status == 200 and dict(response.headers).get("Content-Type") == "application/json":
        response = call(platform, "GET", json.loads(response.read())["download_uri"].partition("abeja.io")[2])
    return bytes(response.read())


class TestOpenedAgain:
    """Everything is as it was."""

    def test_state(self, data: Path) -> None:
        """Records and content, small and large."""
        with Platform(data=data) as platform:
            dataset = answer(new_dataset(platform))
            channel = platform.seed.channel("c")
            kept = {platform.seed.file(channel, content): content for content in (b"small", b"large" * LARGE)}
        with Platform(data=str(data)) as platform:
            assert answer(call(platform, "GET", DATASETS)) == [dataset]
            assert {file_id: download(platform, channel, file_id) for file_id in kept} == kept

    def test_credentials(self, data: Path, caplog: pytest.LogCaptureFixture) -> None:
        """The same user with the same token, which is in no log; and a strict Platform knows it."""
        with caplog.at_level(logging.DEBUG):
            with Platform(data=data, organization="acme", organization_id="1234567890123") as platform:
                before = platform.credentials()
            with Platform(data=data, auth="strict") as platform:
                assert platform.credentials() == before
                assert platform.organization.name == "acme"
                pair = f"{before['ABEJA_PLATFORM_USER_ID']}:{before['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"
                header = ("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
                assert call(platform, "GET", "/organizations/{org}", None, header).status == 200
                assert description(call(platform, "GET", "/organizations/{org}", None, BEARER), 401)
        assert before["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"] not in caplog.text
        assert before["ABEJA_ORGANIZATION_ID"] == "1234567890123"

    def test_token_is_in_one_file(self, data: Path) -> None:
        """The one that nobody else can read, and no snapshot is made of."""
        with Platform(data=data) as platform:
            token = platform.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"].encode()
            platform.save("name")
        holders = [path for path in files(data) if token in path.read_bytes()]
        assert [path.name for path in holders] == ["kept.db"]
        assert holders[0].stat().st_mode & 0o077 == 0

    def test_signed_urls(self, data: Path) -> None:
        """A URL that was given out is good until it expires, and a page token goes on where it was."""
        with Platform(data=data) as platform:
            file_id = platform.seed.file(platform.seed.channel("c"), b"content")
            channel = platform.channels()[0]
            target, _ = platform.world.signer.sign("GET", "files", channel, file_id)
            token = platform.world.signer.page_token("items", 3)
        with Platform(data=data) as platform:
            assert call(platform, "GET", target).read() == b"content"
            assert platform.world.signer.page_position("items", token) == 3
            platform.clock.advance(3601)
            assert call(platform, "GET", target).status == 403

    def test_ids(self, data: Path) -> None:
        """None comes back, not even of what was deleted or rolled back."""
        seen: list[str] = []
        for _ in range(3):
            with Platform(data=data, seed=1) as platform:
                seen += [answer(new_dataset(platform, name))["dataset_id"] for name in map(str, range(2))]
                for dataset in seen[-2:]:
                    answer(call(platform, "DELETE", f"{DATASETS}/{dataset}"))
                channel = platform.seed.channel(f"c{len(seen)}")
                seen += [channel, platform.seed.file(channel, b"same")]
                snapshot = platform.snapshot()
                seen += [answer(new_dataset(platform, "undone"))["dataset_id"], platform.seed.channel("undone")]
                snapshot.rollback()
        assert len(set(seen)) == len(seen)

    def test_numbers(self, data: Path) -> None:
        """What is counted within a parent goes on, behind what was deleted."""
        item = {"source_data": [{"data_uri": "datalake://1/2", "data_type": "text/plain"}], "attributes": {}}
        with Platform(data=data) as platform:
            dataset = answer(new_dataset(platform))["dataset_id"]
            path = f"{DATASETS}/{dataset}/items"
            assert [answer(call(platform, "POST", path, item))["dataset_item_id"] for _ in range(3)] == [1, 2, 3]
            answer(call(platform, "DELETE", f"{path}/3"))
        with Platform(data=data) as platform:
            assert answer(call(platform, "POST", path, item))["dataset_item_id"] == 4
            assert answer(call(platform, "GET", f"{DATASETS}/{dataset}"))["total_count"] == 3

    @pytest.mark.parametrize("clock", [None, Clock()], ids=["its own", "given"])
    def test_time(self, data: Path, clock: Clock | None) -> None:
        """It is never earlier than it was; a clock that is ahead of it stays ahead."""
        with Platform(data=data, clock=clock) as platform:
            platform.clock.advance(86_400)
            before = platform.clock.now()
        with Platform(data=data) as platform:
            assert platform.clock.offset == 86_400
            assert platform.clock.now() > before
        ahead = Clock()
        ahead.advance(100_000)
        with Platform(data=data, clock=ahead) as platform:
            assert platform.clock.offset == 100_000

    def test_other_organization(self, data: Path) -> None:
        """Asking for another one than it is of is refused, and so is nothing else."""
        Platform(data=data, organization="acme", organization_id="1234567890123").close()
        for name, identifier in (("other", None), (None, "1234567890124")):
            with pytest.raises(DataError, match="is of the organization acme 1234567890123"):
                Platform(data=data, organization=name, organization_id=identifier)
        Platform(data=data, organization="acme", organization_id="1234567890123").close()

    def test_in_use(self, data: Path) -> None:
        """A second Platform is refused while one is open."""
        with Platform(data=data) as platform:
            with pytest.raises(DataInUseError, match="in use by this process"):
                Platform(data=data)
            assert answer(new_dataset(platform))

    def test_open_snapshot(self, data: Path) -> None:
        """Closing keeps what came since."""
        with Platform(data=data) as platform:
            platform.snapshot()
            platform.snapshot()
            dataset = answer(new_dataset(platform))
        with Platform(data=data) as platform:
            assert answer(call(platform, "GET", DATASETS)) == [dataset]

    def test_nothing_of_a_seed_that_fails(self, data: Path) -> None:
        """All or nothing, here too."""
        with Platform(data=data) as platform, pytest.raises(SeedError):
            platform.seed.dataset([(b"content", "label"), {"nonsense": 1}])
        with Platform(data=data) as platform:
            assert answer(call(platform, "GET", DATASETS)) == []
        assert files(data / "blobs") == []


def test_killed(data: Path) -> None:
    """What was answered is there, with its content, and no id comes back, whenever the process is killed."""
    told: list[list[Any]] = []
    for answers in (1, 4, 7):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(data)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        with writer:
            assert writer.stdout is not None
            told += [json.loads(writer.stdout.readline()) for _ in range(answers)]
            writer.send_signal(signal.SIGKILL)
            # What it said before it died counts too; a line that it was killed in does not.
            told += [json.loads(line) for line in writer.stdout if line.endswith("\n")]
        with Platform(data=data) as platform:
            named = {dataset["dataset_id"]: dataset["name"] for dataset in answer(call(platform, "GET", DATASETS))}
            for dataset, name, file_id, channel, start, size in told:
                assert named[dataset] == name
                content = download(platform, channel, file_id)
                assert (base64.b64encode(content[:50]).decode(), len(content)) == (start, size)
    for ids in ([each[0] for each in told], [each[2] for each in told]):
        assert len(set(ids)) == len(ids)


class TestSaved:
    """Named snapshots of a whole Platform."""

    def test_there_and_back(self, data: Path) -> None:
        """Loading brings back what was there, but no id and no time, also after a restart."""
        with Platform(data=data) as platform:
            channel = platform.seed.channel("c")
            file_id = platform.seed.file(channel, b"content")
            saved = platform.save("base")
            first = answer(new_dataset(platform))
            answer(call(platform, "DELETE", f"/channels/{channel}/{file_id}"))
            platform.clock.advance(60)
        with Platform(data=data) as platform:
            assert platform.saved() == [saved]
            assert platform.load("base") == saved
            assert answer(call(platform, "GET", DATASETS)) == []
            assert download(platform, channel, file_id) == b"content"
            assert platform.clock.offset == 60
            assert answer(new_dataset(platform))["dataset_id"] > first["dataset_id"]
        with Platform(data=data) as platform:
            assert len(answer(call(platform, "GET", DATASETS))) == 1

    def test_within_a_snapshot(self, platform: Platform, tmp_path: Path) -> None:
        """Of a test for one: saved with it open, and undone with it."""
        outer = platform.snapshot()
        answer(new_dataset(platform, "kept"))
        platform.save("name", tmp_path / "saved")
        answer(new_dataset(platform, "later"))
        inner = platform.snapshot()
        platform.load("name", tmp_path / "saved")
        assert [each["name"] for each in answer(call(platform, "GET", DATASETS))] == ["kept"]
        inner.rollback()
        assert [each["name"] for each in answer(call(platform, "GET", DATASETS))] == ["kept", "later"]
        outer.rollback()

    def test_in_another_platform(self, tmp_path: Path) -> None:
        """It becomes that organization; its token, and no other, is the default user's, and ids do not come back."""
        folder = tmp_path / "saved"
        with Platform(organization="acme", seed=1) as platform:
            platform.clock.advance(3600)
            channel = platform.seed.channel("c")
            file_id = platform.seed.file(channel, b"content")
            saved_at = platform.clock.now()
            platform.save("name", folder)
        with Platform(auth="strict", seed=1) as other:
            before = other.credentials()
            assert other.load("name", str(folder)).organization == other.organization.name == "acme"
            after = other.credentials()
            assert after["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"] == before["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
            pair = f"{after['ABEJA_PLATFORM_USER_ID']}:{after['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"
            header = ("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
            assert call(other, "GET", "/organizations/{org}", None, header).status == 200
            assert other.seed.file(channel, b"more") != file_id
            assert other.seed.channel("d") > channel
            assert other.clock.now() >= saved_at

    def test_refused(self, platform: Platform, tmp_path: Path) -> None:
        """A name that is not there changes nothing; a Platform in memory needs a folder."""
        dataset = answer(new_dataset(platform))
        with pytest.raises(UnknownSnapshotError):
            platform.load("name", tmp_path)
        assert answer(call(platform, "GET", DATASETS)) == [dataset]
        for attempt in (platform.saved, lambda: platform.save("name"), lambda: platform.load("name")):
            with pytest.raises(DataError, match=r"name a folder, or make it with Platform\(data="):
                attempt()


def test_in_memory_nothing_is_followed() -> None:
    """Ids of a Platform that lives and dies with its process are not written down, nor noted for it."""
    with Platform() as platform:
        ids: Ids = platform.world.ids
        platform.seed.channel("c")
        assert ids._changed is None
