"""What model code needs before it starts: its source, and the models that it opens (runner, preprocess/)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from abeja_emulator.archives import ArchiveError, unpack
from abeja_emulator.errors import NotFound
from abeja_emulator.runtime.git_errors import GitError
from abeja_emulator.runtime.git_sources import GitSources
from abeja_emulator.runtime.training import RESULT_FOLDER
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.models.rules import TrainingModels
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.serving.variables import JOB_DEFINITION_NAME, JOB_ID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abeja_emulator.platform import Platform
    from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
    from abeja_emulator.services.training.records import TrainingJob
    from abeja_emulator.wire.content import Download

    Log = Callable[[str], object]


class PreparationError(Exception):
    """Model code cannot be made ready to start; the text is a sentence for its log."""


@dataclass(frozen=True)
class Prepared:
    """Folders that are ready.

    Attributes:
        source: the unpacked source, to start in.
        result: what was unpacked of models; it is there even when there are none.
        storage: root of the SDK's file cache.
        job: the job that made the model in `result`, or None.
    """

    source: Path
    result: Path
    storage: Path
    job: TrainingJob | None


class Preparation:
    """Unpacks the source and the models of services and runs of one Platform.

    Args:
        platform: where they are.
        git: the repositories that stand for the URLs of versions from git; none by default.
    """

    def __init__(self, platform: Platform, git: GitSources | None = None) -> None:
        self._platform = platform
        self._git = git or GitSources()
        self._versions = Versions(platform.world)
        self._definitions = Definitions(platform.world)
        self._jobs = Jobs(platform.world)
        self._models = TrainingModels(platform.world)

    def prepare(  # noqa: PLR0913 - all but the first by name
        self,
        place: Path,
        *,
        deployment: Deployment,
        version: DeploymentVersion,
        models: Mapping[str, str],
        variables: Mapping[str, str],
        log: Log,
    ) -> Prepared:
        """Unpack into a folder, in the place of what it may have.

        Of one model the archive is unpacked into the result directory itself, as the runner does, which knows one
        (`ABEJA_TRAINING_MODEL_DOWNLOAD`), and as templates read it: `$ABEJA_TRAINING_RESULT_DIR/model.h5`. Of several
        the first one is there too, for code that knows nothing of others, and each is in a folder named like its
        alias. Evidence: inferred; several in one folder would overwrite each other, and a runner refuses that.

        Without a model it is the result of the job that the user's variables name, if they name both its definition
        and itself.

        Args:
            place: a folder of nobody else's.
            deployment: whose code it is.
            version: which code.
            models: alias → id of a training model.
            variables: the user's, merged.
            log: takes a sentence for the log.

        Raises:
            PreparationError: when source or model is not here, damaged or empty.
        """
        shutil.rmtree(place, ignore_errors=True)
        prepared = Prepared(place / "source", place / RESULT_FOLDER, place / "storage", None)
        try:
            for folder in (prepared.source, prepared.result, prepared.storage):
                folder.mkdir(parents=True)
            self._fill_source(prepared.source, deployment, version, log)
            job = self._fill_result(prepared.result, deployment.organization_id, models, variables, log)
        except OSError as error:
            message = f"what the model needs could not be written to {place}: {error}"
            raise PreparationError(message) from error
        return Prepared(prepared.source, prepared.result, prepared.storage, job)

    # -- source ---------------------------------------------------------------------------------

    def _fill_source(self, folder: Path, deployment: Deployment, version: DeploymentVersion, log: Log) -> None:
        if version.git_url is not None and not version.source:
            try:
                log(self._git.check_out(version, folder))
            except GitError as error:
                raise PreparationError(str(error)) from error
            return
        what = f"the code of version {version.version!r} ({version.version_id})"
        try:
            with self._platform.world.store.reading():
                archive = self._versions.source(deployment.deployment_id, version.version_id)
        except NotFound as error:
            raise PreparationError(error.description) from error
        _unpack(archive, folder, what)
        if not any(path.is_file() for path in folder.rglob("*")):
            message = f"{what} is an archive without a file; upload one that has the module of {version.handler!r}"
            raise PreparationError(message)

    # -- models ---------------------------------------------------------------------------------

    def _fill_result(
        self, folder: Path, organization_id: str, models: Mapping[str, str], variables: Mapping[str, str], log: Log
    ) -> TrainingJob | None:
        job: TrainingJob | None = None
        for number, (alias, model_id) in enumerate(models.items()):
            model, archive = self._model(alias, model_id)
            what = f"the model {model_id}, mounted as {alias!r},"
            if number == 0:
                job = self._job_of(model)
                _unpack(archive, folder, what)
            if len(models) > 1:
                _unpack(archive if number else self._model(alias, model_id)[1], _folder_of(folder, alias), what)
        return job if models else self._fill_from_job(folder, organization_id, variables, log)

    def _model(self, alias: str, model_id: str) -> tuple[TrainingModel, Download]:
        with self._platform.world.store.reading():
            row = self._platform.world.store.table("training_model", TrainingModel).find(model_id)
            if row is None:
                message = f"the model {model_id}, mounted as {alias!r}, does not exist any more; mount another"
                raise PreparationError(message)
            return row.record, self._models.content(model_id)

    def _job_of(self, model: TrainingModel) -> TrainingJob | None:
        if model.training_job_id is None:
            return None
        try:
            with self._platform.world.store.reading():
                return self._jobs.find(model.training_job_id)
        except NotFound:
            return None

    def _fill_from_job(
        self, folder: Path, organization_id: str, variables: Mapping[str, str], log: Log
    ) -> TrainingJob | None:
        name, job_id = variables.get(JOB_DEFINITION_NAME), variables.get(JOB_ID)
        if not name or not job_id:
            if name or job_id:
                given, missing = (JOB_DEFINITION_NAME, JOB_ID) if name else (JOB_ID, JOB_DEFINITION_NAME)
                log(f"{given} is set and {missing} is not, so that no result of a job was unpacked: set both")
            return None
        what = f"the result of job {job_id} of {name!r}"
        try:
            with self._platform.world.store.reading():
                job = self._jobs.get(self._definitions.get(organization_id, name), job_id)
                archive = self._jobs.result(job_id)
        except NotFound as error:
            message = f"{what}, which {JOB_DEFINITION_NAME} and {JOB_ID} name, is not here: {error.description}"
            raise PreparationError(message) from error
        _unpack(archive, folder, what)
        return job


def _folder_of(result: Path, alias: str) -> Path:
    if alias in {".", ".."} or "/" in alias or "\\" in alias or "\0" in alias:
        message = (
            f"the alias {alias!r} of a model cannot be the name of a folder, in which a model is where several are "
            "mounted; give it another"
        )
        raise PreparationError(message)
    return result / alias


def _unpack(archive: Download, folder: Path, what: str) -> None:
    try:
        unpack(archive.content, folder)
    except (ArchiveError, FileExistsError, NotADirectoryError) as error:
        message = f"{what} cannot be unpacked: {error}"
        raise PreparationError(message) from error
    finally:
        if not isinstance(archive.content, bytes):
            archive.content.close()
