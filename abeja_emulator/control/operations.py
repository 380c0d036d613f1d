"""The operations of the control API."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import msgspec

import abeja_emulator
from abeja_emulator.clock import iso
from abeja_emulator.control.declaring import PREFIX, control
from abeja_emulator.control.operations_deployed import DEPLOYED
from abeja_emulator.control.operations_faults import OF_FAULTS
from abeja_emulator.control.seeds import PostedSeed
from abeja_emulator.control.shapes import (
    Advance,
    ClockMode,
    ClockShown,
    Done,
    Health,
    JobQuery,
    JobShown,
    JobShownList,
    JobsMode,
    JournalQuery,
    JournalShown,
    LogQuery,
    LogShown,
    NewJobsMode,
    Nothing,
    Seeded,
    SnapshotListView,
    SnapshotView,
    StatisticsShown,
)
from abeja_emulator.control.watching import Watch
from abeja_emulator.errors import BadRequest, Conflict
from abeja_emulator.seed_document import SeedDocument
from abeja_emulator.services.openapi import platform_openapi
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.wire.content import Download
from abeja_emulator.wire.openapi import openapi
from abeja_emulator.wire.openapi_page import page
from abeja_emulator.wire.operations import operations_in

if TYPE_CHECKING:
    from abeja_emulator.control.desk import ControlCall, ModeControl
    from abeja_emulator.store.saved import SavedSnapshot

SNAPSHOT = PREFIX + "/snapshots/{name}"
JOB = PREFIX + "/jobs/{training_job_id}"

DESCRIPTION = (
    "How to look at a running emulator and to steer it; nothing of this is on the real platform, and no call of it is "
    "in the journal. It is for programs of the machine: a request with the `Origin` of a web page, or with a `Host` "
    "other than 127.0.0.1, localhost or the address the server listens on, is refused with 403."
)

#: A name that can be that of a file, too.
_SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@control("GET", PREFIX + "/health", answer=Health)
def get_health(call: ControlCall[Nothing, None]) -> Health:
    """Tell that the server is up, and what it is."""
    platform, jobs, services, runs = call.desk.platform, call.desk.jobs, call.desk.services, call.desk.runs
    return Health(
        status="ok",
        version=abeja_emulator.__version__,
        organization_id=platform.organization.id,
        auth=platform.auth,
        jobs_running=None if jobs is None else len(jobs.running()),
        jobs_queued=None if jobs is None else len(jobs.queued()),
        services_running=None if services is None else sum(map(bool, services.instances().values())),
        services_starting=None if services is None else len(services.starting()),
        runs_running=None if runs is None else len(runs.running()),
        runs_queued=None if runs is None else len(runs.queued()),
    )


@control("POST", PREFIX + "/reset", answer=Done, errors=(409,))
def reset(call: ControlCall[Nothing, None]) -> Done:
    """Return the platform to the state it had when the server started.

    Jobs, services and runs that are not in that state are ended. Ids, time and the journal are never turned back.
    """
    if call.desk.reset is None:
        message = "this server cannot return to its start; save a snapshot and restore that"
        raise Conflict(message)
    call.desk.reset()
    call.desk.state_changed()
    return Done("the platform is as it was at the start")


@control("GET", PREFIX + "/snapshots", answer=SnapshotListView, errors=(409,))
def get_snapshots(call: ControlCall[Nothing, None]) -> SnapshotListView:
    """List the named states, sorted by name."""
    return SnapshotListView([_snapshot(saved) for saved in call.desk.needs_snapshots().saved()])


@control("PUT", SNAPSHOT, answer=SnapshotView, errors=(409,))
def save_snapshot(call: ControlCall[Nothing, None]) -> SnapshotView:
    """Keep the state of the platform under a name, in the place of what that name stood for."""
    name = call.path["name"]
    if not _SNAPSHOT_NAME.fullmatch(name):
        message = (
            f"a snapshot has a name of up to 100 letters, digits, dots, dashes and underscores that begins with a "
            f"letter or a digit, not {name[:80]!r}"
        )
        raise BadRequest(message)
    return _snapshot(call.desk.needs_snapshots().save(name))


@control("POST", SNAPSHOT + "/restore", answer=SnapshotView, errors=(404, 409))
def restore_snapshot(call: ControlCall[Nothing, None]) -> SnapshotView:
    """Return the platform to a named state, which stays.

    Jobs, services and runs that are not in that state are ended. Ids, time and the journal are never turned back.
    """
    name = call.path["name"]
    loaded = call.desk.needs_snapshot(name).load(name)
    call.desk.state_changed()
    return _snapshot(loaded)


@control("DELETE", SNAPSHOT, answer=Done, errors=(404, 409))
def delete_snapshot(call: ControlCall[Nothing, None]) -> Done:
    """Drop a named state."""
    name = call.path["name"]
    call.desk.needs_snapshot(name).forget(name)
    return Done(f"snapshot {name} is deleted")


@control("POST", PREFIX + "/seed", body=SeedDocument, answer=Seeded, errors=(409,))
def seed(call: ControlCall[Nothing, SeedDocument]) -> Seeded:
    """Put what a seed file may say on the platform, all of it or nothing, and return the ids of what was made.

    Paths in it begin in the folder that the server was given for that, and do not leave it; sample data is found by
    its name. An organization in it must be the one there is.
    """
    return PostedSeed(call.body, call.desk.seed_folder).put(call.desk.platform)


@control("GET", PREFIX + "/jobs", query=JobQuery, answer=JobShownList)
def get_jobs(call: ControlCall[JobQuery, None]) -> JobShownList:
    """List jobs of every job definition, newest first."""
    return Watch(call.desk).jobs(call.query)


@control("POST", JOB + "/release", answer=Done, errors=(404, 409))
def release_job(call: ControlCall[Nothing, None]) -> Done:
    """Let a held job go."""
    jobs, job_id = call.desk.needs_jobs(), call.path["training_job_id"]
    platform = call.desk.platform
    with platform.world.store.reading():
        job = Jobs(platform.world).find(job_id)
    if job_id not in jobs.queued():
        message = f"job {job_id} does not wait here: it is {job.status}"
        raise Conflict(message)
    jobs.release(job_id)
    return Done(f"job {job_id} is let go")


@control("GET", JOB + "/log", query=LogQuery, answer=LogShown, errors=(404,))
def get_job_log(call: ControlCall[LogQuery, None]) -> LogShown:
    """Return a page of a job's log, as the job wrote it but for the secrets of the platform."""
    return Watch(call.desk).log(call.path["training_job_id"], call.query)


