"""What is on the disk before model code starts, and why it may not start."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.runtime.git_sources import GitSources
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.serving.preparation import Preparation, PreparationError
from abeja_emulator.wire.content import Upload
from tests.serving.served import IMAGE, packed

if TYPE_CHECKING:
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.serving.preparation import Prepared


class Prepare:
    """A deployment, and what prepares its code."""

    def __init__(self, platform: Platform, place: Path) -> None:
        self.platform = platform
        self.world = platform.world
        self.place = place
        self.log: list[str] = []
        with self.world.store.transaction():
            self.deployment = Deployments(self.world).create(platform.organization.id, "d", platform.user.id)
            self.definition = Definitions(self.world).create(platform.organization.id, "mnist")

    def version(self, source: bytes | None = None, **options: Any) -> Any:
        """Create a version, with code or without."""
        with self.world.store.transaction():
            versions = Versions(self.world)
            name = f"0.0.{len(versions.all(self.deployment))}"
            made = versions.create(self.deployment, name, self.platform.user.id, image=IMAGE, **options)
            if source is not None:
                upload = Upload(source, len(source))
                versions.receive(self.deployment.deployment_id, made.version_id, upload)
            return versions.get(self.deployment, made.version_id)

    def job(self, result: bytes | None) -> TrainingJob:
        """Create a job, with a result or without."""
        with self.world.store.transaction():
            jobs, definitions = Jobs(self.world), Definitions(self.world)
            version = definitions.create_version(self.definition, None, handler="main:handler", image=IMAGE)
            job = jobs.create(self.definition, version, "", datasets={"train": "1234567890123"})
            return job if result is None else jobs.keep_result(job, Upload(result, len(result)))

    def model(self, content: bytes, job: TrainingJob | None = None) -> str:
        """Create a training model and return its id."""
        with self.world.store.transaction():
            job_id = None if job is None else job.training_job_id
            made = TrainingModels(self.world).create(self.definition, "", Upload(content, len(content)), job_id=job_id)
            return made.training_model_id

    def __call__(
        self, version: Any = None, git: GitSources | None = None, models: Any = None, **variables: Any
    ) -> Prepared:
        """Prepare a version of code, with these models mounted and these variables set."""
        return Preparation(self.platform, git).prepare(
            self.place,
            deployment=self.deployment,
            version=version or self.version(packed(main="")),
            models=models or {},
            variables=variables,
            log=self.log.append,
        )


@pytest.fixture
def prepare(platform: Platform, tmp_path: Path) -> Prepare:
    return Prepare(platform, tmp_path / "place")


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("main.py"))
    return buffer.getvalue()


# -- the code of a version -------------------------------------------------------------------------


@pytest.mark.parametrize("source", [packed(main=""), tarred("w"), tarred("w:gz")], ids=["zip", "tar", "tar.gz"])
def test_an_archive_of_any_kind_is_unpacked(prepare: Prepare, source: bytes) -> None:
    assert names(prepare(prepare.version(source)).source) == ["main.py"]


def test_result_and_cache_are_there_and_empty_without_a_model(prepare: Prepare) -> None:
    prepared = prepare()
    assert [list(prepared.result.iterdir()), list(prepared.storage.iterdir())] == [[], []]
    assert prepared.job is None


def test_what_was_in_the_place_goes(prepare: Prepare) -> None:
    (prepare.place / "source").mkdir(parents=True)
    (prepare.place / "source" / "old.py").touch()
    assert names(prepare().source) == ["main.py"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "nothing was put to its upload_url"),
        (b"", "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
        (packed(main="x" * 99)[:60], "cannot be unpacked"),
        (packed(), "archive without a file"),
    ],
    ids=["missing", "no bytes", "no archive", "cut", "no members"],
)
def test_one_that_cannot_be_had_says_which_and_why(prepare: Prepare, source: bytes | None, words: str) -> None:
    version = prepare.version(source)
    with pytest.raises(PreparationError, match=words) as raised:
        prepare(version)
    assert version.version_id in str(raised.value)


def test_one_from_git_is_read_from_the_repository_that_stands_for_it(prepare: Prepare, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "main.py").touch()
    identity = ["-c", "user.name=n", "-c", "user.email=e@example"]
    for command in (["init", "-q", "-b", "master"], ["add", "."], [*identity, "commit", "-q", "-m", "m"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    url = "https://git.example/owner/name"
    version = prepare.version(git_url=url)
    assert names(prepare(version, GitSources({url: repository})).source) == ["main.py"]
    assert "the source is commit" in prepare.log[0]


def test_one_from_git_without_a_repository_names_version_and_deployment(prepare: Prepare) -> None:
    version = prepare.version(git_url="https://git.example/owner/name")
    with pytest.raises(PreparationError) as raised:
        prepare(version)
    assert version.title in str(raised.value)
    assert version.title.endswith(f"({version.version_id}) of deployment {prepare.deployment.deployment_id}")


# -- what is in the result directory ---------------------------------------------------------------


def test_one_model_is_in_the_directory_itself(prepare: Prepare) -> None:
    assert names(prepare(models={"only": prepare.model(packed(weights=""))}).result) == ["weights.py"]


def test_of_several_the_first_is_there_too_and_each_under_its_alias(prepare: Prepare) -> None:
    models = {"b": prepare.model(packed(one="")), "a": prepare.model(packed(two=""))}
    assert names(prepare(models=models).result) == ["a/two.py", "b/one.py", "one.py"]


def test_the_job_of_the_first_model_is_known(prepare: Prepare) -> None:
    job = prepare.job(None)
    models = {"a": prepare.model(packed(one=""), job), "b": prepare.model(packed(two=""))}
    found = prepare(models=models).job
    assert found is not None
    assert found.training_job_id == job.training_job_id


def test_without_a_model_it_is_the_result_of_the_job_that_is_named(prepare: Prepare) -> None:
    job = prepare.job(packed(weights=""))
    named: dict[str, Any] = {"TRAINING_JOB_DEFINITION_NAME": "mnist", "TRAINING_JOB_ID": job.training_job_id}
    prepared = prepare(**named)
    assert names(prepared.result) == ["weights.py"]
    assert prepared.job == job


def test_a_model_wins_over_a_job_that_is_named(prepare: Prepare) -> None:
    job = prepare.job(packed(theirs=""))
    named: dict[str, Any] = {"TRAINING_JOB_DEFINITION_NAME": "mnist", "TRAINING_JOB_ID": job.training_job_id}
    assert names(prepare(models={"a": prepare.model(packed(ours=""))}, **named).result) == ["ours.py"]


@pytest.mark.parametrize("given", ["TRAINING_JOB_ID", "TRAINING_JOB_DEFINITION_NAME"])
def test_half_of_a_jobs_name_unpacks_nothing_and_says_so(prepare: Prepare, given: str) -> None:
    named: dict[str, Any] = {given: "x"}
    assert names(prepare(**named).result) == []
    assert given in prepare.log[0]
    assert "set both" in prepare.log[0]


def test_a_job_without_a_result_is_an_error(prepare: Prepare) -> None:
    job = prepare.job(None)
    with pytest.raises(PreparationError, match="has no result"):
        prepare(TRAINING_JOB_DEFINITION_NAME="mnist", TRAINING_JOB_ID=job.training_job_id)


def test_a_job_that_does_not_exist_is_an_error(prepare: Prepare) -> None:
    with pytest.raises(PreparationError, match="1111111111111"):
        prepare(TRAINING_JOB_DEFINITION_NAME="mnist", TRAINING_JOB_ID="1111111111111")


def test_a_damaged_result_is_an_error(prepare: Prepare) -> None:
    job = prepare.job(packed(weights="x" * 99)[:60])
    with pytest.raises(PreparationError, match="cannot be unpacked"):
        prepare(TRAINING_JOB_DEFINITION_NAME="mnist", TRAINING_JOB_ID=job.training_job_id)


def test_a_model_that_is_gone_is_an_error(prepare: Prepare) -> None:
    with pytest.raises(PreparationError, match="does not exist any more"):
        prepare(models={"a": "1111111111111"})


@pytest.mark.parametrize("alias", ["..", "../x", "a/b", "/x"])
def test_an_alias_that_leads_elsewhere_is_an_error(prepare: Prepare, alias: str) -> None:
    models = {"a": prepare.model(packed(one="")), alias: prepare.model(packed(two=""))}
    with pytest.raises(PreparationError, match="give it another"):
        prepare(models=models)


def test_an_alias_that_is_a_file_of_the_first_model_is_an_error(prepare: Prepare) -> None:
    models = {"a": prepare.model(packed(one="")), "one.py": prepare.model(packed(two=""))}
    with pytest.raises(PreparationError, match="cannot be unpacked"):
        prepare(models=models)
