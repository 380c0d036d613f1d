"""The state of a platform and its time: reset, named snapshots, the clock."""

from __future__ import annotations

import datetime
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from abeja_emulator.control.checkpoint import Checkpoint, SavedCheckpoint
from abeja_emulator.control.control import Control
from abeja_emulator.control.saved import SavedStates
from abeja_emulator.platform import Platform
from abeja_emulator.store.store import SnapshotOrderError
from abeja_emulator.wire.messages import Request
from tests.control.steering import new_job
from tests.platform_calls import answer, new_dataset
from tests.services.training.samples import state

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.runtime.executor import Executor
    from tests.control.steering import Steering

SOURCE = b"def handler(context): pass"


def names(platform: Platform) -> list[str]:
    """Return the names of the datasets."""
    return [dataset.name for dataset in platform.look.datasets()]


def snapshots(steer: Steering) -> list[str]:
    """Return the names of the snapshots."""
    return [snapshot["name"] for snapshot in steer("GET", "/snapshots")["snapshots"]]


class TestReset:
    """POST /_emulator/reset."""

    def test_as_it_was_when_control_was_made(self, platform: Platform, steer: Steering) -> None:
        """As often as one likes, and not to an empty platform."""
        at_the_start = state(platform)
        for _ in range(3):
            new_dataset(platform)
            platform.seed.file(platform.seed.channel("files"), b"content")
            assert state(platform) != at_the_start
            assert steer("POST", "/reset")["message"]
            assert state(platform) == at_the_start

    def test_what_was_there_stays(self, platform: Platform, request: pytest.FixtureRequest) -> None:
        """Here a dataset that was there before."""
        platform.seed.dataset([("content", "label")], "before")
        steer: Steering = request.getfixturevalue("steer")
        platform.seed.dataset([("content", "label")], "after")
        steer("POST", "/reset")
        assert names(platform) == ["before"]
        (item,) = platform.look.items(platform.look.dataset("before").dataset_id)
        channel, file = item.source_data[0]["data_uri"].removeprefix("datalake://").split("/")
        assert platform.look.content(channel, file) == b"content"

    def test_ids_and_time_go_on(self, platform: Platform, steer: Steering) -> None:
        """So that what a client has kept by its id is never something else's."""
        first = platform.seed.channel("files")
        steer("POST", "/clock/advance", json={"seconds": 60})
        steer("POST", "/reset")
        assert platform.seed.channel("files") > first
        assert platform.clock.offset == 60

    def test_jobs_that_are_gone_are_ended(self, platform: Platform, steer: Steering, executor: Executor) -> None:
        """Nothing waits any more for a job that nobody can see."""
        job = new_job(platform, source=SOURCE)
        assert executor.queued() == [job.training_job_id]
        steer("POST", "/reset")
        assert executor.queued() == []
        assert steer("GET", "/jobs") == {"jobs": [], "total": 0}

    def test_where_there_is_no_start(self, bare: Steering) -> None:
        """A server that cannot says what to do instead."""
        bare.refused(409, "POST", "/reset", "snapshot")


class TestCheckpoint:
    """What goes back to the start."""

    def test_under_writes(self, platform: Platform) -> None:
        """What is written meanwhile is either wholly gone or wholly there, and nothing fails."""
        checkpoint = Checkpoint(platform)
        stop, failures = threading.Event(), []

        def write() -> None:
            while not stop.is_set():
                response = new_dataset(platform, f"d-{threading.get_ident()}-{platform.world.ids.sequence()}")
                if response.status != 200:
                    failures.append(response.read())

        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            checkpoint()
        stop.set()
        for thread in threads:
            thread.join()
        checkpoint()
        assert (failures, names(platform)) == ([], [])

    def test_with_a_later_snapshot_open(self, platform: Platform) -> None:
        """It says that one is left first, and goes back once it is."""
        checkpoint = Checkpoint(platform)
        later = platform.snapshot()
        new_dataset(platform)
        with pytest.raises(SnapshotOrderError, match="innermost"):
            checkpoint()
        later.release()
        checkpoint()
        assert names(platform) == []


