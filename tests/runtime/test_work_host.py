"""What runs jobs and runs hears of them while it is started, and follows the state that the Platform returns to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from abeja_emulator.runtime.executor import Executor
from abeja_emulator.services.submission import submit
from abeja_emulator.serving.run_host import RunHost
from abeja_emulator.store.database import Database
from tests.control.steering import new_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.work_host import WorkHost


def made_job(platform: Platform) -> tuple[str, str]:
    """Make a job with a source, and return its parent and its id."""
    job = new_job(platform, source=b"def handler(context): pass")
    return job.job_definition_id, job.training_job_id


def made_run(platform: Platform) -> tuple[str, str]:
    """Submit a run of nothing, and return its parent and its id."""
    with platform.world.store.transaction():
        run = submit(
            platform.world,
            organization_id=platform.organization.id,
            deployment_id="1230000000001",
            models={},
            model_version="0.0.1",
            model_version_id="ver-1",
            retry_count=0,
            user_env_vars={},
            creator_id=platform.user.id,
        )
    return run.deployment_id, run.run_id


class Kind:
    """Jobs, or runs: what is run and what runs it."""

    def __init__(
        self,
        host: WorkHost[Any, Any],
        made: Callable[[Platform], tuple[str, str]],
        table: str,
        ended: str,
        platform: Platform,
    ) -> None:
        self.host = host
        self._made = made
        self._table = platform.world.store.table(table, type(host).kind)
        self._ended = ended
        self._platform = platform

    def make(self) -> str:
        """Make one that waits."""
        self._parent, identifier = self._made(self._platform)
        return identifier

    def put_state(self, identifier: str) -> None:
        """Put another state in the place of this one, in which it has ended; nobody is told of it."""
        ended = msgspec.structs.replace(self.record(identifier), status=self._ended)
        with self._platform.world.store.transaction():
            self._table.update(self._parent, identifier, ended)

    def record(self, identifier: str) -> Any:
        """Return the record of one."""
        with self._platform.world.store.reading():
            return self._table.get(self._parent, identifier)


@pytest.fixture(params=["job", "run"])
def kind(request: pytest.FixtureRequest, platform: Platform, tmp_path: Path) -> Kind:
    """One kind, whose host holds all there is."""
    options: dict[str, Any] = {"mode": "held", "api_url": lambda: "http://127.0.0.1:1"}
    if request.param == "job":
        return Kind(Executor(platform, tmp_path, **options), made_job, "training_job", "Complete", platform)
    return Kind(RunHost(platform, tmp_path, **options), made_run, "run", "SUCCEEDED", platform)


def test_only_while_it_is_started(kind: Kind, platform: Platform) -> None:
    """It takes what is there and what comes, each once, however often it is started; stopped, it has nothing."""
    listeners = list(platform.world.listeners)
    ids = [kind.make()]
    kind.host.start()
    kind.host.start()
    ids.append(kind.make())
    assert kind.host.queued() == ids
    assert len(platform.world.listeners) == len(listeners) + 1
    told_late = platform.world.listeners[-1]
    kind.host.stop()
    kind.host.stop()
    assert platform.world.listeners == listeners
    told_late(kind.record(kind.make()))
    assert kind.host.queued() == []


def test_one_that_waits_and_is_over_in_another_state(kind: Kind) -> None:
    """It waits no more, and the others do."""
    with kind.host as host:
        stays, goes = kind.make(), kind.make()
        kind.put_state(goes)
        host.reconcile()
        assert host.queued() == [stays]


def test_what_waits_again_in_an_earlier_state(kind: Kind, platform: Platform) -> None:
    """It is taken, as what was made since is forgotten."""
    with kind.host as host:
        waits = kind.make()
        snapshot = platform.snapshot()
        entry = host._queue.get(waits)
        assert entry is not None
        host._queue.withdraw(entry)
        kind.make()
        snapshot.rollback()
        host.reconcile()
        assert host.queued() == [waits]


def test_a_return_without_anything_costs_one_look(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests make nothing of the kind, and each ends with a return to an earlier state."""
    asked: list[str] = []
    execute = Database.execute

    def noted(self: Database, sql: str, arguments: tuple[Any, ...] = ()) -> Any:
        asked.append(sql)
        return execute(self, sql, arguments)

    with kind.host as host:
        monkeypatch.setattr(Database, "execute", noted)
        host.reconcile()
        monkeypatch.undo()
    assert len(asked) == 1


@pytest.mark.parametrize("mode", ["later", None])
def test_no_mode(kind: Kind, mode: Any) -> None:
    """The message says of what, and which there are; the mode stays."""
    with pytest.raises(ValueError, match=r"the mode of (jobs|runs) must be one of immediate, held, virtual, not "):
        kind.host.mode = mode
    assert kind.host.mode == "held"
