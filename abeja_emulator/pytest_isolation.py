"""Isolation of a run with `--abeja-emulate`: every test gets the state its module, class and session left it.

Each fixture is the first of its scope and comes after all fixtures of wider scopes, so what those
put on the platform stays, and what is done within the scope is taken back at its end. A fixture of
a wider scope may be wanted for the first time in the middle of a narrower one; then what it puts on
the platform stays as well, together with what fixtures of the narrower scope had put there by then.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from abeja_emulator.pytest_faults import begin_faults
from abeja_emulator.pytest_plugin import current_item, marked, obey, session_emulation, session_settings
from abeja_emulator.pytest_report import take_down_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from abeja_emulator.platform import Platform
    from abeja_emulator.store.store import Snapshot

#: From the widest to the narrowest.
_SCOPES = ("session", "package", "module", "class", "function")


class _Layer(NamedTuple):
    scope: str
    snapshot: Snapshot


class Isolation:
    """The snapshots of the scopes that are entered, the widest first.

    Args:
        platform: whose state they are of.
        before_rollback: called while what was done in a scope can still be seen.
        after_rollback: called when it is gone.
    """

    def __init__(
        self, platform: Platform, before_rollback: Callable[[], None], after_rollback: Callable[[], None]
    ) -> None:
        self._platform = platform
        self._before_rollback = before_rollback
        self._after_rollback = after_rollback
        self._layers: list[_Layer] = []

    @contextmanager
    def layer(self, scope: str) -> Iterator[None]:
        """Take back at the end what was done in a scope."""
        self._enter(scope)
        yield
        self._before_rollback()
        self._layers.pop().snapshot.rollback()
        self._after_rollback()

    @contextmanager
    def kept_for(self, scope: str) -> Iterator[None]:
        """Let what is done belong to `scope`, even if narrower ones are entered."""
        before = self._changes()
        try:
            yield
        finally:
            narrower = [layer for layer in self._layers if _SCOPES.index(layer.scope) > _SCOPES.index(scope)]
            if narrower and self._changes() != before:
                for layer in reversed(narrower):
                    self._layers.pop()
                    layer.snapshot.release()
                for layer in narrower:
                    self._enter(layer.scope)

    def _enter(self, scope: str) -> None:
        self._layers.append(_Layer(scope, self._platform.snapshot()))

    def _changes(self) -> int:
        return self._platform.world.store.database.changes


_ISOLATION = pytest.StashKey[Isolation]()


def _isolation(config: pytest.Config) -> Isolation:
    if _ISOLATION not in config.stash:
        emulation = session_emulation(config)
        config.stash[_ISOLATION] = Isolation(
            emulation.platform, lambda: take_down_rest(current_item(config)), emulation.hosts.reconcile
        )
    return config.stash[_ISOLATION]


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what a fixture puts on the platform for as long as the fixture lives."""
    if fixturedef.argname in {"_abeja_module", "_abeja_class", "_abeja_function"}:
        return (yield)
    hosts = session_emulation(request.config).hosts
    before = {kind: host.unfinished() for kind, host in hosts.working.items()}
    with _isolation(request.config).kept_for(fixturedef.scope):
        result = yield
        if fixturedef.scope != "function":
            for kind, host in hosts.working.items():
                left = [each for each in host.unfinished() if each not in before.get(kind, ())]
                for each in left:
                    host.abandon(each)
                if left:
                    _refuse_unfinished(fixturedef, kind, f"abeja_{kind}s", left)
        return result


def _refuse_unfinished(fixturedef: pytest.FixtureDef[Any], kind: str, fixture: str, left: list[str]) -> None:
    """Fail a fixture of wider scope that leaves a job running: what it did during a test would go with that test.

    A service may be left starting: what it has done by the end of a test it does again in the next.
    """
    message = (
        f"the fixture {fixturedef.argname}, of scope {fixturedef.scope}, leaves {kind} {', '.join(left)} running, and "
        f"what a {kind} does while a test runs is taken back at the end of that test: let the fixture wait for it with "
        f"{fixture}.wait({kind}_id), or hold it (--abeja-jobs held, or the variable ABEJA_EMULATOR_JOB_MODE of it; "
        "the marker of a test comes too late)"
    )
    pytest.fail(message, pytrace=False)


@pytest.fixture(scope="module", autouse=True)
def _abeja_module(request: pytest.FixtureRequest) -> Iterator[None]:
    with _isolation(request.config).layer("module"):
        yield


@pytest.fixture(scope="class", autouse=True)
def _abeja_class(request: pytest.FixtureRequest) -> Iterator[None]:
    with _isolation(request.config).layer("class"):
        yield


@pytest.fixture(autouse=True)
def _abeja_function(request: pytest.FixtureRequest) -> Iterator[None]:
    emulation = session_emulation(request.config)
    platform, hosts = emulation.platform, emulation.hosts
    # A marker that cannot be fails this test, whose record has nothing of the one before.
    platform.faults.clear()
    marks = marked(request.node)
    auth, enforced, address = platform.auth, platform.enforce_cidrs, platform.client_address
    obey(marks, platform)
    settings = session_settings(request.config)
    begin_faults(platform, settings.faults, marks.get("faults", ()), muted=settings.mute_faults)
    jobs, hosts.mode, timing = hosts.mode, marks.get("jobs") or hosts.mode, hosts.timing
    answer_timeout = hosts.answer_timeout
    emulation.renew()
    platform.journal.begin()
    platform.epochs.begin(request.node.nodeid)
    with _isolation(request.config).layer("function"):
        yield
        platform.faults.disarm()
        platform.epochs.end()
        # Before jobs that wait in the earlier state are taken again.
        platform.auth, platform.enforce_cidrs, platform.client_address = auth, enforced, address
        hosts.mode, hosts.timing, hosts.answer_timeout = jobs, timing, answer_timeout
