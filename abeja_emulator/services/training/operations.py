"""Operations on job definitions, versions and jobs (`abeja/training/api/client.py`)."""

import datetime
from typing import Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.messages import Message
from abeja_emulator.services.paging import Limit, Offset
from abeja_emulator.services.training.definitions import Definitions, version_view
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import JobDefinition, LogLine, TrainingJob
from abeja_emulator.wire.call import Call
from abeja_emulator.wire.content import Download, Empty, Form, Multipart, Upload
from abeja_emulator.wire.operations import Access, Evidence, operation, operations_in

DEFINITIONS = "/organizations/{organization_id}/training/definitions"
DEFINITION = DEFINITIONS + "/{job_definition_name}"
VERSIONS = DEFINITION + "/versions"
VERSION = VERSIONS + "/{version_id}"
JOBS = DEFINITION + "/jobs"
JOB = JOBS + "/{training_job_id}"
SOURCE = "abeja/training/api/client.py"
LOCAL = "abejacli/training/jobs.py (train-local)"

FilterArchived = Literal["exclude_archived", "include_archived"]


class NewDefinition(msgspec.Struct):
    """A job definition to create."""

    name: str


class DefinitionList(msgspec.Struct):
    """Which job definitions to list."""

    filter_archived: FilterArchived = "exclude_archived"
    offset: Offset = 0
    limit: Limit = 50


class DefinitionQuery(msgspec.Struct):
    """How to show a job definition."""

    include_jobs: bool = True


class VersionView(msgspec.Struct, omit_defaults=True):
    """A version, as the API shows it; one that comes from git says from where."""

    job_definition_id: str
    job_definition_version: int
    handler: str
    image: str
    environment: dict[str, str]
    user_parameters: dict[str, str]
    datasets: dict[str, str]
    description: Optional[str]
    archived: bool
    created_at: str
    modified_at: str
    git_url: Optional[str] = None
    git_branch: Optional[str] = None


class JobView(msgspec.Struct, omit_defaults=True):
    """A job, as the API shows it; `token` only where the job runs on the caller's machine."""

    id: str
    training_job_id: str
    job_definition_id: str
    job_definition_version: int
    status: Literal["Pending", "Active", "Stopped", "Complete", "Failed"]
    status_message: Optional[str]
    exec_env: str
    instance_type: str
    environment: dict[str, str]
    user_parameters: dict[str, str]
    datasets: dict[str, str]
    description: Optional[str]
    statistics: Optional[dict[str, Any]]
    archived: bool
    creator: Optional[dict[str, Any]]
    start_time: Optional[str]
    completion_time: Optional[str]
    created_at: str
    modified_at: str
    token: Optional[str] = None


class DefinitionView(msgspec.Struct):
    """A job definition, as the API shows it."""

    organization_id: str
    job_definition_id: str
    name: str
    archived: bool
    versions: list[VersionView]
    jobs: Optional[list[JobView]]
    version_count: int
    model_count: int
    notebook_count: int
    tensorboard_count: int
    created_at: str
    modified_at: str


class DefinitionListView(msgspec.Struct):
    """Job definitions and how many there are."""

    entries: list[DefinitionView]
    total: int
    offset: int
    limit: int


class NewVersion(msgspec.Struct):
    """Parameters of a version; `user_parameters` is the old name of `environment`."""

    handler: str
    image: Optional[str] = None
    environment: Optional[dict[str, Any]] = None
    user_parameters: Optional[dict[str, Any]] = None
    datasets: Optional[dict[str, Any]] = None
    description: Optional[Description] = None


class NewGitVersion(msgspec.Struct):
    """A version to create from a git repository."""

    git_url: str
    handler: str
    image: str
    git_branch: Optional[str] = None
    environment: Optional[dict[str, Any]] = None
    datasets: Optional[dict[str, Any]] = None
    description: Optional[Description] = None


class VersionList(msgspec.Struct):
    """Which versions to list."""

    filter_archived: FilterArchived = "exclude_archived"


class VersionListView(msgspec.Struct):
    """Versions, oldest first."""

    entries: list[VersionView]


