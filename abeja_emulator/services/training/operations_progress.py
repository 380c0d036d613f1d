"""Operations with which a job says how far it is: statistics, status and lines of its log."""

from typing import Any

from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.named import job_of
from abeja_emulator.services.training.paths import JOB
from abeja_emulator.services.training.records import LogLine
from abeja_emulator.services.training.shapes import JobView, NewLogs, NewStatistics, NewStatus
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/training/api/client.py"
LOCAL = "abejacli/training/jobs.py (train-local)"


@operation(
    "POST",
    JOB + "/statistics",
    body=NewStatistics,
    answer=JobView,
    errors=(400, 401, 403, 404, 413),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} update_statistics; abeja/training/job.py builds a Job from the answer",
)
def update_statistics(call: Call[None, NewStatistics]) -> dict[str, Any]:
    """Take one statistic of a job and return the job."""
    jobs = Jobs(call.world)
    return jobs.view(jobs.post_statistics(job_of(call), call.body.statistics))


@operation(
    "PUT",
    JOB + "/status",
    body=NewStatus,
    answer=JobView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def update_training_job_status(call: Call[None, NewStatus]) -> dict[str, Any]:
    """Take the status of a job that runs on the caller's machine.

    Of one that was stopped meanwhile it changes nothing, and the answer says that it is stopped.
    """
    jobs, body = Jobs(call.world), call.body
    at = body.start_time if body.status == "Active" else body.completion_time
    return jobs.view(jobs.report(job_of(call), body.status, at=at))


@operation(
    "POST",
    JOB + "/logs",
    body=NewLogs,
    answer=dict[str, Any],
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def create_training_job_logs(call: Call[None, NewLogs]) -> dict[str, Any]:
    """Append lines to the log of a job that runs on the caller's machine."""
    lines = [LogLine(timestamp=line.timestamp, message=line.message) for line in call.body.logs]
    Jobs(call.world).log(job_of(call).training_job_id, lines)
    return {}


OPERATIONS = operations_in(globals())
