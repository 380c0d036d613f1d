"""What is kept of job definitions, versions, jobs, statistics and logs."""

import datetime
from typing import Any, Optional

import msgspec

from abeja_emulator.services.from_git import FromGit


class JobDefinition(msgspec.Struct, kw_only=True):
    """A job definition, known by name or id."""

    organization_id: str
    job_definition_id: str
    name: str
    archived: bool = False
    created_at: str
    modified_at: str


class JobDefinitionVersion(FromGit, kw_only=True):
    """A version: source archive, handler, image and defaults; `environment` holds text only.

    One from a git repository has its URL and branch in the place of an archive.
    """

    job_definition_id: str
    job_definition_version: int
    handler: str
    image: str
    environment: dict[str, str]
    datasets: dict[str, str]
    description: Optional[str] = None
    archived: bool = False
    source: str = ""
    source_size: int = 0
    git_url: Optional[str] = None
    git_branch: Optional[str] = None
    created_at: str
    modified_at: str

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return f"version {self.job_definition_version} of job definition {self.job_definition_id}"


class TrainingJob(msgspec.Struct, kw_only=True):
    """A job: one run of a version; times are `clock.iso` text or None."""

    training_job_id: str
    organization_id: str
    job_definition_id: str
    job_definition_name: str
    job_definition_version: int
    status: str
    status_message: Optional[str] = None
    exec_env: str
    instance_type: str
    environment: dict[str, str]
    datasets: dict[str, str]
    description: Optional[str] = None
    export_log: bool = False
    statistics: Optional[dict[str, Any]] = None
    archived: bool = False
    creator_id: str
    start_time: Optional[str] = None
    completion_time: Optional[str] = None
    created_at: str
    modified_at: str
    artifact: Optional[str] = None
    artifact_size: int = 0
    token: str

    @property
    def seconds(self) -> Optional[float]:
        """How long it ran; None until it has ended, and when it never started."""
        if self.start_time is None or self.completion_time is None:
            return None
        started, ended = map(datetime.datetime.fromisoformat, (self.start_time, self.completion_time))
        return (ended - started).total_seconds()


class PostedStatistics(msgspec.Struct, kw_only=True):
    """One statistic as it was posted."""

    at: str
    statistics: dict[str, Any]


class LogLine(msgspec.Struct, kw_only=True):
    """One line of a job's log; `timestamp` is in milliseconds since the epoch."""

    timestamp: int
    message: str
    log_level: str = "INFO"
