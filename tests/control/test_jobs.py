"""Jobs as the control API shows and steers them, with the real executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.steering import TRAIN, log, move, new_job, post_statistics

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from tests.control.steering import Steering

UNKNOWN = "1999999999999"

#: A job that takes its time after it was asked to stop.
LINGERING = """
import pathlib
import signal
import time

def handler(context):
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    print("begun", flush=True)
    while not asked:
        time.sleep(0.01)
    print("asked to stop", flush=True)
    while not pathlib.Path({go!r}).exists():
        time.sleep(0.01)
    print("the last line", flush=True)
"""


class TestList:
    """GET /_emulator/jobs."""

    def test_newest_first(self, platform: Platform, steer: Steering) -> None:
        """Of whatever job definition."""
        jobs = [new_job(platform, name) for name in ("a", "b", "a")]
        answer = steer("GET", "/jobs")
        assert [job["training_job_id"] for job in answer["jobs"]] == [job.training_job_id for job in reversed(jobs)]
        assert [(job["definition"], job["version"]) for job in answer["jobs"]] == [("a", 2), ("b", 1), ("a", 1)]
        assert answer["total"] == 3

    def test_one(self, platform: Platform, steer: Steering) -> None:
        """By its id, as the list shows it, however many are newer."""
        job = new_job(platform, "a")
        for _ in range(3):
            new_job(platform, "b")
        assert steer("GET", f"/jobs/{job.training_job_id}") == steer("GET", "/jobs")["jobs"][-1]
        steer.refused(404, "GET", f"/jobs/{UNKNOWN}", "there is no training job")

    def test_filters(self, platform: Platform, steer: Steering) -> None:
        """By status, by the name or the id of the definition, and by both; `total` counts what `limit` cuts off."""
        jobs = [new_job(platform, name) for name in ("a", "b", "a", "a")]
        move(platform, jobs[0], "Active")
        move(platform, jobs[1], "Active")

        def shown(query: str) -> list[int]:
            found = [job["training_job_id"] for job in steer("GET", "/jobs?" + query)["jobs"]]
            return [number for number, job in enumerate(jobs) if job.training_job_id in found]

        assert shown("status=Active") == [0, 1]
        assert shown("status=Failed") == []
        assert shown("definition=a") == shown(f"definition={jobs[0].job_definition_id}") == [0, 2, 3]
        assert shown("definition=a&status=Pending&limit=1") == [3]
        assert shown("definition=c") == []
        assert steer("GET", "/jobs?definition=a&limit=1")["total"] == 3

    def test_what_is_shown(self, platform: Platform, steer: Steering) -> None:
        """Times, message and the last statistics; what it lacks is null."""
        job = new_job(platform, "train")
        (pending,) = steer("GET", "/jobs")["jobs"]
        assert pending == {
            "training_job_id": job.training_job_id,
            "organization_id": platform.organization.id,
            "definition": "train",
            "version": 1,
            "status": "Pending",
            "status_message": None,
            "exec_env": "cloud",
            "queued": False,
            "running": False,
            "created_at": job.created_at + "Z",
            "start_time": None,
            "completion_time": None,
            "seconds": None,
            "statistics": None,
        }
        move(platform, job, "Active")
        post_statistics(platform, job, {"num_epochs": 1}, {"num_epochs": 2, "stages": {"train": {"loss": 0.5}}})
        platform.clock.advance(60)
        move(platform, job, "Failed", "exit code 1")
        (failed,) = steer("GET", "/jobs")["jobs"]
        assert (failed["status"], failed["status_message"]) == ("Failed", "exit code 1")
        assert failed["statistics"] == {"num_epochs": 2, "stages": {"train": {"loss": 0.5}}}
        assert 60 <= failed["seconds"] < 120
        assert failed["created_at"] <= failed["start_time"] < failed["completion_time"]

    def test_other_organizations(self, platform: Platform, steer: Steering) -> None:
        """The server has all of them, not only the default one."""
        other = platform.seed.organization("other")
        new_job(platform, organization=other.id)
        assert [job["organization_id"] for job in steer("GET", "/jobs")["jobs"]] == [other.id]

    @pytest.mark.parametrize(
        "query", ["status=pending", "status=", "limit=0", "limit=-1", "limit=x", "limit=4294967296"]
    )
    def test_bad(self, steer: Steering, query: str) -> None:
        """What no job can be is refused, not answered with nothing."""
        steer.refused(400, "GET", "/jobs?" + query, "get_jobs")

    def test_where_none_run(self, bare: Steering, platform: Platform) -> None:
        """They are shown all the same."""
        new_job(platform, source=TRAIN)
        (job,) = bare("GET", "/jobs")["jobs"]
        assert (job["queued"], job["running"]) == (False, False)


class TestRelease:
    """POST /_emulator/jobs/{training_job_id}/release."""

    def test_held_job_runs_to_its_end(self, platform: Platform, steer: Steering, executor: Executor) -> None:
        """It waits until it is let go, and no other is let go with it; then its log is there, and has an end."""
        job, other = new_job(platform, "a", TRAIN), new_job(platform, "b", TRAIN)
        path = f"/jobs/{job.training_job_id}"
        assert {shown["queued"] for shown in steer("GET", "/jobs")["jobs"]} == {True}
        assert steer("GET", path + "/log") == {"lines": [], "next": 0, "ended": False}
        assert steer("POST", path + "/release")["message"]
        executor.wait(job.training_job_id, 60)
        states = {shown["definition"]: shown for shown in steer("GET", "/jobs")["jobs"]}
        page = steer("GET", path + "/log")
        assert states["a"]["status"] == "Complete", page
        assert (states["a"]["queued"], states["b"]["queued"]) == (False, True)
        assert executor.queued() == [other.training_job_id]
        lines = {line["message"]: line["level"] for line in page["lines"]}
        assert (lines["a line"], lines["a warning"]) == ("INFO", "WARNING")
        assert page["ended"]

    def test_one_that_does_not_wait(self, platform: Platform, steer: Steering, executor: Executor) -> None:
        """A job that is over, or that nobody here runs, is refused with where it is."""
        over = new_job(platform)
        move(platform, over, "Failed")
        steer.refused(409, "POST", f"/jobs/{over.training_job_id}/release", "Failed")
        stopped = new_job(platform, source=TRAIN)
        move(platform, stopped, "Stopped")
        executor.wait(stopped.training_job_id, 60)
        steer.refused(409, "POST", f"/jobs/{stopped.training_job_id}/release", "Stopped")

    def test_unknown(self, steer: Steering) -> None:
        """And one that is not there is not found."""
        steer.refused(404, "POST", f"/jobs/{UNKNOWN}/release", UNKNOWN)

    def test_where_none_run(self, bare: Steering, platform: Platform) -> None:
        """A server that runs no jobs says so."""
        bare.refused(409, "POST", f"/jobs/{new_job(platform).training_job_id}/release", "runs no jobs")


class TestMode:
    """GET and PUT /_emulator/jobs-mode."""

    def test_what_is(self, steer: Steering, executor: Executor) -> None:
        """As the executor has it."""
        timing = executor.timing
        expected = {"mode": "held", "pending_seconds": timing.pending, "active_seconds": timing.active}
        assert steer("GET", "/jobs-mode") == expected

    def test_change(self, steer: Steering, executor: Executor) -> None:
        """What is named is changed, the rest stays; the answer is what is now."""
        before = steer("GET", "/jobs-mode")
        assert steer("PUT", "/jobs-mode", json={}) == steer("PUT", "/jobs-mode") == before
        assert steer("PUT", "/jobs-mode", json={"mode": "virtual"}) == {**before, "mode": "virtual"}
        after = steer("PUT", "/jobs-mode", json={"pending_seconds": 0, "active_seconds": 90.5})
        assert after == {"mode": "virtual", "pending_seconds": 0, "active_seconds": 90.5}
        assert (executor.mode, executor.timing.pending, executor.timing.active) == ("virtual", 0, 90.5)

    def test_for_those_that_come(self, platform: Platform, steer: Steering, executor: Executor) -> None:
        """A job that was held stays so; one made afterwards runs at once."""
        held = new_job(platform, "a", TRAIN)
        steer("PUT", "/jobs-mode", json={"mode": "immediate"})
        job = new_job(platform, "b", TRAIN)
        assert executor.wait(job.training_job_id, 60).status == "Complete"
        assert executor.queued() == [held.training_job_id]

    @pytest.mark.parametrize(
        "body",
        [
            {"mode": "later"},
            {"mode": None},
            {"pending_seconds": -1},
            {"active_seconds": "5"},
            {"active_seconds": 1e12},
            {"mode": "virtual", "pending_seconds": True},
            {"pending": 5},
        ],
    )
    def test_bad(self, steer: Steering, body: dict[str, Any]) -> None:
        """Nothing is changed, not even what was right."""
        before = steer("GET", "/jobs-mode")
        steer.refused(400, "PUT", "/jobs-mode", "set_jobs_mode", json=body)
        assert steer("GET", "/jobs-mode") == before

    def test_where_none_run(self, bare: Steering) -> None:
        """A server that runs no jobs has no mode."""
        bare.refused(409, "GET", "/jobs-mode", "runs no jobs")
        bare.refused(409, "PUT", "/jobs-mode", "runs no jobs", json={"mode": "held"})


class TestFollowing:
    """GET /_emulator/jobs/{training_job_id}/log and …/statistics, page after page."""

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_every_line_once(self, platform: Platform, steer: Steering, limit: int) -> None:
        """Whoever goes on from `next` sees each line once and in order, those that come in between included."""
        job, other = new_job(platform), new_job(platform)
        path, seen, after = f"/jobs/{job.training_job_id}/log", list[str](), 0
        for number in range(3):
            log(platform, job, f"{number} a", f"{number} b")
            log(platform, other, "another's")
            page = steer("GET", f"{path}?after={after}&limit={limit}")
            assert len(page["lines"]) <= limit
            assert not page["ended"]
            seen += [line["message"] for line in page["lines"]]
            after = page["next"]
        move(platform, job, "Complete")
        while not page["ended"]:
            page = steer("GET", f"{path}?after={after}&limit={limit}")
            seen += [line["message"] for line in page["lines"]]
            after = page["next"]
        assert seen == [f"{number} {letter}" for number in range(3) for letter in "ab"]
        assert steer("GET", f"{path}?after={after}") == {"lines": [], "next": after, "ended": True}

    def test_line(self, platform: Platform, steer: Steering) -> None:
        """With its time, its level, and every character of what the job wrote."""
        job = new_job(platform)
        log(platform, job, "", "猫 \x1b[32mloss\x1b[0m: 0.5, token: 5, password=hunter22")
        assert steer("GET", f"/jobs/{job.training_job_id}/log")["lines"] == [
            {"timestamp": 0, "level": "INFO", "message": ""},
            {"timestamp": 1, "level": "INFO", "message": "猫 \x1b[32mloss\x1b[0m: 0.5, token: 5, password=hunter22"},
        ]

    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_every_statistic_once(self, platform: Platform, steer: Steering, limit: int) -> None:
        """All that was posted, not only the last."""
        job = new_job(platform)
        path, seen, page = f"/jobs/{job.training_job_id}/statistics", [], {"next": 0, "ended": False}
        post_statistics(platform, job, *({"num_epochs": number} for number in range(5)))
        move(platform, job, "Complete")
        while not page["ended"]:
            page = steer("GET", f"{path}?after={page['next']}&limit={limit}")
            seen += page["statistics"]
        assert [posted["num_epochs"] for posted in seen] == [0, 1, 2, 3, 4]

    def test_stopped_job_that_still_writes(
        self, platform: Platform, steer: Steering, executor: Executor, tmp_path: Path
    ) -> None:
        """A log has not ended while the process of a stopped job is there: it may say why it needs its time."""
        go = tmp_path / "go"
        job = new_job(platform, source=LINGERING.format(go=str(go)).encode())
        path = f"/jobs/{job.training_job_id}"
        steer("POST", path + "/release")
        for word in ("begun", "asked to stop"):
            page = steer("GET", path + "/log")
            while word not in [line["message"] for line in page["lines"]]:
                assert not page["ended"], page
                page = steer("GET", path + "/log")
            if word == "begun":
                move(platform, job, "Stopped")
        (shown,) = steer("GET", "/jobs")["jobs"]
        assert (shown["status"], shown["running"], page["ended"]) == ("Stopped", True, False)
        go.touch()
        executor.wait(job.training_job_id, 60)
        page = steer("GET", path + "/log")
        assert page["lines"][-1]["message"] == "the last line"
        assert page["ended"]

    def test_goes_on_after_a_reset(self, platform: Platform, steer: Steering) -> None:
        """Lines that were rolled back come no more, and those after them do, for a follower who saw the former."""
        job = new_job(platform)
        snapshot = platform.snapshot()
        log(platform, job, "gone")
        path = f"/jobs/{job.training_job_id}/log"
        after = steer("GET", path)["next"]
        snapshot.rollback()
        log(platform, job, "stays")
        assert [line["message"] for line in steer("GET", f"{path}?after={after}")["lines"]] == ["stays"]

    @pytest.mark.parametrize("what", ["log", "statistics"])
    def test_bad(self, platform: Platform, steer: Steering, what: str) -> None:
        """An unknown job is not found, and a place that none can be is refused."""
        steer.refused(404, "GET", f"/jobs/{UNKNOWN}/{what}", UNKNOWN)
        path = f"/jobs/{new_job(platform).training_job_id}/{what}"
        for query in ("after=-1", "after=x", "after=", "limit=0", f"after={2**63}"):
            steer.refused(400, "GET", f"{path}?{query}", f"get_job_{what}")
        assert steer("GET", f"{path}?after={2**63 - 1}&limit={2**31 - 1}")["next"] == 2**63 - 1
