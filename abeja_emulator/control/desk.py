"""What the operations of the control API work on, and what one of them gets to see of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Generic, Protocol

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.wire.call import BodyT, QueryT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from abeja_emulator.control.shapes import JobMode
    from abeja_emulator.platform import Platform
    from abeja_emulator.store.saved import SavedSnapshot


class ModeControl(Protocol):
    """What decides when something begins.

    Attributes:
        mode: when those that come will begin.
        timing: of the mode `virtual`: a dataclass with `pending` and `active`, in seconds.
    """

    mode: JobMode
    timing: Any


class JobControl(ModeControl, Protocol):
    """What runs the jobs of a platform; its mode is that of jobs alone."""

    def queued(self) -> list[str]:
        """Return the ids of the jobs that wait, for a slot or to be let go."""

    def running(self) -> list[str]:
        """Return the ids of the jobs that run."""

    def release(self, job_id: str) -> None:
        """Let a held job go."""

    def reconcile(self) -> None:
        """End the jobs that are on the platform no more, because its state is another now."""


class ServiceControl(Protocol):
    """What runs the services of a platform."""

    def starting(self) -> list[str]:
        """Return the ids of the services that are being started, or have something else to do."""

    def instances(self) -> Mapping[str, int]:
        """Return how many instances of each service answer, by its id."""


class RunControl(Protocol):
    """What runs the runs of a platform."""

    def queued(self) -> list[str]:
        """Return the ids of the runs that wait, for a slot or to be let go."""

    def running(self) -> list[str]:
        """Return the ids of the runs that run."""

    def release(self, run_id: str, /) -> None:
        """Let a held run go."""


class Snapshots(Protocol):
    """Named states of a platform, such as `SavedStates`."""

    def saved(self) -> Sequence[SavedSnapshot]:
        """Return them, sorted by name."""

    def save(self, name: str) -> SavedSnapshot:
        """Keep the state as it is under a name, in the place of what that name stood for."""

    def load(self, name: str) -> SavedSnapshot:
        """Return to the state of that name, which stays."""

    def forget(self, name: str) -> None:
        """Drop the state of that name."""


@dataclass(frozen=True)
class Desk:
    """What there is to look at and to steer; what a server lacks is None.

    Attributes:
        platform: the platform.
        jobs: runs its jobs.
        snapshots: its named states.
        reset: returns it to the state it had at the start.
        seed_folder: where the paths of a posted seed document begin, and which none of them leaves.
        follow: lets whoever runs the user's code know that the platform's state is another; by default what runs the
            jobs alone.
        services: runs its services.
        runs: runs its runs.
        modes: when jobs and runs begin; by default what runs the jobs has the mode, of jobs alone.
    """

    platform: Platform
    jobs: JobControl | None = None
    snapshots: Snapshots | None = None
    reset: Callable[[], None] | None = None
    seed_folder: Path | None = None
    follow: Callable[[], None] | None = None
    services: ServiceControl | None = None
    runs: RunControl | None = None
    modes: ModeControl | None = None

    def needs_modes(self) -> ModeControl:
        """Return what decides when jobs, and runs where there are any, begin.

        Raises:
            Conflict: when nothing runs either.
        """
        return self.modes or self.needs_jobs()

    def needs_runs(self) -> RunControl:
        """Return what runs the runs.

        Raises:
            Conflict: when nothing does.
        """
        if self.runs is None:
            message = "this server runs no runs, so none waits; start one that does"
            raise Conflict(message)
        return self.runs

    def needs_jobs(self) -> JobControl:
        """Return what runs the jobs.

        Raises:
            Conflict: when nothing does.
        """
        if self.jobs is None:
            message = "this server runs no jobs, so none waits and there is no mode; start one that does"
            raise Conflict(message)
        return self.jobs

    def needs_snapshots(self) -> Snapshots:
        """Return the named states.

        Raises:
            Conflict: when this server keeps none.
        """
        if self.snapshots is None:
            message = "this server keeps no snapshots; start one that does"
            raise Conflict(message)
        return self.snapshots

    def needs_snapshot(self, name: str) -> Snapshots:
        """Return the named states, one of which has that name.

        Raises:
            Conflict: when this server keeps none.
            NotFound: when it keeps no such one; it names those there are.
        """
        snapshots = self.needs_snapshots()
        names = [snapshot.name for snapshot in snapshots.saved()]
        if name not in names:
            message = f"there is no snapshot {name!r}; there are {', '.join(names) or 'none'}"
            raise NotFound(message)
        return snapshots

    def state_changed(self) -> None:
        """Let what runs the user's code know that the state of the platform is another now."""
        if self.follow is not None:
            self.follow()
        elif self.jobs is not None:
            self.jobs.reconcile()


@dataclass
class ControlCall(Generic[QueryT, BodyT]):
    """One call of an operation.

    Attributes:
        desk: what the operation works on.
        path: values of the path's segments, percent-decoded.
        query: the query, typed.
        body: the body, typed.
    """

    desk: Desk
    path: dict[str, str]
    query: QueryT
    body: BodyT
