"""Whoever runs user code is there when there is some, and what was set before holds for him too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.hosts import Hosts
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.runner import Timing
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.services.rules import Services
from tests.serving.served import IMAGE, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _without_pyfakefs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is loaded nobody is made late."""
    monkeypatch.delitem(sys.modules, "pyfakefs", raising=False)


class Made:
    """A version whose code was never uploaded, so that what is made of it fails at once, without a process."""

    def __init__(self, platform: Platform) -> None:
        self._world, self._creator = platform.world, platform.user.id
        with self._world.store.transaction():
            self._deployment = Deployments(self._world).create(platform.organization.id, "d", self._creator)
            self._version = Versions(self._world).create(self._deployment, "0.0.1", self._creator, image=IMAGE)

    def service(self) -> str:
        """Make a service, and return its id."""
        with self._world.store.transaction():
            made = Services(self._world).create(self._deployment, self._version.version_id, self._creator)
        return made.service_id

    def run(self) -> str:
        """Make a run, and return its id."""
        with self._world.store.transaction():
            return Runs(self._world).create(self._deployment, self._version, self._creator).run_id


@pytest.fixture
def made(platform: Platform) -> Made:
    """What makes services and runs."""
    return Made(platform)


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A Platform that no client reaches."""
    with Platform() as platform:
        yield platform


def is_answered(platform: Platform) -> bool:
    """Tell whether somebody answers for services."""
    return platform.world.attendants.serving is not None


def hosts_of(platform: Platform, folder: Path, **options: Any) -> Hosts:
    """Return hosts that were not started."""
    return Hosts(platform, folder, api_url=lambda: "http://127.0.0.1:9", **options)


def test_an_emulated_start_imports_nothing_that_serves_models() -> None:
    """Nor does a test run in which there is no service and no run."""
    text = (
        "import sys\n"
        "from abeja_emulator import Platform\n"
        "from abeja_emulator.emulation import Emulation\n"
        "with Platform() as platform, Emulation(platform) as emulation:\n"
        "    emulation.hosts.reconcile()\n"
        "    print([name for name in sys.modules if name.startswith('abeja_emulator.serving')])\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_first_service_and_the_first_run_are_heard_of(platform: Platform, made: Made, tmp_path: Path) -> None:
    """Whoever makes them need not have asked for their host."""
    with hosts_of(platform, tmp_path) as hosts:
        services, runs = [made.service() for _ in range(2)], [made.run() for _ in range(2)]
        assert [hosts.services.wait(each, PATIENCE).status for each in services] == ["FAILED"] * 2
        assert [hosts.runs.wait(each, PATIENCE).status for each in runs] == ["FAILED"] * 2
        assert hosts.services is hosts.services
        assert list(hosts.working) == ["job", "run"]


def test_what_is_there_already_is_run(platform: Platform, made: Made, tmp_path: Path) -> None:
    """From the start on, and after a return to a state in which it is."""
    before = platform.snapshot()
    service, run = made.service(), made.run()
    with hosts_of(platform, tmp_path) as hosts:
        assert hosts.services.wait(service, PATIENCE).status == "FAILED"
        assert hosts.runs.wait(run, PATIENCE).status == "FAILED"
        before.rollback()
        hosts.reconcile()
    with hosts_of(platform, tmp_path) as hosts:
        assert list(hosts.working) == ["job"]


def test_a_state_that_comes_back_brings_its_services(tmp_path: Path) -> None:
    """Also where there was none when the hosts were started."""
    with Platform(data=tmp_path / "data") as platform:
        made = Made(platform)
        with hosts_of(platform, tmp_path / "first") as hosts:
            platform.world.listeners.remove(hosts._note)
            run = made.run()
            assert list(hosts.working) == ["job"], "nobody has told them"
            hosts.reconcile()
            assert hosts.runs.wait(run, PATIENCE).status == "FAILED"


def test_a_request_before_anybody_runs_services(platform: Platform, made: Made, tmp_path: Path) -> None:
    """Is a service's that starts; without hosts nobody answers."""
    assert not is_answered(platform)
    with hosts_of(platform, tmp_path) as hosts:
        assert is_answered(platform)
        service = made.service()
        assert hosts.services.wait(service, PATIENCE).status == "FAILED"
    assert not is_answered(platform)
    assert platform.world.listeners == [platform._note_token]


def test_what_was_set_before_holds_for_who_comes_later(platform: Platform, tmp_path: Path) -> None:
    """And what is set later does."""
    hosts = hosts_of(platform, tmp_path, answer_timeout=3)
    hosts.mode, hosts.timing = "held", Timing(pending=7)
    assert hosts.answer_timeout == 3
    assert (hosts.runs.mode, hosts.runs.timing.pending, hosts.services.answer_timeout) == ("held", 7, 3)
    hosts.mode, hosts.timing, hosts.answer_timeout = "virtual", Timing(pending=8), 4
    assert (hosts.runs.mode, hosts.runs.timing.pending, hosts.services.answer_timeout) == ("virtual", 8, 4)
    hosts.answer_timeout = None
    assert [hosts.services.answer_timeout, hosts.answer_timeout] == [30, 30]


def test_nobody_is_made_late_where_the_file_system_may_be_faked(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported under the fake would see it ever after."""
    monkeypatch.setitem(sys.modules, "pyfakefs", sys)
    with hosts_of(platform, tmp_path) as hosts:
        assert list(hosts.working) == ["job", "run"]
        assert len(platform.world.listeners) == 5, "three hosts, ours, and the platform's own"


def test_threads_that_ask_at_once_get_the_same(platform: Platform, tmp_path: Path) -> None:
    """There is one host of services, and he hears of each once."""
    with hosts_of(platform, tmp_path) as hosts, ThreadPoolExecutor(8) as pool:
        found = {id(each.result()) for each in [pool.submit(lambda: hosts.services) for _ in range(8)]}
        assert len(found) == 1
        assert len(platform.world.listeners) == len({id(each) for each in platform.world.listeners}) == 4


def test_hosts_that_are_not_started_run_nothing(platform: Platform, made: Made, tmp_path: Path) -> None:
    """Nor do those that were stopped."""
    hosts = hosts_of(platform, tmp_path)
    hosts.start()
    hosts.stop()
    hosts.stop()
    run = made.run()
    assert list(hosts.working) == ["job"]
    with platform.world.store.reading():
        assert Runs(platform.world).find(run).status == "SUBMITTED"
