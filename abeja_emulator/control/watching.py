"""Looking at what happens on a platform: its jobs, their logs and statistics, and its journal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, cast

from abeja_emulator.clock import iso
from abeja_emulator.control.secrecy import Secrecy, secrets_of
from abeja_emulator.control.shapes import (
    EntryShown,
    JobShown,
    JobShownList,
    JournalShown,
    LogLineShown,
    LogShown,
    StatisticsShown,
)
from abeja_emulator.report.redaction import Redaction
from abeja_emulator.services.times import zulu
from abeja_emulator.services.training.jobs import LIFE_CYCLE, Jobs
from abeja_emulator.services.training.records import LogLine, PostedStatistics, TrainingJob

if TYPE_CHECKING:
    from typing import TypeVar

    import msgspec

    from abeja_emulator.control.desk import Desk
    from abeja_emulator.control.shapes import JobQuery, JournalQuery, LogQuery, Status
    from abeja_emulator.store.table import Row
    from abeja_emulator.wire.journal import Entry

    RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class Watch:
    """Shows a platform's jobs and calls, page by page, without the secrets in them."""

    def __init__(self, desk: Desk) -> None:
        self._platform = desk.platform
        self._store = desk.platform.world.store
        self._jobs = desk.jobs

    def jobs(self, query: JobQuery) -> JobShownList:
        """Return the jobs that a query means, of whatever organization, newest first."""
        with self._store.reading():
            rows = list(self._store.table("training_job", TrainingJob).all())
        found = [row.record for row in reversed(rows) if _is_meant(row.record, query)]
        return JobShownList(self._shown(found[: query.limit]), len(found))

    def job(self, job_id: str) -> JobShown:
        """Return a job of whatever organization.

        Raises:
            NotFound: when there is no such job.
        """
        with self._store.reading():
            job = Jobs(self._platform.world).find(job_id)
        return self._shown([job])[0]

    def _shown(self, jobs: list[TrainingJob]) -> list[JobShown]:
        queued, running = self._at_work()
        hide = Secrecy(self._platform)
        return [
            JobShown(
                training_job_id=job.training_job_id,
                organization_id=job.organization_id,
                definition=hide(job.job_definition_name),
                version=job.job_definition_version,
                status=cast("Status", job.status),
                status_message=None if job.status_message is None else hide(job.status_message),
                exec_env=job.exec_env,
                queued=job.training_job_id in queued,
                running=job.training_job_id in running,
                created_at=job.created_at + "Z",
                start_time=zulu(job.start_time),
                completion_time=zulu(job.completion_time),
                seconds=job.seconds,
                statistics=hide.deep(job.statistics),
            )
            for job in jobs
        ]

    def log(self, job_id: str, query: LogQuery) -> LogShown:
        """Return a page of a job's log.

        Raises:
            NotFound: when there is no such job.
        """
        rows, ended = self._page(job_id, "job_log", LogLine, query)
        hide = Secrecy(self._platform) if rows else str
        lines = [LogLineShown(row.record.timestamp, row.record.log_level, hide(row.record.message)) for row in rows]
        return LogShown(lines, rows[-1].seq if rows else query.after, ended)

    def statistics(self, job_id: str, query: LogQuery) -> StatisticsShown:
        """Return a page of what a job posted.

        Raises:
            NotFound: when there is no such job.
        """
        rows, ended = self._page(job_id, "statistics", PostedStatistics, query)
        posted = [row.record.statistics for row in rows]
        if posted:
            posted = Secrecy(self._platform).deep(posted)
        return StatisticsShown(posted, rows[-1].seq if rows else query.after, ended)

    def journal(self, query: JournalQuery) -> JournalShown:
        """Return a page of the calls; a number that this journal never reached is one of an earlier server's."""
        after, entries = self._platform.journal.numbered(query.after)
        hide = Redaction(secrets_of(self._platform))
        shown: list[EntryShown] = []
        for number, entry in entries:
            if len(shown) == query.limit:
                break
            after = number
            if query.operation in {None, entry.operation}:
                shown.append(_entry(number, entry, hide))
        return JournalShown(shown, after)

    def _at_work(self) -> tuple[set[str], set[str]]:
        """Return the ids of the jobs that wait, and of those that run."""
        if self._jobs is None:
            return set(), set()
        return set(self._jobs.queued()), set(self._jobs.running())

    def _page(self, job_id: str, kind: str, record: type[RecordT], query: LogQuery) -> tuple[list[Row[RecordT]], bool]:
        """Return a page of what belongs to a job, and whether nothing will ever come behind it."""
        # Looked at before the page is read: what ends in between wrote its last line before it ended.
        running = self._jobs is not None and job_id in self._jobs.running()
        with self._store.reading():
            job = Jobs(self._platform.world).find(job_id)
            # One more, to know whether there is more.
            rows = self._store.table(kind, record).page(job_id, after=query.after, limit=query.limit + 1)
        ended = not LIFE_CYCLE[job.status] and not running and len(rows) <= query.limit
        return rows[: query.limit], ended


def _is_meant(job: TrainingJob, query: JobQuery) -> bool:
    return query.status in {None, job.status} and query.definition in {
        None,
        job.job_definition_name,
        job.job_definition_id,
    }


def _entry(number: int, entry: Entry, hide: Redaction) -> EntryShown:
    at = datetime.datetime.fromtimestamp(entry.at, datetime.timezone.utc)
    return EntryShown(
        number=number,
        method=hide(entry.method),
        path=hide(entry.path),
        query=hide(f"?{entry.query}")[1:],
        status=entry.status,
        operation=entry.operation,
        evidence=entry.evidence.value if entry.evidence else None,
        at=iso(at) + "Z",
        error=None if entry.error is None else hide(entry.error),
        fault=entry.fault,
        done=entry.done,
        because=entry.because,
    )
