"""A look at data: datasets with their items, channels and buckets with their files."""

from __future__ import annotations

from abeja_emulator.looking.base import BaseLook, only
from abeja_emulator.services.buckets.files import BucketFiles
from abeja_emulator.services.buckets.records import Bucket, BucketFile
from abeja_emulator.services.buckets.rules import Buckets
from abeja_emulator.services.datalake.channels import Channels
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.datalake.records import Channel, File
from abeja_emulator.services.datasets.records import Dataset, DatasetItem
from abeja_emulator.services.datasets.rules import Datasets


class DataLook(BaseLook):
    """Datasets, channels and buckets."""

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

    def buckets(self) -> list[Bucket]:
        """Return the buckets, archived ones too, oldest first."""
        with self._store.reading():
            return self._store.table("bucket", Bucket).slice(self._organization_id)

    def bucket_files(self, bucket_id: str) -> list[BucketFile]:
        """Return the files of a bucket in all of its directories, oldest first; `file_id` is the path.

        Raises:
            NotFound: when there is no such bucket.
        """
        with self._store.reading():
            Buckets(self._world).get(self._organization_id, bucket_id)
            BucketFiles(self._world).purge()
            return self._store.table("bucket_file", BucketFile).slice(bucket_id)

    def bucket_content(self, bucket_id: str, file_id: str) -> bytes:
        """Return the bytes of a file of a bucket; its path may have a slash in front.

        Raises:
            NotFound: when there is no such bucket, or no such file in it.
        """
        file = only(self.bucket_files(bucket_id), file_id.lstrip("/"), "bucket file", "file_id")
        with self._store.reading():
            return self._store.blobs.read(file.digest)