class NewDescription(msgspec.Struct):
    """What can be changed of a version; what is not named stays as it is."""

    description: Union[Description, msgspec.UnsetType, None] = msgspec.UNSET


class SourceView(msgspec.Struct):
    """Where the source archive is."""

    download_uri: str


class NewJob(msgspec.Struct):
    """A job to create; `user_parameters` is the old name of `environment`."""

    environment: Optional[dict[str, Any]] = None
    user_parameters: Optional[dict[str, Any]] = None
    datasets: Optional[dict[str, Any]] = None
    instance_type: Optional[str] = None
    description: Optional[Description] = None
    export_log: Optional[bool] = None
    exec_env: Literal["cloud", "local", "edge", "none"] = "cloud"


class JobList(msgspec.Struct):
    """Which jobs to list."""

    limit: Limit = 10
    offset: Offset = 0
    filter_archived: FilterArchived = "exclude_archived"


class JobListView(msgspec.Struct):
    """Jobs and how many there are."""

    entries: list[JobView]
    limit: int
    offset: int
    total: int


class NewStatistics(msgspec.Struct):
    """A statistic to post."""

    statistics: dict[str, Any]


class NewStatus(msgspec.Struct):
    """A status that a job which runs on the caller's machine has reached, and when; without a zone it is UTC."""

    status: str
    start_time: Optional[datetime.datetime] = None
    completion_time: Optional[datetime.datetime] = None


class NewLogLine(msgspec.Struct):
    """A line of a log; milliseconds since the epoch."""

    message: str
    timestamp: int


class NewLogs(msgspec.Struct):
    """Lines of a log."""

    logs: list[NewLogLine]


class Uri(msgspec.Struct):
    """A signed URL."""

    uri: str


class Artifacts(msgspec.Struct, omit_defaults=True):
    """The result of a job, when it has one."""

    complete: Optional[Uri] = None


class ResultView(msgspec.Struct):
    """Where the result of a job is."""

    artifacts: Artifacts


@operation(
    "POST",
    DEFINITIONS,
    body=NewDefinition,
    answer=DefinitionView,
    errors=(400, 401, 403, 404, 409),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} create_training_job_definition; that a taken name is a conflict is inferred",
)
def create_training_job_definition(call: Call[None, NewDefinition]) -> dict[str, Any]:
    """Create a job definition."""
    definitions = Definitions(call.world)
    return definitions.view(definitions.create(call.path["organization_id"], call.body.name))


@operation(
    "GET",
    DEFINITIONS,
    query=DefinitionList,
    answer=DefinitionListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definitions; abeja/training/common.py pages by total",
)
def get_training_job_definitions(call: Call[DefinitionList, None]) -> dict[str, Any]:
    """List job definitions."""
    definitions, organization, query = Definitions(call.world), call.path["organization_id"], call.query
    archived = query.filter_archived == "include_archived"
    found = definitions.select(organization, query.offset, query.limit, archived=archived)
    return {
        "entries": [definitions.view(definition) for definition in found],
        "total": definitions.count(organization, archived=archived),
        "offset": query.offset,
        "limit": query.limit,
    }


@operation(
    "GET",
    DEFINITION,
    query=DefinitionQuery,
    answer=DefinitionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition",
)
def get_training_job_definition(call: Call[DefinitionQuery, None]) -> dict[str, Any]:
    """Return a job definition by name or id, with its jobs unless `include_jobs=false`."""
    definition = _definition(call)
    shown = Definitions(call.world).view(definition)
    if call.query.include_jobs:
        jobs = Jobs(call.world)
        found, _ = jobs.select(definition, 0, -1, archived=False)
        shown["jobs"] = [jobs.view(job) for job in found]
    return shown


@operation(
    "DELETE",
    DEFINITION,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_training_job_definition",
)
def delete_training_job_definition(call: Call[None, None]) -> Message:
    """Delete a job definition with its versions, jobs, models and notebooks."""
    Jobs(call.world).delete_all(_definition(call))
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).delete(call.path["organization_id"], name)
    return Message(f"{definition.name} deleted")