class TestSavedCheckpoint:
    """The same, where an open snapshot would keep everything off the disk."""

    def test_of_a_data_directory(self, tmp_path: Path) -> None:
        """What is done after it, and after each return, is there when the directory is opened again."""
        with Platform(data=tmp_path / "data") as platform:
            new_dataset(platform, "before")
            checkpoint = SavedCheckpoint(platform, tmp_path / "start")
            for name in ("gone", "gone-too"):
                new_dataset(platform, name)
                checkpoint()
                assert names(platform) == ["before"]
            new_dataset(platform, "after")
        with Platform(data=tmp_path / "data") as platform:
            assert names(platform) == ["before", "after"]

    def test_over_the_wire(self, tmp_path: Path) -> None:
        """As what a server resets with."""
        with Platform(data=tmp_path / "data") as platform:
            control = Control(platform, reset=SavedCheckpoint(platform, tmp_path / "start"))
            new_dataset(platform)
            response = control.handle(Request("POST", "/_emulator/reset", host="127.0.0.1:1"))
            assert answer(response)["message"]
            assert names(platform) == []


class TestSnapshots:
    """PUT, POST …/restore and DELETE /_emulator/snapshots/{name}."""

    def test_save_and_restore(self, platform: Platform, steer: Steering) -> None:
        """A state comes back by its name, as often as one likes, and the others stay."""
        assert steer("GET", "/snapshots") == {"snapshots": []}
        saved = steer("PUT", "/snapshots/empty")
        assert (saved["name"], saved["organization"]) == ("empty", platform.organization.name)
        new_dataset(platform, "one")
        steer("PUT", "/snapshots/one.2")
        new_dataset(platform, "two")
        for name, expected in (("one.2", ["one"]), ("empty", []), ("one.2", ["one"])):
            assert steer("POST", f"/snapshots/{name}/restore")["name"] == name
            assert names(platform) == expected
        assert snapshots(steer) == ["empty", "one.2"]

    def test_save_again(self, platform: Platform, steer: Steering) -> None:
        """The same name means the later state from then on."""
        steer("PUT", "/snapshots/a")
        new_dataset(platform, "one")
        steer("PUT", "/snapshots/a")
        new_dataset(platform, "two")
        steer("POST", "/snapshots/a/restore")
        assert names(platform) == ["one"]
        assert snapshots(steer) == ["a"]

    def test_delete(self, steer: Steering) -> None:
        """It is gone, and says so when it is asked for."""
        steer("PUT", "/snapshots/a")
        steer("PUT", "/snapshots/b")
        steer("DELETE", "/snapshots/a")
        steer.refused(404, "POST", "/snapshots/a/restore", "'a'", "there are b")
        steer.refused(404, "DELETE", "/snapshots/a", "'a'")

    def test_unknown(self, platform: Platform, steer: Steering) -> None:
        """What was never saved is not restored, and nothing changes."""
        new_dataset(platform)
        steer.refused(404, "POST", "/snapshots/never/restore", "'never'", "there are none")
        assert names(platform) == ["flowers"]

    @pytest.mark.parametrize("name", ["..", ".hidden", "a%2Fb", "%2E%2E%2Fetc", "a%20b", "a%00", "-a", "ä", "a" * 101])
    def test_names_that_no_file_should_have(self, steer: Steering, name: str) -> None:
        """They are refused before anything is kept."""
        # Or requests would take the dots away.
        path = f"/snapshots/{name}" if name != ".." else "/snapshots/%252E%252E"
        steer.refused(400, "PUT", path, "letters, digits")
        assert steer("GET", "/snapshots") == {"snapshots": []}

    def test_longest_name(self, steer: Steering) -> None:
        """A hundred are a name."""
        assert steer("PUT", "/snapshots/" + "a" * 100)["name"] == "a" * 100

    def test_jobs_that_are_gone_are_ended(self, platform: Platform, steer: Steering, executor: Executor) -> None:
        """And those that are in the state go on waiting."""
        kept = new_job(platform, source=SOURCE)
        steer("PUT", "/snapshots/a")
        new_job(platform, source=SOURCE)
        assert len(executor.queued()) == 2
        steer("POST", "/snapshots/a/restore")
        assert executor.queued() == [kept.training_job_id]

    def test_content_and_answers(self, platform: Platform, steer: Steering) -> None:
        """The bytes of files come back, too; an answer says when it was saved and how much it is."""
        made = steer("POST", "/seed", json={"channels": [{"name": "logs", "files": ["a.txt"]}]})["channels"][0]
        before = steer("GET", "/clock")["now"]
        saved = steer("PUT", "/snapshots/a")
        assert before <= saved["saved_at"] <= steer("GET", "/clock")["now"]
        assert saved["size"] > len(b"a rose")
        empty = state(platform)["records"]
        steer("POST", "/reset")
        assert len(empty) - len(state(platform)["records"]) == 2
        assert steer("POST", "/snapshots/a/restore") == saved == steer("GET", "/snapshots")["snapshots"][0]
        assert platform.look.content(made["channel_id"], made["files"][0]) == b"a rose"

    def test_reset_after_a_restore(self, platform: Platform, steer: Steering, tmp_path: Path) -> None:
        """The start stays the start, whatever was restored, its organization included."""
        at_the_start, organization = state(platform), platform.organization
        with Platform(organization="other-org", organization_id="1999999999998") as other:
            SavedStates(other, tmp_path / "saved").save("other")
        steer("POST", "/snapshots/other/restore")
        assert platform.organization.name == "other-org"
        steer("POST", "/reset")
        assert (state(platform), platform.organization) == (at_the_start, organization)
        assert steer("GET", "/health")["organization_id"] == organization.id

    def test_damaged(self, platform: Platform, steer: Steering, tmp_path: Path) -> None:
        """One that cannot be read is refused with a sentence, and the state stays as it is."""
        new_dataset(platform)
        steer("POST", "/seed", json={"channels": [{"name": "logs", "files": ["a.txt"]}]})
        steer("PUT", "/snapshots/a")
        for folder in (tmp_path / "saved").rglob("blobs"):
            shutil.rmtree(folder)
        steer("POST", "/reset")
        before = state(platform)
        steer.refused(409, "POST", "/snapshots/a/restore", "save it again")
        assert state(platform) == before

    def test_where_there_are_none(self, bare: Steering) -> None:
        """A server that keeps none says so, whatever is asked of it."""
        for method, path in (
            ("GET", "/snapshots"),
            ("PUT", "/snapshots/a"),
            ("POST", "/snapshots/a/restore"),
            ("DELETE", "/snapshots/a"),
        ):
            bare.refused(409, method, path, "no snapshots")


