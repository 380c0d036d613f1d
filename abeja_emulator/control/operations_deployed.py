"""The operations of the control API on services and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.control.declaring import PREFIX, control
from abeja_emulator.control.deployed import DeployedWatch
from abeja_emulator.control.deployed_shapes import (
    RunQuery,
    RunShown,
    RunShownList,
    ServiceQuery,
    ServiceShown,
    ServiceShownList,
    TextLogShown,
)
from abeja_emulator.control.shapes import Done, LogQuery, Nothing
from abeja_emulator.errors import Conflict
from abeja_emulator.wire.operations import operations_in

if TYPE_CHECKING:
    from abeja_emulator.control.desk import ControlCall

SERVICE = PREFIX + "/services/{service_id}"
RUN = PREFIX + "/runs/{run_id}"


@control("GET", PREFIX + "/services", query=ServiceQuery, answer=ServiceShownList)
def get_services(call: ControlCall[ServiceQuery, None]) -> ServiceShownList:
    """List services of every deployment, newest first."""
    return DeployedWatch(call.desk).services(call.query)


@control("GET", SERVICE, answer=ServiceShown, errors=(404,))
def get_service(call: ControlCall[Nothing, None]) -> ServiceShown:
    """Show a service."""
    return DeployedWatch(call.desk).service(call.path["service_id"])


@control("GET", SERVICE + "/log", query=LogQuery, answer=TextLogShown, errors=(404,))
def get_service_log(call: ControlCall[LogQuery, None]) -> TextLogShown:
    """Return a page of a service's log, as its model wrote it but for the secrets of the platform."""
    return DeployedWatch(call.desk).service_log(call.path["service_id"], call.query)


@control("GET", PREFIX + "/runs", query=RunQuery, answer=RunShownList)
def get_runs(call: ControlCall[RunQuery, None]) -> RunShownList:
    """List runs of every deployment, newest first; those that triggers made are among them."""
    return DeployedWatch(call.desk).runs(call.query)


@control("POST", RUN + "/release", answer=Done, errors=(404, 409))
def release_run(call: ControlCall[Nothing, None]) -> Done:
    """Let a held run go."""
    runs, run_id = call.desk.needs_runs(), call.path["run_id"]
    run = DeployedWatch(call.desk).run(run_id)
    if not run.queued:
        message = f"run {run_id} does not wait here: it is {run.status}"
        raise Conflict(message)
    runs.release(run_id)
    return Done(f"run {run_id} is let go")


@control("GET", RUN + "/log", query=LogQuery, answer=TextLogShown, errors=(404,))
def get_run_log(call: ControlCall[LogQuery, None]) -> TextLogShown:
    """Return a page of a run's log, as its model wrote it but for the secrets of the platform."""
    return DeployedWatch(call.desk).run_log(call.path["run_id"], call.query)


@control("GET", RUN, answer=RunShown, errors=(404,))
def get_run(call: ControlCall[Nothing, None]) -> RunShown:
    """Show a run."""
    return DeployedWatch(call.desk).run(call.path["run_id"])


DEPLOYED = operations_in(globals())
