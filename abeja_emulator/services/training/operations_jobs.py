"""Operations on the jobs of a definition (`abeja/training/api/client.py`)."""

from typing import Any

from abeja_emulator.services.messages import Message
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.named import definition_of, job_of
from abeja_emulator.services.training.paths import JOB, JOBS, VERSION
from abeja_emulator.services.training.shapes import JobList, JobListView, JobView, NewJob
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.operations import Evidence, operation, operations_in

SOURCE = "abeja/training/api/client.py"
LOCAL = "abejacli/training/jobs.py (train-local)"


@operation(
    "POST",
    VERSION + "/jobs",
    body=NewJob,
    answer=JobView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_training_job; {LOCAL} needs a token; that an archived version is refused, and that the "
    "job's environment and datasets lie over the version's, is inferred",
)
def create_training_job(call: Call[None, NewJob]) -> dict[str, Any]:
    """Create a job; it is Pending."""
    definition = definition_of(call)
    body = call.body
    jobs = Jobs(call.world)
    job = jobs.create(
        definition,
        Definitions(call.world).version(definition, call.path["version_id"]),
        call.user_id,
        environment=body.environment or body.user_parameters,
        datasets=body.datasets,
        instance_type=body.instance_type,
        description=body.description,
        exec_env=body.exec_env,
        export_log=bool(body.export_log),
    )
    shown = jobs.view(job)
    if job.exec_env == "local":
        shown["token"] = job.token
    return shown


@operation(
    "GET",
    JOBS,
    query=JobList,
    answer=JobListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_jobs; abeja/training/common.py pages by total",
)
def get_training_jobs(call: Call[JobList, None]) -> dict[str, Any]:
    """List the jobs of a definition, newest first."""
    jobs, query = Jobs(call.world), call.query
    archived = query.filter_archived == "include_archived"
    found, total = jobs.select(definition_of(call), query.offset, query.limit, archived=archived)
    return {
        "entries": [jobs.view(job) for job in found],
        "limit": query.limit,
        "offset": query.offset,
        "total": total,
    }


@operation(
    "GET",
    JOB,
    answer=JobView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job; abeja/tracking",
)
def get_training_job(call: Call[None, None]) -> dict[str, Any]:
    """Return a job."""
    return Jobs(call.world).view(job_of(call))


@operation(
    "DELETE",
    JOB,
    answer=Message,
    errors=(401, 403, 404, 409),
    evidence=Evidence.CLIENT,
    source="abeja/train/api/client.py of SDK 1.0.8 and before",
)
def delete_training_job(call: Call[None, None]) -> Message:
    """Stop a job, as SDK 1.0.8 and before do."""
    Jobs(call.world).move(job_of(call), "Stopped")
    return Message("deleted")


@operation(
    "POST",
    JOB + "/stop",
    answer=Message,
    errors=(401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} stop_training_job; that a finished job is refused is inferred",
)
def stop_training_job(call: Call[None, None]) -> Message:
    """Stop a job that is Pending or Active."""
    job = Jobs(call.world).move(job_of(call), "Stopped")
    return Message(f"{job.job_definition_name}:{job.training_job_id} stopped")


@operation(
    "POST",
    JOB + "/archive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_job",
)
def archive_training_job(call: Call[None, None]) -> Message:
    """Archive a job."""
    job = Jobs(call.world).archive(job_of(call), archived=True)
    return Message(f"{job.job_definition_name}:{job.training_job_id} archived")


@operation(
    "POST",
    JOB + "/unarchive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_job",
)
def unarchive_training_job(call: Call[None, None]) -> Message:
    """Take an archived job back."""
    job = Jobs(call.world).archive(job_of(call), archived=False)
    return Message(f"{job.job_definition_name}:{job.training_job_id} unarchived")


OPERATIONS = operations_in(globals())
