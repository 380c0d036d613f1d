"""Takes down what a test did to a platform, before its state is rolled back."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Callable

from abeja_emulator.report.records import CallRecord, FaultRecord, JobRecord, ModelRecord, SleepRecord, TestRecord
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.services.services.records import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.logs.records import Line
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.services.services.records import Service
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.wire.journal import Entry

#: What is kept of a test, so that ten thousand tests do not fill the memory.
CALLS_KEPT = 500
LOG_LINES_KEPT = 100


def fault_records(platform: Platform, redact: Redaction) -> Iterator[FaultRecord]:
    """Yield what went wrong on a platform on purpose, or was to, without secrets."""
    plan = platform.faults
    for fault in plan.all():
        hits = [hit for hit in plan.fired if hit.fault is fault]
        yield FaultRecord(
            # As it was said: a word of it such as token=expired is no secret.
            text=str(fault),
            fired=fault.fired,
            calls=[redact(str(hit)) for hit in hits[:CALLS_KEPT]],
            because=[redact(call) for hit in hits for call in hit.because][:CALLS_KEPT],
        )


class Recorder:
    """Remembers where a platform stands, and takes down what came after, each time what is new.

    Args:
        platform: the platform.
        ambient: id of the job that is current while no other is, and its result directory; it is taken
            down only when it posted statistics or left files.
    """

    def __init__(self, platform: Platform, ambient: tuple[str, Path] | None = None) -> None:
        self._platform = platform
        self._ambient = ambient
        self._files_before = self._ambient_files()
        self._begun = platform.clock.timestamp()
        platform.journal.take_evidence()
        self._remember()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was called and nothing changed since the last time."""
        now = self._platform.journal.total, self._changes(), self._platform.clock.sleeps.total
        return now == (self._calls_before, self._changes_before, self._sleeps_before)

    def record(self, test: str, refused_hosts: Iterable[str] = ()) -> TestRecord:
        """Return what happened since this recorder was made, or since the last record."""
        journal = self._platform.journal
        entries = journal.since(self._calls_before)
        jobs = [job for job in self._platform.look.jobs() if self._is_of_this_test(job)]
        redact = Redaction(self._platform.secrets())
        record = TestRecord(
            test=redact(test),
            jobs=[self._job(job, entries, redact) for job in jobs],
            models=list(self._models(redact)),
            calls=[self._call(entry, redact) for entry in entries[-CALLS_KEPT:]],
            calls_in_all=journal.total - self._calls_before,
            evidence={name: evidence.value for name, evidence in journal.take_evidence().items()},
            refused_hosts=[redact(text) for text in refused_hosts],
            faults=list(fault_records(self._platform, redact)),
            sleeps=self._sleeps(),
            sleeps_in_all=self._platform.clock.sleeps.total - self._sleeps_before,
            duplicates=[redact(str(each)) for each in self._platform.duplicates()],
        )
        if any(job.id == self._ambient_id for job in record.jobs):
            self._ambient = None
        self._remember()
        return record

    @property
    def _ambient_id(self) -> str | None:
        return None if self._ambient is None else self._ambient[0]

    def _remember(self) -> None:
        self._calls_before = self._platform.journal.total
        self._sleeps_before = self._platform.clock.sleeps.total
        self._changes_before = self._changes()
        look = self._platform.look
        self._jobs_before = {job.training_job_id for job in look.jobs()}
        self._models_before = {each.service_id for each in look.services()} | {each.run_id for each in look.runs()}

    def _changes(self) -> int:
        return self._platform.world.store.database.changes

    def _is_of_this_test(self, job: TrainingJob) -> bool:
        if job.training_job_id == self._ambient_id:
            return bool(job.statistics or self._ambient_files() != self._files_before)
        return job.training_job_id not in self._jobs_before

    def _call(self, entry: Entry, redact: Redaction) -> CallRecord:
        return CallRecord(
            after=round(entry.at - self._begun, 6),
            method=entry.method,
            path=redact(f"{entry.path}?{entry.query}" if entry.query else entry.path),
            operation=entry.operation,
            status=entry.status,
            evidence=entry.evidence.value if entry.evidence else None,
            error=None if entry.error is None else redact(entry.error),
            fault=entry.fault,
            done=entry.done,
            because=entry.because,
        )

    def _sleeps(self) -> list[SleepRecord]:
        return [
            SleepRecord(after=round(sleep.at - self._begun, 6), seconds=sleep.seconds, why=sleep.why, text=str(sleep))
            for sleep in self._platform.clock.sleeps.since(self._sleeps_before)[-CALLS_KEPT:]
        ]

    def _job(self, job: TrainingJob, entries: Sequence[Entry], redact: Redaction) -> JobRecord:
        look = self._platform.look
        lines = look.log(job.training_job_id)[-LOG_LINES_KEPT:]
        return JobRecord(
            id=job.training_job_id,
            name=redact(f"{job.job_definition_name}:{job.job_definition_version}"),
            status=job.status,
            message=None if job.status_message is None else redact(job.status_message),
            seconds=job.seconds,
            statistics=redact.deep(look.statistics(job.training_job_id)),
            refused_statistics=[
                redact(entry.error or f"answered {entry.status}")
                for entry in entries
                if entry.operation == "update_statistics"
                and entry.status >= 400  # noqa: PLR2004 - where errors begin
                and f"/jobs/{job.training_job_id}/" in entry.path
            ],
            artifacts=redact.deep(self._artifacts(job)),
            log=[redact(line.message) for line in lines],
        )

    def _models(self, redact: Redaction) -> Iterator[ModelRecord]:
        look = self._platform.look
        found: list[tuple[str, str, Service | Run, Callable[[str], list[Line]]]] = [
            *(("service", each.service_id, each, look.service_log) for each in look.services()),
            *(("run", each.run_id, each, look.run_log) for each in look.runs()),
        ]
        for kind, identifier, each, log in found:
            if identifier not in self._models_before or (kind == "service" and each.status == FAILED):
                yield ModelRecord(
                    kind=kind,
                    id=identifier,
                    name=redact(look.deployment(each.deployment_id).name),
                    status=each.status,
                    log=[redact(line.message) for line in log(identifier)[-LOG_LINES_KEPT:]],
                )

    def _artifacts(self, job: TrainingJob) -> dict[str, int]:
        if job.artifact is not None:
            content = io.BytesIO(self._platform.look.result(job.training_job_id))
            try:
                with zipfile.ZipFile(content) as archive:
                    return {each.filename: each.file_size for each in archive.infolist() if not each.is_dir()}
            except zipfile.BadZipFile:
                return {"(a result that is no zip)": job.artifact_size}
        if self._ambient is not None and job.training_job_id == self._ambient[0]:
            return {name: size for name, (size, _) in self._ambient_files().items()}
        return {}

    def _ambient_files(self) -> dict[str, tuple[int, int]]:
        """Return the files in the result directory of the current job, with their sizes and times."""
        if self._ambient is None:
            return {}
        folder = self._ambient[1]
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        stats = [(path.relative_to(folder).as_posix(), path.stat()) for path in files]
        return {name: (found.st_size, found.st_mtime_ns) for name, found in stats}
