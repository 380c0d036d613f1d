"""State and life cycle of training jobs, with their statistics, logs and results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from abeja_emulator.clock import iso
from abeja_emulator.errors import BadRequest, Conflict, NotFound, PayloadTooLarge
from abeja_emulator.services.descriptions import check_description
from abeja_emulator.services.instance_types import check_instance_type, default_instance_type
from abeja_emulator.services.organizations.rules import Accounts
from abeja_emulator.services.times import utc, zulu
from abeja_emulator.services.training.definitions import datasets_of
from abeja_emulator.services.training.records import LogLine, PostedStatistics, TrainingJob
from abeja_emulator.services.variables import variables_of
from abeja_emulator.wire.content import Download

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from abeja_emulator.services.training.records import JobDefinition, JobDefinitionVersion
    from abeja_emulator.wire.call import World
    from abeja_emulator.wire.content import Upload

#: Largest statistic: `len(json.dumps(statistics, ensure_ascii=True))` with the default separators. That it is
#: 1 MB as escaped JSON is documented; that a MB is 1,048,576 of these characters is ours. Evidence:
#: documented, unit inferred.
STATISTICS_LIMIT = 1_048_576

#: Where a job can go from where it is (`abeja/training/job_status.py`; abejacli training/jobs.py).
LIFE_CYCLE = {
    "Pending": ("Active", "Complete", "Failed", "Stopped"),
    "Active": ("Complete", "Failed", "Stopped"),
    "Complete": (),
    "Failed": (),
    "Stopped": (),
}

#: Arguments of the SDK's `Statistics.add_stage` that no key of a stage can also be.
_STAGE_ARGUMENTS = frozenset({"self", "name"})


class Jobs:
    """The training jobs of one Platform."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._jobs = world.store.table("training_job", TrainingJob)
        self._statistics = world.store.table("statistics", PostedStatistics)
        self._logs = world.store.table("job_log", LogLine)
        self._accounts = Accounts(world)

    def create(  # noqa: PLR0913 - the fields of a job
        self,
        definition: JobDefinition,
        version: JobDefinitionVersion,
        creator_id: str,
        *,
        environment: dict[str, Any] | None = None,
        datasets: dict[str, Any] | None = None,
        instance_type: str | None = None,
        description: str | None = None,
        exec_env: str = "cloud",
        export_log: bool = False,
    ) -> TrainingJob:
        """Create a job of a version; what the job sets lies over what the version sets.

        Raises:
            BadRequest: when a field is not well-formed.
            Conflict: when the definition or the version is archived.
        """
        if definition.archived or version.archived:
            number = f"version {version.job_definition_version} of " if version.archived else ""
            message = f"{number}job definition {definition.name!r} is archived; unarchive it first"
            raise Conflict(message)
        check_description(description)
        instance_type = instance_type or default_instance_type(version.image)
        check_instance_type(instance_type)
        now = iso(self._world.clock.now())
        job = TrainingJob(
            training_job_id=self._world.ids.platform_id(),
            organization_id=definition.organization_id,
            job_definition_id=definition.job_definition_id,
            job_definition_name=definition.name,
            job_definition_version=version.job_definition_version,
            status="Pending",
            exec_env=exec_env,
            instance_type=instance_type,
            environment={**version.environment, **variables_of(environment)},
            datasets={**version.datasets, **datasets_of(datasets)},
            description=description,
            export_log=export_log,
            creator_id=creator_id,
            created_at=now,
            modified_at=now,
            token=self._world.ids.hexadecimal(64),
        )
        self._jobs.insert(definition.job_definition_id, job.training_job_id, job)
        self._accounts.add_bearer_token(definition.organization_id, creator_id, job.token, job.training_job_id)
        self._world.tell(job)
        return job

    def get(self, definition: JobDefinition, job_id: str) -> TrainingJob:
        """Return a job of a definition.

        Raises:
            NotFound: when the definition has none with that id.
        """
        job = self._jobs.get(definition.job_definition_id, job_id)
        if job is None:
            known = self._jobs.slice(definition.job_definition_id, limit=10, newest_first=True)
            ids = ", ".join(each.training_job_id for each in known) or "none"
            message = f"job definition {definition.name!r} has no job {job_id!r}; newest jobs: {ids}"
            raise NotFound(message)
        return job

    def find(self, job_id: str) -> TrainingJob:
        """Return a job by its id alone.

        Raises:
            NotFound: when there is none.
        """
        row = self._jobs.find(job_id)
        if row is None:
            newest = [each.record.training_job_id for each in self._jobs.all()][-10:]
            message = f"there is no training job {job_id!r}; newest jobs: {', '.join(reversed(newest)) or 'none'}"
            raise NotFound(message)
        return row.record

    def all(self) -> list[TrainingJob]:
        """Return every job, of every organization, oldest first."""
        return [row.record for row in self._jobs.all()]

    def select(
        self, definition: JobDefinition, offset: int, limit: int, *, archived: bool
    ) -> tuple[list[TrainingJob], int]:
        """Return jobs of a definition, newest first, and how many there are in all."""
        identifier = definition.job_definition_id
        total = self._jobs.count(identifier) if archived else self._jobs.count_kept(identifier)
        found = self._jobs.slice(identifier, offset=offset, limit=limit, archived=archived, newest_first=True)
        return found, total

    def report(self, job: TrainingJob, status: str, *, at: datetime.datetime | None = None) -> TrainingJob:
        """Let a job go where whoever runs it says that it is; one that was stopped meanwhile stays that.

        A client that stops a job's container because the job was stopped reports the end nevertheless, and goes on to
        clean up only if that is no error (abejacli/training/jobs.py). That the platform takes it is inferred.

        Raises:
            BadRequest: see `move`.
            Conflict: see `move`.
        """
        if job.status == "Stopped" and status in LIFE_CYCLE:
            return job
        return self.move(job, status, at=at)

    def move(
        self, job: TrainingJob, status: str, message: str | None = None, *, at: datetime.datetime | None = None
    ) -> TrainingJob:
        """Let a job go to another status, and note when it started or ended.

        Args:
            job: the job as it is.
            status: where it goes.
            message: what it shows as its `status_message`.
            at: when it got there; a time without a zone is UTC. Now by default.

        Raises:
            BadRequest: when there is no such status, or `at` is beyond what UTC can say.
            Conflict: when a job cannot go there from where it is.
        """
        if status not in LIFE_CYCLE:
            complaint = f"status {status!r} is none of {', '.join(LIFE_CYCLE)}"
            raise BadRequest(complaint)
        if status not in LIFE_CYCLE[job.status]:
            complaint = f"job {job.training_job_id} is {job.status} and cannot become {status}"
            raise Conflict(complaint)
        reached = iso(self._world.clock.now() if at is None else utc(at))
        started = job.start_time or (None if status == "Stopped" and job.status == "Pending" else reached)
        return self._put(
            msgspec.structs.replace(
                job,
                status=status,
                status_message=message,
                start_time=started,
                completion_time=None if status == "Active" else reached,
            )
        )

    def configure(self, job: TrainingJob, *, datasets: dict[str, str], environment: dict[str, str]) -> TrainingJob:
        """Give a job other datasets and variables; only what runs in this process needs that."""
        return self._put(msgspec.structs.replace(job, datasets=datasets, environment=environment))

    def archive(self, job: TrainingJob, *, archived: bool) -> TrainingJob:
        """Archive a job or take it back."""
        return self._put(msgspec.structs.replace(job, archived=archived))

    def delete_all(self, definition: JobDefinition) -> None:
        """Delete the jobs of a definition, and all that is theirs: statistics, logs, results, tokens."""
        identifier = definition.job_definition_id
        for job in self._jobs.slice(identifier):
            if job.artifact is not None:
                self._world.store.blobs.release(job.artifact)
            self._statistics.delete_under(job.training_job_id)
            self._logs.delete_under(job.training_job_id)
            self._accounts.revoke_bearer_token(job.organization_id, job.token)
        self._jobs.delete_under(identifier)

    def post_statistics(self, job: TrainingJob, statistics: dict[str, Any]) -> TrainingJob:
        """Take one statistic; the job shows the last one.

        Raises:
            BadRequest: when the SDK could not read the job any more (`abeja/training/statistics.py`):
                `stages` is there and no object of objects, or a key is an argument of its own methods.
            PayloadTooLarge: when it is larger than `STATISTICS_LIMIT`.
        """
        size = len(json.dumps(statistics))
        if size > STATISTICS_LIMIT:
            message = f"one statistic has at most {STATISTICS_LIMIT} characters as escaped JSON; this one has {size}"
            raise PayloadTooLarge(message)
        stages = statistics.get("stages", {})
        if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
            message = "statistics.stages must be an object of objects, such as {'train': {'loss': 0.1}}"
            raise BadRequest(message)
        if "self" in statistics or any(not _STAGE_ARGUMENTS.isdisjoint(stage) for stage in stages.values()):
            message = "statistics must not have the key 'self', nor a stage of them 'self' or 'name'"
            raise BadRequest(message)
        posted = PostedStatistics(at=iso(self._world.clock.now()), statistics=statistics)
        number = self._world.ids.number("statistics", job.training_job_id)
        self._statistics.insert(job.training_job_id, str(number), posted)
        return self._put(msgspec.structs.replace(job, statistics=statistics))

    def statistics(self, job_id: str) -> list[dict[str, Any]]:
        """Return every statistic of a job in the order of posting."""
        return [posted.statistics for posted in self._statistics.slice(job_id)]

    def log(self, job_id: str, lines: Sequence[LogLine]) -> None:
        """Append lines to a job's log."""
        self._logs.insert_many(job_id, [(str(self._world.ids.number("job_log", job_id)), line) for line in lines])

    def log_lines(self, job_id: str) -> list[LogLine]:
        """Return a job's log, oldest line first."""
        return self._logs.slice(job_id)

    def keep_result(self, job: TrainingJob, upload: Upload) -> TrainingJob:
        """Make `upload`, a zip, the result of a job, in the place of one it may have."""
        if job.artifact is not None:
            self._world.store.blobs.release(job.artifact)
        digest, size = self._world.store.blobs.put(upload.content)
        return self._put(msgspec.structs.replace(job, artifact=digest, artifact_size=size))

    def result_url(self, job: TrainingJob, method: str, origin: str) -> str:
        """Return a signed URL to get or to put the result of a job."""
        target, _ = self._world.signer.sign(method, "results", job.training_job_id)
        return origin + target

    def result(self, job_id: str) -> Download:
        """Return the result of a job, a zip.

        Raises:
            NotFound: when the job has none.
        """
        job = self.find(job_id)
        if job.artifact is None:
            message = f"job {job_id} has no result"
            raise NotFound(message)
        return Download(self._world.store.blobs.content(job.artifact), job.artifact_size, "application/zip")

    def view(self, job: TrainingJob) -> dict[str, Any]:
        """Return a job as the API shows it; ids under both of their names."""
        creator = self._accounts.user(job.creator_id)
        return {
            "id": job.training_job_id,
            "training_job_id": job.training_job_id,
            "job_definition_id": job.job_definition_id,
            "job_definition_version": job.job_definition_version,
            "status": job.status,
            "status_message": job.status_message,
            "exec_env": job.exec_env,
            "instance_type": job.instance_type,
            "environment": job.environment,
            "user_parameters": {},
            "datasets": job.datasets,
            "description": job.description,
            "statistics": job.statistics,
            "archived": job.archived,
            "creator": None if creator is None else creator.view(),
            "start_time": zulu(job.start_time),
            "completion_time": zulu(job.completion_time),
            "created_at": zulu(job.created_at),
            "modified_at": zulu(job.modified_at),
        }

    def _put(self, job: TrainingJob) -> TrainingJob:
        job = msgspec.structs.replace(job, modified_at=iso(self._world.clock.now()))
        self._jobs.update(job.job_definition_id, job.training_job_id, job, archived=job.archived)
        self._world.tell(job)
        return job
