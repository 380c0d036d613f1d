"""A definition, a version and a job at once."""

from __future__ import annotations

from typing import Any

import pytest

from abeja_emulator.errors import NotFound
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.job_maker import JobMaker
from abeja_emulator.runtime.source_folders import pack_source
from abeja_emulator.seeding import samples_folder
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.wire.content import Upload


def test_a_definition_of_that_name_is_taken() -> None:
    """A handler that is run again makes the next version of one definition; the image is the maker's, or its own."""
    with Platform() as platform:
        maker = JobMaker(platform, "abeja-inc/all-cpu:18.10")
        job, version = maker.make("pkg/train:handler")
        other, newer = maker.make("pkg/train:handler", image="abeja-inc/all-cpu:19.10")
    assert job.job_definition_name == other.job_definition_name == "pkg-train-handler"
    assert (version.job_definition_version, newer.job_definition_version) == (1, 2)
    assert (version.image, newer.image) == ("abeja-inc/all-cpu:18.10", "abeja-inc/all-cpu:19.10")
    assert job.status == "Pending"


def test_a_source_is_kept() -> None:
    """The version has the archive; one without has none, and says why."""
    archive = pack_source(samples_folder() / "handlers" / "plain")
    with Platform() as platform:
        maker = JobMaker(platform)
        _, version = maker.make("train:handler", Upload(archive, len(archive)))
        _, without = maker.make("train:handler")
        assert version.source_size == len(archive)
        kept = Definitions(platform.world)
        content = kept.archive_of(version)
        assert (content if isinstance(content, bytes) else content.read()) == archive
        with pytest.raises(NotFound, match="was made from a folder of this machine"):
            kept.archive_of(without)


def test_its_id_is_known_before_anybody_hears_of_it() -> None:
    """So that whoever runs it can be told how; what is not made after all is heard of by nobody."""
    told: list[tuple[str, str]] = []

    def hear(record: Any) -> None:
        told.append(("heard", record.training_job_id))

    def refuse(job_id: str) -> None:
        raise ValueError(job_id)

    with Platform() as platform:
        platform.world.listeners.append(hear)
        job, _ = JobMaker(platform).make("train:handler", before_commit=lambda job_id: told.append(("made", job_id)))
        with pytest.raises(ValueError, match=r"\d+"):
            JobMaker(platform).make("other:handler", before_commit=refuse)
        assert [each.training_job_id for each in platform.look.jobs()] == [job.training_job_id]
    assert told == [("made", job.training_job_id), ("heard", job.training_job_id)]