@operation(
    "POST",
    DEFINITION + "/archive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_job_definition",
)
def archive_training_job_definition(call: Call[None, None]) -> Message:
    """Archive a job definition."""
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).archive(call.path["organization_id"], name, archived=True)
    return Message(f"{definition.name} archived")


@operation(
    "POST",
    DEFINITION + "/unarchive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_job_definition",
)
def unarchive_training_job_definition(call: Call[None, None]) -> Message:
    """Take an archived job definition back."""
    name = call.path["job_definition_name"]
    definition = Definitions(call.world).archive(call.path["organization_id"], name, archived=False)
    return Message(f"{definition.name} unarchived")


@operation(
    "POST",
    VERSIONS,
    body=Multipart("source_code", NewVersion, encoded="source_code_base64"),
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} create_training_job_definition_version; abejacli training create-version; that the name of a "
    "variable is checked is inferred, and so is the default image",
)
def create_training_job_definition_version(call: Call[None, Form]) -> dict[str, Any]:
    """Create a version from a source archive, zip or tar.gz whatever its part is labelled."""
    parameters: NewVersion = call.body.parameters
    version = Definitions(call.world).create_version(
        _definition(call),
        call.body.file,
        handler=parameters.handler,
        image=parameters.image,
        environment=parameters.environment or parameters.user_parameters,
        datasets=parameters.datasets,
        description=parameters.description,
    )
    return version_view(version)


@operation(
    "POST",
    DEFINITION + "/git/versions",
    body=NewGitVersion,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source="abejacli training create-version-from-git, whose help text says https and master; that the version shows "
    "where it comes from is inferred",
)
def create_training_version_from_git(call: Call[None, NewGitVersion]) -> dict[str, Any]:
    """Create a version that comes from a git repository, which is not fetched."""
    body = call.body
    version = Definitions(call.world).create_version(
        _definition(call),
        None,
        handler=body.handler,
        image=body.image,
        environment=body.environment,
        datasets=body.datasets,
        description=body.description,
        git_url=body.git_url,
        git_branch=body.git_branch,
    )
    return version_view(version)


@operation(
    "GET",
    VERSIONS,
    query=VersionList,
    answer=VersionListView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition_versions",
)
def get_training_job_definition_versions(call: Call[VersionList, None]) -> dict[str, Any]:
    """List the versions of a job definition."""
    archived = call.query.filter_archived == "include_archived"
    found = Definitions(call.world).versions(_definition(call), archived=archived)
    return {"entries": [version_view(version) for version in found]}


@operation(
    "GET",
    VERSION,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source=f"{SOURCE} get_training_job_definition_version",
)
def get_training_job_definition_version(call: Call[None, None]) -> dict[str, Any]:
    """Return a version."""
    return version_view(Definitions(call.world).version(_definition(call), call.path["version_id"]))


@operation(
    "PATCH",
    VERSION,
    body=NewDescription,
    answer=VersionView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} patch_training_job_definition_version",
)
def patch_training_job_definition_version(call: Call[None, NewDescription]) -> dict[str, Any]:
    """Change the description of a version."""
    definitions, definition, number = Definitions(call.world), _definition(call), call.path["version_id"]
    if call.body.description is msgspec.UNSET:
        return version_view(definitions.version(definition, number))
    return version_view(definitions.describe_version(definition, number, call.body.description))


@operation(
    "DELETE",
    VERSION,
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} delete_training_job_definition_version",
)
def delete_training_job_definition_version(call: Call[None, None]) -> Message:
    """Delete a version."""
    Definitions(call.world).delete_version(_definition(call), call.path["version_id"])
    return Message("deleted")


@operation(
    "POST",
    VERSION + "/archive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} archive_training_job_definition_version",
)
def archive_training_job_definition_version(call: Call[None, None]) -> Message:
    """Archive a version."""
    Definitions(call.world).archive_version(_definition(call), call.path["version_id"], archived=True)
    return Message("archived")


@operation(
    "POST",
    VERSION + "/unarchive",
    answer=Message,
    errors=(400, 401, 403, 404),
    evidence=Evidence.DOCUMENTED,
    source=f"{SOURCE} unarchive_training_job_definition_version",
)
def unarchive_training_job_definition_version(call: Call[None, None]) -> Message:
    """Take an archived version back."""
    Definitions(call.world).archive_version(_definition(call), call.path["version_id"], archived=False)
    return Message("unarchived")


