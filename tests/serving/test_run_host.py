"""Runs that are submitted are taken, first in first out, so many at once, and end; nothing is left behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable

import abeja.exceptions
import pytest
from abeja.deployments import APIClient as DeploymentsAPI

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.runtime.runner import MODE_VARIABLE, Timing
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.serving.messages import ModelAnswer, ModelGone
from abeja_emulator.serving.run_host import RunHost
from tests.serving.run_samples import PATIENCE, FakeCodes, Gate, Maker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abeja_emulator.platform import Platform

    MakeHost = Callable[..., RunHost]


@pytest.fixture
def codes() -> FakeCodes:
    """What makes the processes; a test says what they say."""
    return FakeCodes()


@pytest.fixture
def make_host(
    platform: Platform, codes: FakeCodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeHost]:
    """Make a host, started, whose models are those of `codes`; all are stopped at the end, and leave nothing."""
    monkeypatch.setattr("abeja_emulator.serving.run_host.ModelCodes", lambda *_, **__: codes)
    hosts = []
    listeners = list(platform.world.listeners)

    def make(**options: Any) -> RunHost:
        host = RunHost(platform, tmp_path / "runs", api_url=lambda: "http://127.0.0.1:1", **options)
        hosts.append(host)
        host.start()
        return host

    yield make
    for host in hosts:
        host.stop()
    assert not (tmp_path / "runs").exists()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("abeja-emulator-run")] == []
    assert all(process.closed == 1 for process in codes.processes)
    assert not somebody_runs(platform)
    assert not platform.world.attendants.tokens
    assert [each for each in platform.world.listeners if getattr(each, "__self__", None) in hosts] == []
    assert platform.world.listeners[: len(listeners)] == listeners


def told(platform: Platform) -> list[str]:
    """Return the statuses of runs that will have been told, in their order."""
    statuses: list[str] = []
    platform.world.listeners.append(lambda record: statuses.append(record.status) if isinstance(record, Run) else None)
    return statuses


def move(platform: Platform, run_id: str, *statuses: str) -> None:
    """Let a run go from status to status."""
    runs = Runs(platform.world)
    for status in statuses:
        with platform.world.store.transaction():
            runs.move(runs.find(run_id), status)


def somebody_runs(platform: Platform) -> bool:
    """Tell whether a host hears of the runs that are submitted."""
    return any(isinstance(getattr(each, "__self__", None), RunHost) for each in platform.world.listeners)


class TestLifeCycle:
    """From SUBMITTED to the end."""

    def test_succeeded(self, make_host: MakeHost, maker: Maker, platform: Platform) -> None:
        """A run goes through all that is between, once each, while somebody runs it."""
        statuses = told(platform)
        host = make_host()
        assert somebody_runs(platform)
        run = host.wait(maker.run(), PATIENCE)
        assert (run.status, run.retries) == ("SUCCEEDED", 0)
        assert statuses == ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
        assert maker.shown(run.run_id)["status"] == "SUCCEEDED"
        assert maker.log(run.run_id) == ["abeja-emulator: attempt 1 of 6"]

    def test_tried_again(self, make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform) -> None:
        """From RUNNING it is RUNNABLE again, with an output too, and the other way is as the first time."""
        codes.says(ModelAnswer(500, "text/plain", body=b"no"), ModelAnswer(200, "text/csv", body=b"yes"))
        statuses = told(platform)
        channel = maker.channel()
        run = make_host().wait(maker.run(output_template={"$datalake:1": channel}), PATIENCE)
        assert (run.status, run.retries) == ("SUCCEEDED", 1)
        tried = ["RUNNABLE", "STARTING", "RUNNING", "RUNNING"]
        assert statuses == ["SUBMITTED", "PENDING", *tried, *tried, "SUCCEEDED"]
        assert run.output == {"$datalake:1": f"{channel}/{platform.look.files(channel)[1].file_id}"}

    def test_waiting_at_the_start(self, make_host: MakeHost, maker: Maker, platform: Platform) -> None:
        """Runs that wait already are taken wherever they wait; those that have ended are not."""
        ways = [(), ("PENDING",), ("PENDING", "RUNNABLE"), ("FAILED",), ("RUNNING", "SUCCEEDED")]
        version = maker.version()
        ids = [maker.run(version) for _ in ways]
        for run_id, way in zip(ids, ways):
            move(platform, run_id, *way)
        host = make_host()
        assert [host.wait(run_id, PATIENCE).status for run_id in ids] == [
            *["SUCCEEDED"] * 3,
            "FAILED",
            "SUCCEEDED",
        ]
        assert [bool(maker.log(run_id)) for run_id in ids] == [True, True, True, False, False]

    @pytest.mark.parametrize(("retry_count", "status"), [(1, "SUCCEEDED"), (0, "FAILED")])
    @pytest.mark.parametrize("way", [("STARTING",), ("STARTING", "RUNNING")])
    def test_left_by_another_process(
        self,
        make_host: MakeHost,
        maker: Maker,
        platform: Platform,
        way: tuple[str, ...],
        retry_count: int,
        status: str,
    ) -> None:
        """A run that was being tried when its process ended has lost that attempt, and has the others."""
        run_id = maker.run(retry_count=retry_count)
        move(platform, run_id, *way)
        run = make_host().wait(run_id, PATIENCE)
        assert (run.status, run.retries) == (status, retry_count)
        lost = f"attempt 1 of {retry_count + 1} failed: the emulator that ran it has ended before it did"
        assert maker.log(run_id)[0] == f"abeja-emulator: {lost}"

    def test_stopped(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """Stopped, a host kills what runs: that attempt is lost; what waits stays as it is; and the next goes on."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=2)
        version = maker.version()
        tried, last, waits = maker.run(version), maker.run(version, retry_count=0), maker.run(version)
        gate.wait_for_one()
        gate.wait_for_one()
        host.stop()
        assert [maker.status(run_id) for run_id in (tried, last, waits)] == ["RUNNABLE", "FAILED", "SUBMITTED"]
        assert maker.log(tried)[-1].endswith("attempt 1 of 6 failed: the emulator was stopped while it ran")
        assert host.queued() == host.running() == host.unfinished() == []
        assert maker.status(maker.run(version)) == "SUBMITTED"
        codes.says(b"done")
        following = make_host()
        assert [following.wait(run_id, PATIENCE).status for run_id in (tried, last, waits)] == [
            "SUCCEEDED",
            "FAILED",
            "SUCCEEDED",
        ]

    def test_twice(self, make_host: MakeHost, maker: Maker, platform: Platform, codes: FakeCodes) -> None:
        """Started or stopped twice, it is as if once."""
        host = make_host()
        host.start()
        assert host.wait(maker.run(), PATIENCE).status == "SUCCEEDED"
        host.stop()
        host.stop()
        assert len(codes.processes) == 1
        assert not somebody_runs(platform)

    def test_deleted(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """A run that is gone with its deployment is killed, and one that waits is forgotten."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=1)
        version = maker.version()
        runs, waits = maker.run(version), maker.run(version)
        gate.wait_for_one()
        entry = host._queue.get(runs)
        assert entry is not None
        DeploymentsAPI().delete_deployment(maker.organization, maker.deployment)
        assert entry.ended.wait(PATIENCE)
        assert host.queued() == host.running() == []
        assert codes.processes[0].killed.is_set()
        for run_id in (runs, waits):
            with pytest.raises(NotFound):
                host.wait(run_id)
        assert len(codes.processes) == 1

    def test_moved_by_somebody_else(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """What somebody else has ended is killed, and stays as they said; what somebody else runs is left to them."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=1)
        version = maker.version()
        runs, waits = maker.run(version), maker.run(version)
        gate.wait_for_one()
        move(maker.platform, waits, "RUNNING")
        move(maker.platform, runs, "FAILED")
        assert host.wait(runs, PATIENCE).status == "FAILED"
        assert host.wait(waits, PATIENCE).status == "RUNNING"
        assert len(codes.processes) == 1


class TestSlots:
    """So many at once, in the order they came."""

    def test_first_in_first_out(self, make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform) -> None:
        """Two run, the others are SUBMITTED, and take the place of each that ends, the oldest first."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=2)
        begun: list[str] = []
        platform.world.listeners.append(
            lambda record: begun.append(record.run_id) if getattr(record, "status", "") == "STARTING" else None
        )
        version = maker.version()
        ids = [maker.run(version) for _ in range(4)]
        gate.wait_for_one()
        gate.wait_for_one()
        assert sorted(host.running()) == sorted(ids[:2])
        assert host.queued() == ids[2:]
        assert host.unfinished() == ids
        assert [maker.status(run_id) for run_id in ids[2:]] == ["SUBMITTED"] * 2
        gate.let_go()
        gate.wait_for_one()
        assert host.queued() == ids[3:]
        gate.let_go(3)
        assert [host.wait(run_id, PATIENCE).status for run_id in ids] == ["SUCCEEDED"] * 4
        assert begun[2:] == ids[2:]
        assert host.unfinished() == []

    def test_wait_in_vain(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """One that has not ended says where it is, and goes on."""
        gate = Gate()
        codes.says(gate)
        host = make_host()
        run_id = maker.run()
        gate.wait_for_one()
        with pytest.raises(TimeoutError, match=f"{run_id} has not ended after 0 s; it is RUNNING"):
            host.wait(run_id, 0)
        gate.let_go()
        assert host.wait(run_id, PATIENCE).status == "SUCCEEDED"

    def test_abandoned(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """One that is abandoned is FAILED when that returns, whether it ran or waited, and is not tried again."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=1)
        version = maker.version()
        runs, waits = maker.run(version), maker.run(version)
        gate.wait_for_one()
        host.abandon(waits)
        host.abandon(runs)
        assert [maker.status(run_id) for run_id in (runs, waits)] == ["FAILED"] * 2
        assert maker.log(waits) == ["abeja-emulator: it was abandoned"]
        assert host.unfinished() == []
        host.abandon(runs)
        assert len(codes.processes) == 1


class TestModes:
    """When a run begins."""

    def test_held(self, make_host: MakeHost, maker: Maker) -> None:
        """One that is held waits until it is let go, and does not stand in the way of others."""
        host = make_host(mode="held", slots=1)
        version = maker.version()
        first, second = maker.run(version), maker.run(version)
        own = maker.run(version, environment={MODE_VARIABLE: "immediate"})
        assert host.wait(own, PATIENCE).status == "SUCCEEDED"
        assert host.queued() == [first, second]
        assert host.unfinished() == []
        with pytest.raises(Conflict, match="let it go"):
            host.wait(first)
        host.release(second)
        assert host.wait(second, PATIENCE).status == "SUCCEEDED"
        assert maker.status(first) == "SUBMITTED"
        with pytest.raises(NotFound, match=first):
            host.release(second)
        host.release()
        assert host.wait(first, PATIENCE).status == "SUCCEEDED"

    def test_virtual(self, make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform) -> None:
        """By the Platform's clock each attempt waits for its machine, and takes its time."""
        codes.says(ModelAnswer(500), b"done")
        host = make_host(mode="virtual", timing=Timing(pending=1000.0, active=5000.0))
        reached = {status: threading.Semaphore(0) for status in ("RUNNABLE", "RUNNING", "SUCCEEDED")}
        platform.world.listeners.append(
            lambda record: reached[record.status].release() if getattr(record, "status", "") in reached else None
        )
        run_id = maker.run()
        for status, seconds in (("RUNNABLE", 1000), ("RUNNING", 5000), ("RUNNABLE", 1000), ("RUNNING", 5000)):
            assert reached[status].acquire(timeout=PATIENCE)
            assert maker.status(run_id) == status
            platform.clock.advance(seconds)
        assert host.wait(run_id, PATIENCE).status == "SUCCEEDED"
        assert host.wait(run_id).retries == 1

    @pytest.mark.parametrize(("mode", "status"), [("virtual", "RUNNABLE"), ("held", "SUBMITTED")])
    def test_stopped_while_it_waits(
        self, make_host: MakeHost, maker: Maker, platform: Platform, mode: Any, status: str
    ) -> None:
        """One that waits for its time, or to be let go, does not keep the host."""
        there = threading.Event()
        platform.world.listeners.append(lambda record: there.set() if getattr(record, "status", "") == status else None)
        host = make_host(mode=mode, timing=Timing(pending=1e6))
        run_id = maker.run()
        assert there.wait(PATIENCE)
        host.stop()
        assert maker.status(run_id) == status

    def test_no_such_mode(self, make_host: MakeHost, maker: Maker) -> None:
        """A mode that is none is refused, or fails the run that says it."""
        host = make_host()
        with pytest.raises(ValueError, match="'soon'"):
            host.mode = "soon"  # type: ignore[assignment]
        run = host.wait(maker.run(environment={MODE_VARIABLE: "soon"}), PATIENCE)
        assert run.status == "FAILED"
        assert "'soon'; it must be one of immediate, held, virtual" in maker.log(run.run_id)[0]


class TestEarlierState:
    """The platform returns to an earlier state."""

    def test_of_before(self, make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform) -> None:
        """A run that was made since is killed and forgotten, and one that waited then waits again, and runs."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=1, mode="held")
        version = maker.version()
        before = maker.run(version)
        snapshot = platform.snapshot()
        since = maker.run(version)
        host.release()
        gate.wait_for_one()
        assert (host.running(), host.queued()) == ([before], [since])
        snapshot.rollback()
        host.reconcile()
        assert (host.running(), host.queued()) == ([], [before])
        assert maker.status(before) == "SUBMITTED"
        assert codes.processes[0].killed.is_set()
        host.release(before)
        gate.let_go()
        assert host.wait(before, PATIENCE).status == "SUCCEEDED"

    def test_of_while_it_ran(self, make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform) -> None:
        """A run that was as it is now goes on; one that has ended since has lost the attempt of then."""
        gate = Gate()
        codes.says(gate)
        host = make_host(slots=2)
        version = maker.version()
        goes_on, ends = maker.run(version), maker.run(version)
        gate.wait_for_one()
        gate.wait_for_one()
        snapshot = platform.snapshot()
        host.abandon(ends)
        snapshot.rollback()
        host.reconcile()
        gate.wait_for_one()
        assert sorted(host.running()) == sorted([goes_on, ends])
        assert "attempt 1 of 6 failed: its process was ended when" in maker.log(ends)[1]
        gate.let_go(2)
        assert [host.wait(run_id, PATIENCE).retries for run_id in (goes_on, ends)] == [0, 1]


class TestTriggers:
    """A trigger's runs are run like others."""

    def test_each_file_once(self, make_host: MakeHost, maker: Maker, codes: FakeCodes) -> None:
        """Each file that is put into the channel is one run of each trigger, and one that is refused is none."""
        codes.says(lambda _: ModelAnswer(body=b"seen", content_type="text/plain"))
        host = make_host()
        source, target, other = maker.channel("in"), maker.channel("out"), maker.channel("other")
        version = maker.version()
        triggers = [maker.trigger(source, target, version=version), maker.trigger(source, other, version=version)]
        options: dict[str, Any] = {"metadata": {"x-abeja-meta-filename": "a.txt"}, "conflict_target": "filename"}
        maker.put(source, b"a", **options)
        with pytest.raises(abeja.exceptions.Conflict):
            maker.put(source, b"a", **options)
        maker.put(source, b"b")
        runs = [maker.runs_of(trigger) for trigger in triggers]
        assert [len(each) for each in runs] == [2, 2]
        assert [host.wait(run_id, PATIENCE).status for each in runs for run_id in each] == ["SUCCEEDED"] * 4
        assert sorted(bodies[0] for _, bodies in codes.asked) == [b"a", b"a", b"b", b"b"]
        for channel, each in ((target, runs[0]), (other, runs[1])):
            assert sorted(name for name, *_ in maker.files(channel)) == sorted(f"{run_id}_0.txt" for run_id in each)

    def test_own_output(self, make_host: MakeHost, maker: Maker) -> None:
        """A trigger whose output comes back to it is run so often, and then its run says what it is."""
        host = make_host(generations=3)
        channel = maker.channel()
        trigger = maker.trigger(channel, channel)
        maker.put(channel)
        self._settle(host)
        runs = maker.runs_of(trigger)
        assert [maker.status(run_id) for run_id in runs] == ["SUCCEEDED"] * 3 + ["FAILED"]
        (line,) = maker.log(runs[-1])
        assert f"trigger {trigger} has made 3 runs in a row" in line
        assert len(maker.files(channel)) == 4

    @staticmethod
    def _settle(host: RunHost) -> None:
        while host.unfinished():
            host.wait(host.unfinished()[0], PATIENCE)


def test_a_model_that_is_gone_is_no_defect_of_the_host(
    make_host: MakeHost, maker: Maker, codes: FakeCodes, platform: Platform
) -> None:
    """Whatever is raised, the run fails with it in its log, and the next one is run."""
    codes.says(ZeroDivisionError("oops"), ModelGone("lost"), b"done")
    host = make_host(slots=1)
    version = maker.version()
    first, second = maker.run(version), maker.run(version)
    assert (host.wait(first, PATIENCE).status, host.wait(second, PATIENCE).status) == ("FAILED", "SUCCEEDED")
    assert maker.log(first)[-1] == "abeja-emulator: the run could not be run: ZeroDivisionError('oops')"
    assert somebody_runs(platform)
