"""Training in a child: a handler's source is packed and run by the `Executor`, as one that was uploaded is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.runtime.faked_disk import why_no_child
from abeja_emulator.runtime.job_maker import JobMaker
from abeja_emulator.runtime.source_folders import SourceError, pack_source
from abeja_emulator.services.training.jobs import LIFE_CYCLE
from abeja_emulator.wire.content import Upload

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.job import TrainedJob


class ChildTrainer:
    """Runs training jobs of a platform in children, and waits for each.

    Args:
        platform: where the jobs are.
        executor: runs them.
        image: image of jobs that name none.
    """

    def __init__(self, platform: Platform, executor: Executor, image: str | None = None) -> None:
        self._executor = executor
        self._maker = JobMaker(platform, image)

    def train(self, handler: str, source: Path, ignores: Iterable[str] = (), **fields: Any) -> TrainedJob:
        """Make a job as `Trainer.train` does, of a version with a source archive, and run it in a child.

        It begins at once, whenever others that are made through the API do. A wait that is interrupted ends it.

        Args:
            handler: `module:function`.
            source: folder that its modules are imported from.
            ignores: patterns of files that are no part of the source.
            fields: of the version and the job, as `JobMaker.make` takes them.

        Raises:
            SourceError: when the folder holds no files, or is on a disk that no child can see; no job is made then.
            VariableError: when an id is no integer or a variable has no name; no job is made then.
            BadRequest: when the platform would not take a field; no job is made then.
        """
        __tracebackhide__ = True
        why = why_no_child("a job", "run it in this process, with train_in='process'")
        if why is not None:
            raise SourceError(why)
        archive = pack_source(source, ignores)
        upload = Upload(archive, len(archive), "application/zip")
        job, _ = self._maker.make(handler, upload, before_commit=self._executor.begin_at_once, **fields)
        try:
            return self._executor.wait(job.training_job_id)
        except BaseException:
            self._executor.abandon(job.training_job_id)
            raise

    def run(self, job_id: str) -> TrainedJob:
        """Let a job that was made through the API go, if it is held, and wait for its end.

        Raises:
            NotFound: when there is no such job.
            Conflict: when it is one that no child here runs, such as that of a folder of this machine.
        """
        with suppress(NotFound):
            self._executor.release(job_id)
        job = self._executor.wait(job_id)
        if LIFE_CYCLE[job.status]:
            message = (
                f"job {job_id} is {job.status}, and no child runs it: it has no source archive, or runs somewhere else"
            )
            raise Conflict(message)
        return job