@operation(
    "GET",
    VERSION + "/source",
    answer=SourceView,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source="runner cmd/training/process_download.go",
)
def get_training_job_definition_version_source(call: Call[None, None]) -> SourceView:
    """Return a signed URL to the source archive of a version."""
    url = Definitions(call.world).source_url(_definition(call), call.path["version_id"], call.origin)
    return SourceView(url)


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
    definition = _definition(call)
    body = call.body
    jobs = Jobs(call.world)
    job = jobs.create(
        definition,
        Definitions(call.world).version(definition, call.path["version_id"]),
        call.caller.user_id if call.caller else "",
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
    found, total = jobs.select(_definition(call), query.offset, query.limit, archived=archived)
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
    return Jobs(call.world).view(_job(call))


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
    Jobs(call.world).move(_job(call), "Stopped")
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
    job = Jobs(call.world).move(_job(call), "Stopped")
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
    job = Jobs(call.world).archive(_job(call), archived=True)
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
    job = Jobs(call.world).archive(_job(call), archived=False)
    return Message(f"{job.job_definition_name}:{job.training_job_id} unarchived")


@operation(
    "GET",
    JOB + "/result",
    answer=ResultView,
    errors=(400, 401, 403, 404),
    evidence=Evidence.CLIENT,
    source="abeja/train/client.py download_training_result takes a missing key as: no result",
)
def get_training_result(call: Call[None, None]) -> ResultView:
    """Return a signed URL to the result of a job, or no artifact when it has none."""
    job = _job(call)
    if job.artifact is None:
        return ResultView(Artifacts())
    return ResultView(Artifacts(Uri(Jobs(call.world).result_url(job, "GET", call.origin))))


@operation(
    "POST",
    JOB + "/result",
    answer=Uri,
    errors=(401, 403, 404),
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def create_training_result(call: Call[None, None]) -> Uri:
    """Return a signed URL to PUT the result of a job to."""
    return Uri(Jobs(call.world).result_url(_job(call), "PUT", call.origin))


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
    return jobs.view(jobs.post_statistics(_job(call), call.body.statistics))


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
    """Take the status of a job that runs on the caller's machine."""
    jobs, body = Jobs(call.world), call.body
    at = body.start_time if body.status == "Active" else body.completion_time
    return jobs.view(jobs.move(_job(call), body.status, at=at))


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
    Jobs(call.world).log(_job(call).training_job_id, lines)
    return {}


@operation(
    "GET",
    "/_signed/sources/{job_definition_id}/{version_id}",
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="runner cmd/training/process_download.go",
)
def download_source(call: Call[None, None]) -> Download:
    """Return the source archive of a version."""
    return Definitions(call.world).source(call.path["job_definition_id"], call.path["version_id"])


@operation(
    "GET",
    "/_signed/results/{training_job_id}",
    answer=Download,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source="abeja/train/client.py opens the answer as a zip",
)
def download_result(call: Call[None, None]) -> Download:
    """Return the result of a job, a zip."""
    return Jobs(call.world).result(call.path["training_job_id"])


@operation(
    "PUT",
    "/_signed/results/{training_job_id}",
    body=Upload,
    answer=Empty,
    errors=(403, 404),
    access=Access.SIGNATURE,
    evidence=Evidence.CLIENT,
    source=LOCAL,
)
def upload_result(call: Call[None, Upload]) -> Empty:
    """Take the result of a job that ran on the caller's machine."""
    jobs = Jobs(call.world)
    jobs.keep_result(jobs.find(call.path["training_job_id"]), call.body)
    return Empty()


def _definition(call: Call[Any, Any]) -> JobDefinition:
    return Definitions(call.world).get(call.path["organization_id"], call.path["job_definition_name"])


def _job(call: Call[Any, Any]) -> TrainingJob:
    return Jobs(call.world).get(_definition(call), call.path["training_job_id"])


OPERATIONS = operations_in(globals())