@control("GET", JOB + "/statistics", query=LogQuery, answer=StatisticsShown, errors=(404,))
def get_job_statistics(call: ControlCall[LogQuery, None]) -> StatisticsShown:
    """Return a page of what a job posted with `update_statistics`."""
    return Watch(call.desk).statistics(call.path["training_job_id"], call.query)


@control("GET", JOB, answer=JobShown, errors=(404,))
def get_job(call: ControlCall[Nothing, None]) -> JobShown:
    """Show a job."""
    return Watch(call.desk).job(call.path["training_job_id"])


@control("GET", PREFIX + "/jobs-mode", answer=JobsMode, errors=(409,))
def get_jobs_mode(call: ControlCall[Nothing, None]) -> JobsMode:
    """Tell when jobs begin: at once, when they are let go, or by the clock; where runs run, they do as jobs do."""
    return _mode(call.desk.needs_modes())


@control("PUT", PREFIX + "/jobs-mode", body=NewJobsMode, answer=JobsMode, errors=(409,))
def set_jobs_mode(call: ControlCall[Nothing, NewJobsMode]) -> JobsMode:
    """Change when the jobs and the runs that come begin; those that are there keep to what was."""
    modes, wanted = call.desk.needs_modes(), call.body
    if wanted.mode is not msgspec.UNSET:
        modes.mode = wanted.mode
    given = {"pending": wanted.pending_seconds, "active": wanted.active_seconds}
    changes = {name: seconds for name, seconds in given.items() if seconds is not msgspec.UNSET}
    if changes:
        modes.timing = dataclasses.replace(modes.timing, **changes)
    return _mode(modes)


@control("GET", PREFIX + "/journal", query=JournalQuery, answer=JournalShown)
def get_journal(call: ControlCall[JournalQuery, None]) -> JournalShown:
    """Return a page of the calls that the platform answered, oldest first.

    Only the last ten thousand are remembered. With `operation`, `next` also counts the calls in between.
    """
    return Watch(call.desk).journal(call.query)


@control("GET", PREFIX + "/clock", answer=ClockShown)
def get_clock(call: ControlCall[Nothing, None]) -> ClockShown:
    """Tell the time on the platform."""
    return _clock(call)


@control("PUT", PREFIX + "/clock", body=ClockMode, answer=ClockShown)
def set_clock_mode(call: ControlCall[Nothing, ClockMode]) -> ClockShown:
    """Let sleeps in the jobs, runs and services that are started from now on pass at once, or no more."""
    call.desk.platform.clock.virtual = call.body.virtual
    return _clock(call)


@control("POST", PREFIX + "/clock/advance", body=Advance, answer=ClockShown)
def advance_clock(call: ControlCall[Nothing, Advance]) -> ClockShown:
    """Let time pass on the platform at once; it is never turned back."""
    try:
        call.desk.platform.clock.advance(call.body.seconds)
        call.desk.platform.world.store.keep()
    except OverflowError as error:
        message = f"seconds={call.body.seconds:g} from now is later than the year 9999, where dates end"
        raise BadRequest(message) from error
    return _clock(call)


@control("GET", PREFIX + "/openapi.json", answer=dict[str, Any])
def get_openapi(call: ControlCall[Nothing, None]) -> dict[str, Any]:
    """Return the OpenAPI document of the platform, with what is not emulated."""
    del call
    return platform_openapi()


@control("GET", PREFIX + "/openapi.html", answer=Download)
def get_openapi_page(call: ControlCall[Nothing, None]) -> Download:
    """Return the same as a page for a browser; it needs no network."""
    del call
    content = page(platform_openapi()).encode()
    return Download(content, len(content), "text/html; charset=utf-8")


@control("GET", PREFIX + "/openapi/control.json", answer=dict[str, Any])
def get_control_openapi(call: ControlCall[Nothing, None]) -> dict[str, Any]:
    """Return the OpenAPI document of the control API."""
    del call
    return openapi(
        OPERATIONS,
        title="Control API of abeja-emulator",
        version=abeja_emulator.__version__,
        description=DESCRIPTION,
        secured=False,
    )


def _snapshot(saved: SavedSnapshot) -> SnapshotView:
    return SnapshotView(saved.name, saved.saved_at + "Z", saved.organization, saved.records, saved.size)


def _mode(modes: ModeControl) -> JobsMode:
    return JobsMode(modes.mode, modes.timing.pending, modes.timing.active)


def _clock(call: ControlCall[Any, Any]) -> ClockShown:
    clock = call.desk.platform.clock
    return ClockShown(iso(clock.now()) + "Z", clock.offset, clock.virtual)


OPERATIONS = (*operations_in(globals()), *DEPLOYED, *OF_FAULTS)
