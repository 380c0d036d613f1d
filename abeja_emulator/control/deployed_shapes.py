"""What the operations of the control API on services and runs take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Optional

import msgspec

from abeja_emulator.services.paging import Limit

ServiceStatus = Literal["IN_PROGRESS", "READY", "STOPPED", "FAILED"]
RunStatus = Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]

#: Which deployment is meant.
OfDeployment = Annotated[
    Optional[str], msgspec.Meta(description="Only those of this deployment, by its name or its id.")
]

Most = Annotated[Limit, msgspec.Meta(description="How many to show at most.")]


class ServiceQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which services to show."""

    status: Annotated[Optional[ServiceStatus], msgspec.Meta(description="Only services of this status.")] = None
    deployment: OfDeployment = None
    limit: Most = 50


class EndpointShown(msgspec.Struct):
    """An endpoint that leads to a service."""

    endpoint_id: str
    custom_alias: str


class ServiceShown(msgspec.Struct):
    """A service; `instances` is how many of the `instance_number` answer, and null where nobody runs services.

    `starting` says that the server starts it, or does something else to it. The version is its name.
    """

    service_id: str
    organization_id: str
    deployment_id: str
    deployment: str
    version: str
    version_id: str
    status: ServiceStatus
    starting: bool
    instances: Optional[int]
    instance_number: int
    endpoints: list[EndpointShown]
    created_at: str
    modified_at: str


class ServiceShownList(msgspec.Struct):
    """Services, newest first, and how many there are."""

    services: list[ServiceShown]
    total: int


class RunQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which runs to show."""

    status: Annotated[Optional[RunStatus], msgspec.Meta(description="Only runs of this status.")] = None
    deployment: OfDeployment = None
    limit: Most = 50


class RunShown(msgspec.Struct):
    """A run; `queued` and `running` say what the server does with it, `output` is where what it returned went.

    The version is its name; `retries` is how often it was tried again, `trigger_id` the trigger that made it.
    """

    run_id: str
    organization_id: str
    deployment_id: str
    deployment: str
    version: str
    version_id: str
    status: RunStatus
    queued: bool
    running: bool
    retries: int
    retry_count: int
    trigger_id: Optional[str]
    output: Optional[dict[str, Any]]
    created_at: str
    modified_at: str


class RunShownList(msgspec.Struct):
    """Runs, newest first, and how many there are."""

    runs: list[RunShown]
    total: int


class TextLineShown(msgspec.Struct):
    """A line of the log of a service or a run; milliseconds since the epoch."""

    timestamp: int
    message: str


class TextLogShown(msgspec.Struct):
    """Lines of a log, oldest first; behind them, ask with `after` = `next`, unless it has ended.

    That of a service has ended when it is STOPPED or FAILED, until somebody starts it again.
    """

    lines: list[TextLineShown]
    next: int
    ended: bool
