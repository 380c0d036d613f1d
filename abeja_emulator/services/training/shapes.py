"""What clients send about job definitions, versions and jobs, and what they are shown."""

import datetime
from typing import Any, Literal, Optional, Union

import msgspec

from abeja_emulator.services.descriptions import Description
from abeja_emulator.services.from_git import FromGit
from abeja_emulator.services.paging import Limit, Offset

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


class NewGitVersion(FromGit):
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
