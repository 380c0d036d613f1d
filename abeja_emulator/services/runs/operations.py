"""Operations on runs (`abeja/runs/api/client.py`)."""

from typing import Any, Optional, Union

import msgspec

from abeja_emulator.services.deployments.named import deployment_of
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.logs.pages import RUN_LOG, Logs, window_of
from abeja_emulator.services.logs.shapes import LogQuery, LogView, RecentLogQuery, RecentLogView
from abeja_emulator.services.runs.records import Run, RunView
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

COLLECTION = "/organizations/{organization_id}/deployments/{deployment_id}/runs"
RUN = COLLECTION + "/{run_id}"
SOURCE = "abeja/runs/api/client.py"


class NewRun(msgspec.Struct):
    """A run to submit."""

    version_id: str
    input_data: Union[dict[str, Any], list[Any], None] = None
    output_template: Optional[dict[str, Any]] = None
    models: Optional[dict[str, Any]] = None
    environment: Optional[dict[str, Any]] = None
    retry_count: Optional[int] = None
    distribution: Optional[int] = None


class RunList(msgspec.Struct):
    """Which runs to list; `scan_forward` is the oldest first."""

    next_page_token: Optional[str] = None
    scan_forward: Optional[bool] = None


class RunListView(msgspec.Struct):
    """A page of runs; the last one has no token."""

    entries: list[RunView]
    next_page_token: Optional[str]


@operation(
    "POST",
    COLLECTION,
    body=NewRun,
    answer=RunView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_run; abejacli/run.py submit-run; that input is not looked for yet is inferred",
)
def create_run(call: Call[None, NewRun]) -> dict[str, Any]:
    """Submit a run of a version of the code; it is SUBMITTED."""
    deployment, body, runs = deployment_of(call), call.body, Runs(call.world)
    run = runs.create(
        deployment,
        Deployments(call.world).version(deployment, body.version_id),
        call.user_id,
        input_data=body.input_data,
        output_template=body.output_template,
        models=body.models,
        environment=body.environment,
        retry_count=body.retry_count,
        distribution=body.distribution,
    )
    return runs.view(run)


@operation(
    "GET",
    COLLECTION,
    query=RunList,
    answer=RunListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_runs",
)
def get_runs(call: Call[RunList, None]) -> dict[str, Any]:
    """Return a page of the runs of a deployment, newest first unless `scan_forward` says otherwise."""
    runs, query = Runs(call.world), call.query
    found, token = runs.page(deployment_of(call).deployment_id, query.next_page_token, forward=query.scan_forward)
    return {"entries": [runs.view(run) for run in found], "next_page_token": token}


@operation(
    "GET",
    RUN,
    answer=RunView,
    errors=(401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_run",
)
def get_run(call: Call[None, None]) -> dict[str, Any]:
    """Return a run."""
    return Runs(call.world).view(_run(call))


@operation(
    "GET",
    RUN + "/logs",
    query=LogQuery,
    answer=LogView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_run_logs",
)
def get_run_logs(call: Call[LogQuery, None]) -> dict[str, Any]:
    """Return a page of a run's log, oldest line first; the last page has no token."""
    query = call.query
    window = window_of(query.start_time, query.end_time)
    return Logs(call.world, RUN_LOG).page(_run(call).run_id, query.next_token, window=window)


@operation(
    "GET",
    RUN + "/recentlogs",
    query=RecentLogQuery,
    answer=RecentLogView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} get_run_recent_logs; that forward is towards later lines is inferred",
)
def get_run_recent_logs(call: Call[RecentLogQuery, None]) -> dict[str, Any]:
    """Return a page of a run's log, newest line first; at both ends a page is empty and has tokens."""
    query = call.query
    return Logs(call.world, RUN_LOG).recent(
        _run(call).run_id,
        query.next_forward_token,
        query.next_backward_token,
        window=window_of(query.start_time, query.end_time),
    )


def _run(call: Call[Any, Any]) -> Run:
    return Runs(call.world).get(deployment_of(call).deployment_id, call.path["run_id"])


OPERATIONS = operations_in(globals())
