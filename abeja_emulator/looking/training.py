"""A look at training: job definitions with their jobs, models and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.errors import NotFound
from abeja_emulator.looking.base import BaseLook, only
from abeja_emulator.services.logs.pages import NOTEBOOK_LOG
from abeja_emulator.services.logs.records import Line
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.notebooks.records import Notebook
from abeja_emulator.services.notebooks.rules import Notebooks
from abeja_emulator.services.training.definitions import Definitions
from abeja_emulator.services.training.jobs import Jobs
from abeja_emulator.services.training.records import JobDefinition, LogLine, TrainingJob

if TYPE_CHECKING:
    from typing import Any


class TrainingLook(BaseLook):
    """Job definitions, jobs, models and notebooks."""

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

    def models(self, definition: str | None = None) -> list[TrainingModel]:
        """Return the models of a job definition, archived ones too, oldest first; by default those of all.

        Args:
            definition: its name or id.

        Raises:
            NotFound: when there is no such definition.
        """
        with self._store.reading():
            below = self._definitions(definition)
            rows = self._store.table("training_model", TrainingModel).all()
        return [row.record for row in rows if row.parent in below]

    def model(self, training_model_id: str) -> TrainingModel:
        """Return a model of a job definition.

        Raises:
            NotFound: when there is none with that id.
        """
        return only(self.models(), training_model_id, "training model", "training_model_id")

    def model_content(self, training_model_id: str) -> bytes:
        """Return what is in a model, an archive.

        Raises:
            NotFound: when there is no such model.
        """
        model = self.model(training_model_id)
        with self._store.reading():
            return self._store.blobs.read(model.content)

    def notebooks(self, definition: str | None = None) -> list[Notebook]:
        """Return the notebooks of a job definition as they are by now, oldest first; by default those of all.

        Args:
            definition: its name or id.

        Raises:
            NotFound: when there is no such definition.
        """
        with self._store.reading():
            below, notebooks = self._definitions(definition), Notebooks(self._world)
            rows = self._store.table("training_notebook", Notebook).all()
            found = [row for row in rows if row.parent in below]
            return [notebooks.get(below[row.parent], row.record.training_notebook_id) for row in found]

    def notebook(self, training_notebook_id: str) -> Notebook:
        """Return a notebook as it is by now.

        Raises:
            NotFound: when there is none with that id.
        """
        return only(self.notebooks(), training_notebook_id, "notebook", "training_notebook_id")

    def notebook_log(self, training_notebook_id: str) -> list[Line]:
        """Return the log of a notebook, oldest line first."""
        notebook = self.notebook(training_notebook_id)
        with self._store.reading():
            return self._store.table(NOTEBOOK_LOG, Line).slice(notebook.training_notebook_id)

    def _definitions(self, definition: str | None) -> dict[str, JobDefinition]:
        """Return the definitions below which something is wanted, by their ids."""
        found = self.job_definitions()
        if definition is not None:
            found = [Definitions(self._world).get(self._organization_id, definition)]
        return {each.job_definition_id: each for each in found}
