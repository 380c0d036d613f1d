"""What the operations of the control API take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.paging import MOST, Limit

#: When jobs begin: at once, when they are let go, or by the Platform's clock.
JobMode = Literal["immediate", "held", "virtual"]

#: Of something that grows: behind which entry to begin.
After = Annotated[
    int,
    msgspec.Meta(ge=0, le=2**63 - 1, description="Behind which entry to begin: `next` of the answer before, or 0."),
]

#: A time that somebody waits for on the clock; more than any test waits.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=MOST)]

Status = Literal["Pending", "Active", "Stopped", "Complete", "Failed"]


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """The query of an operation that has none."""


class Done(msgspec.Struct):
    """A sentence that says what was done."""

    message: str


class Health(msgspec.Struct):
    """What a server is; the numbers of jobs are null when it runs none, and so those of services and of runs.

    A service runs when instances of it answer. One that is being started, or exchanged, is among the starting.
    """

    status: Literal["ok"]
    version: str
    organization_id: str
    auth: Literal["open", "strict"]
    jobs_running: Optional[int]
    jobs_queued: Optional[int]
    services_running: Optional[int] = None
    services_starting: Optional[int] = None
    runs_running: Optional[int] = None
    runs_queued: Optional[int] = None


class SnapshotView(msgspec.Struct):
    """A named state: when it was saved, the name of its organization, how many records it has, and its bytes."""

    name: str
    saved_at: str
    organization: str
    records: int
    size: int


class SnapshotListView(msgspec.Struct):
    """Named states, sorted by name."""

    snapshots: list[SnapshotView]


class SeededUser(msgspec.Struct):
    """A user that was made; whoever seeded knows the token."""

    user_id: str
    email: str
    role: str


class SeededChannel(msgspec.Struct):
    """A channel that was made, with the ids of its files in their order."""

    channel_id: str
    name: str
    files: list[str]


class SeededDatasource(msgspec.Struct):
    """A data source that was made, and the ids of its channels; whoever seeded knows the secret."""

    datasource_id: str
    name: Optional[str]
    channels: list[str]


class SeededDatasetView(msgspec.Struct):
    """A dataset that was made, the channel of its files, and how many items it has."""

    dataset_id: str
    name: str
    channel_id: str
    labels: list[str]
    total_count: int


class Seeded(msgspec.Struct):
    """What was made, in the order of the document; of networks the ids."""

    users: list[SeededUser]
    bearer_tokens: int
    cidrs: list[str]
    channels: list[SeededChannel]
    datasources: list[SeededDatasource]
    datasets: list[SeededDatasetView]


class JobQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which jobs to show."""

    status: Annotated[Optional[Status], msgspec.Meta(description="Only jobs of this status.")] = None
    definition: Annotated[
        Optional[str], msgspec.Meta(description="Only jobs of this job definition, by its name or its id.")
    ] = None
    limit: Annotated[Limit, msgspec.Meta(description="How many to show at most.")] = 50


class JobShown(msgspec.Struct):
    """A job; `queued` and `running` say what the server does with it, `statistics` are the last it posted."""

    training_job_id: str
    organization_id: str
    definition: str
    version: int
    status: Status
    status_message: Optional[str]
    exec_env: str
    queued: bool
    running: bool
    created_at: str
    start_time: Optional[str]
    completion_time: Optional[str]
    seconds: Optional[float]
    statistics: Optional[dict[str, Any]]


class JobShownList(msgspec.Struct):
    """Jobs, newest first, and how many there are."""

    jobs: list[JobShown]
    total: int


class LogQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which lines of a log to show."""

    after: After = 0
    limit: Annotated[Limit, msgspec.Meta(description="How many to show at most.")] = 1000


class LogLineShown(msgspec.Struct):
    """A line of a log; milliseconds since the epoch."""

    timestamp: int
    level: str
    message: str


class LogShown(msgspec.Struct):
    """Lines of a log, oldest first; behind them, ask with `after` = `next`, unless it has ended."""

    lines: list[LogLineShown]
    next: int
    ended: bool


class StatisticsShown(msgspec.Struct):
    """What a job posted, oldest first; behind it, ask with `after` = `next`, unless it has ended."""

    statistics: list[dict[str, Any]]
    next: int
    ended: bool


class JobsMode(msgspec.Struct):
    """When jobs and runs that come will begin, and how long they take by the clock in the mode `virtual`."""

    mode: JobMode
    pending_seconds: float
    active_seconds: float


class NewJobsMode(msgspec.Struct, forbid_unknown_fields=True):
    """What to change of it; what is not named stays as it is."""

    mode: Union[JobMode, msgspec.UnsetType] = msgspec.UNSET
    pending_seconds: Union[Seconds, msgspec.UnsetType] = msgspec.UNSET
    active_seconds: Union[Seconds, msgspec.UnsetType] = msgspec.UNSET


class JournalQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which calls to show."""

    after: After = 0
    limit: Annotated[Limit, msgspec.Meta(description="How many to show at most.")] = 100
    operation: Annotated[
        Optional[str], msgspec.Meta(description="Only calls of this operation, such as `get_dataset`.")
    ] = None


class EntryShown(msgspec.Struct):
    """A call of the platform; without bodies and without secrets.

    `status` is what the client saw, 0 for no answer. Where something went wrong on purpose `fault` says what, and
    `done` the status the platform itself came to; `because` is the number of the fault because of which it was tried
    again.
    """

    number: int
    method: str
    path: str
    query: str
    status: int
    operation: Optional[str]
    evidence: Optional[Literal["recorded", "client", "documented", "inferred"]]
    at: str
    error: Optional[str]
    fault: Optional[str]
    done: Optional[int]
    because: Optional[int]


class JournalShown(msgspec.Struct):
    """Calls, oldest first; behind them, ask with `after` = `next`."""

    entries: list[EntryShown]
    next: int


class NewFaults(msgspec.Struct, forbid_unknown_fields=True):
    """What is to go wrong, one line each: `get_dataset status=503 calls=1-2`."""

    lines: Annotated[list[Annotated[str, msgspec.Meta(max_length=2000)]], msgspec.Meta(min_length=1, max_length=100)]


class FaultShown(msgspec.Struct):
    """A fault as a line, how many calls of its place there were, at how many it fired, and if at none, why."""

    line: str
    seen: int
    fired: int
    optional: bool
    why_not: Optional[str]


class HitShown(msgspec.Struct):
    """A call at which a fault fired: what the client saw (null: no answer), what was done, what was tried again."""

    number: int
    line: str
    call: str
    operation: Optional[str]
    status: Optional[int]
    done: Optional[int]
    because: list[str]


class FaultsShown(msgspec.Struct):
    """What goes wrong on purpose, and what did."""

    faults: list[FaultShown]
    fired: list[HitShown]


class ClockShown(msgspec.Struct):
    """The time on the platform, by how many seconds it is ahead of the machine's, and whether sleeps pass at once."""

    now: str
    offset: float
    virtual: bool


class ClockMode(msgspec.Struct, forbid_unknown_fields=True):
    """Whether sleeps in the code of users pass at once, and the clock goes on by them."""

    virtual: bool


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    """How many seconds to let pass."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]
