"""A job that has ended, as a test looks at it."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

from abeja_emulator.runtime.statistics import Statistics
from abeja_emulator.services.training.jobs import Jobs

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import TrainingJob


class TrainedJob:
    """A job that has ended.

    What it shows is read from the platform once, when it is first asked for.

    Attributes:
        id: the training job's id.
        result_dir: the directory the handler knew as `ABEJA_TRAINING_RESULT_DIR`, as it left it.
        exception: what the handler raised, or None.
    """

    def __init__(
        self, platform: Platform, identifier: str, result_dir: Path, exception: BaseException | None = None
    ) -> None:
        self.id = identifier
        self.result_dir = result_dir
        self.exception = exception
        self._platform = platform

    @property
    def status(self) -> str:
        """`Complete`, `Failed` or `Stopped`."""
        return self._record.status

    @property
    def status_message(self) -> str | None:
        """Why it failed, in one line."""
        return self._record.status_message

    @property
    def seconds(self) -> float | None:
        """From its start to its end, by the Platform's clock; None when it never started."""
        return self._record.seconds

    @property
    def definition(self) -> str:
        """Name of the job definition."""
        return self._record.job_definition_name

    @property
    def version(self) -> int:
        """Number of the version."""
        return self._record.job_definition_version

    @property
    def datasets(self) -> dict[str, str]:
        """Alias → dataset id."""
        return dict(self._record.datasets)

    @cached_property
    def statistics(self) -> Statistics:
        """What was posted, in order; `statistics["validation"]["accuracy"][-1]` is the last value."""
        with self._platform.world.store.reading():
            return Statistics(Jobs(self._platform.world).statistics(self.id))

    @cached_property
    def artifacts(self) -> dict[str, int]:
        """The files the platform kept as the result: path relative to `result_dir` → size in bytes.

        A job that was stopped has none.
        """
        digest = self._record.artifact
        if digest is None:
            return {}
        with self._platform.world.store.reading():
            archive = self._platform.world.store.blobs.read(digest)
        return {member.filename: member.file_size for member in ZipFile(BytesIO(archive)).infolist()}

    @cached_property
    def log(self) -> str:
        """What was printed, standard output and standard error in the order of their lines."""
        with self._platform.world.store.reading():
            return "\n".join(line.message for line in Jobs(self._platform.world).log_lines(self.id))

    @cached_property
    def _record(self) -> TrainingJob:
        with self._platform.world.store.reading():
            return Jobs(self._platform.world).find(self.id)

    def __repr__(self) -> str:
        return f"<TrainedJob {self.id} {self.definition} version {self.version}: {self.status}>"