class TestClock:
    """GET /_emulator/clock, POST /_emulator/clock/advance."""

    def test_advance(self, platform: Platform, steer: Steering) -> None:
        """The time on the platform is later at once, and the answer says it."""
        before = platform.clock.now()
        shown = steer("POST", "/clock/advance", json={"seconds": 3600.5})
        now = datetime.datetime.fromisoformat(shown["now"].replace("Z", "+00:00"))
        assert now - before >= datetime.timedelta(seconds=3600.5)
        assert shown["offset"] == platform.clock.offset == 3600.5
        assert steer("GET", "/clock")["offset"] == 3600.5
        assert steer("GET", "/clock")["now"] >= shown["now"]

    def test_adds_up(self, steer: Steering) -> None:
        """Twice is twice, and nothing is nothing."""
        for seconds, offset in ((10, 10), (0, 10), (0.25, 10.25)):
            assert steer("POST", "/clock/advance", json={"seconds": seconds})["offset"] == offset

    def test_virtual(self, platform: Platform, steer: Steering) -> None:
        """A sleep passes at once while the clock is virtual, which it is not before somebody says so."""
        assert steer("GET", "/clock")["virtual"] is False
        assert steer("PUT", "/clock", json={"virtual": True})["virtual"] is True
        platform.clock.sleep(3600)
        assert steer("PUT", "/clock", json={"virtual": False}).items() >= {"offset": 3600, "virtual": False}.items()
        steer.refused(400, "PUT", "/clock", "`virtual`", json={})

    def test_who_waits_is_woken(self, platform: Platform, steer: Steering) -> None:
        """A job of the virtual mode waits on this clock."""
        over = threading.Event()

        def wait() -> None:
            platform.clock.wait(86_400, lambda: False)
            over.set()

        thread = threading.Thread(target=wait)
        thread.start()
        # Again and again, since it may begin to wait only after the first; time itself ends before the loop would not.
        while not over.is_set():
            steer("POST", "/clock/advance", json={"seconds": 86_400 * 365})
        thread.join()

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({}, "`seconds`"),
            ({"seconds": -1}, ">= 0"),
            ({"seconds": "60"}, "`float`"),
            ({"seconds": True}, "`float`"),
            ({"seconds": None}, "`float`"),
            ({"seconds": 1e300}, "9999"),
            ({"seconds": 4e11}, "9999"),
            ({"minutes": 1, "seconds": 1}, "`minutes`"),
        ],
    )
    def test_bad(self, platform: Platform, steer: Steering, body: dict[str, object], words: str) -> None:
        """What is no time to come is refused, and no time passes."""
        steer.refused(400, "POST", "/clock/advance", words, json=body)
        assert platform.clock.offset == 0
