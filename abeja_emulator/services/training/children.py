"""What is below a job definition besides versions and jobs: models and notebooks.

Their rules know definitions, so definitions cannot know their rules: only what they are kept under.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.services.logs.pages import NOTEBOOK_LOG, Logs
from abeja_emulator.services.models.records import TrainingModel
from abeja_emulator.services.notebooks.records import Notebook

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World


class Children:
    """What is below the job definitions of one Platform."""

    def __init__(self, world: World) -> None:
        self._blobs = world.store.blobs
        self._models = world.store.table("training_model", TrainingModel)
        self._notebooks = world.store.table("training_notebook", Notebook)
        self._logs = Logs(world, NOTEBOOK_LOG)

    def counts(self, definition_id: str) -> dict[str, int]:
        """Return how many there are below a definition, archived ones too, by the names that answers have.

        There is never a TensorBoard: no operation that a client knows makes one.
        """
        return {
            "model_count": self._models.count(definition_id),
            "notebook_count": self._notebooks.count(definition_id),
            "tensorboard_count": 0,
        }

    def delete_all(self, definition_id: str) -> None:
        """Delete all that is below a definition, with the content of models and the logs of notebooks."""
        for model in self._models.slice(definition_id):
            self._blobs.release(model.content)
        for notebook in self._notebooks.slice(definition_id):
            self._logs.delete(notebook.training_notebook_id)
        self._models.delete_under(definition_id)
        self._notebooks.delete_under(definition_id)
