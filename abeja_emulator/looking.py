"""Look: what is on a platform, for tests to assert on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.errors import NotFound
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.datalake.records import Channel, File
from abeja_emulator.services.datasets.records import Dataset, DatasetItem
from abeja_emulator.services.datasets.rules import Datasets
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import JobDefinition, LogLine, TrainingJob

if TYPE_CHECKING:
    from typing import Any

    from abeja_emulator.platform import Platform


class Look:
    """Reads the state of the default organization, without a call and without an entry in the journal."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._world = platform.world
        self._store = platform.world.store

    @property
    def _organization_id(self) -> str:
        # Loading another state may bring another organization.
        return self._platform.organization.id

    def datasets(self) -> list[Dataset]:
        """Return the datasets, oldest first."""
        with self._store.reading():
            return Datasets(self._world).select(self._organization_id)

    def dataset(self, id_or_name: str) -> Dataset:
        """Return the dataset with that id or name.

        Raises:
            NotFound: when there is none.
        """
        for dataset in self.datasets():
            if id_or_name in {dataset.dataset_id, dataset.name}:
                return dataset
        with self._store.reading():
            return Datasets(self._world).get(self._organization_id, id_or_name)

    def items(self, dataset_id: str) -> list[DatasetItem]:
        """Return the items of a dataset, oldest first."""
        self.dataset(dataset_id)
        with self._store.reading():
            return self._store.table("dataset_item", DatasetItem).slice(dataset_id)

    def channels(self) -> list[Channel]:
        """Return the channels, archived ones too, oldest first."""
        with self._store.reading():
            return self._store.table("channel", Channel).slice(self._organization_id)

    def files(self, channel_id: str) -> list[File]:
        """Return the files of a channel, oldest first."""
        with self._store.reading():
            Channels(self._world).get(self._organization_id, channel_id)
            Files(self._world).purge()
            return self._store.table("file", File).slice(channel_id)

    def content(self, channel_id: str, file_id: str) -> bytes:
        """Return the bytes of a file."""
        with self._store.reading():
            return self._store.blobs.read(Files(self._world).get(channel_id, file_id).digest)

    def job_definitions(self) -> list[JobDefinition]:
        """Return the job definitions, archived ones too, oldest first."""
        with self._store.reading():
            return self._store.table("job_definition", JobDefinition).slice(self._organization_id)

    def jobs(self) -> list[TrainingJob]:
        """Return the training jobs, oldest first."""
        with self._store.reading():
            rows = self._store.table("training_job", TrainingJob).all()
        return [row.record for row in rows if row.record.organization_id == self._organization_id]

    def job(self, training_job_id: str) -> TrainingJob:
        """Return a training job.

        Raises:
            NotFound: when there is none with that id.
        """
        with self._store.reading():
            return Jobs(self._world).find(training_job_id)

    def statistics(self, training_job_id: str) -> list[dict[str, Any]]:
        """Return what a job posted with `update_statistics`, in order."""
        self.job(training_job_id)
        with self._store.reading():
            return Jobs(self._world).statistics(training_job_id)

    def log(self, training_job_id: str) -> list[LogLine]:
        """Return the log of a job, oldest line first."""
        self.job(training_job_id)
        with self._store.reading():
            return Jobs(self._world).log_lines(training_job_id)

    def result(self, training_job_id: str) -> bytes:
        """Return the result of a job, a zip.

        Raises:
            NotFound: when the job has none.
        """
        job = self.job(training_job_id)
        if job.artifact is None:
            message = f"job {training_job_id} has no result"
            raise NotFound(message)
        with self._store.reading():
            return self._store.blobs.read(job.artifact)
