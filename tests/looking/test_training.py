"""A look at models and notebooks of job definitions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from abeja.models import APIClient as ModelsAPI
from abeja.notebook import APIClient as NotebookAPI
from abeja.train import APIClient as TrainAPI

from tests.services.training.samples import zipped

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform

#: A model of each definition.
CONTENT = {"one": zipped({"weights": b"1"}), "two": zipped({"weights": b"2"})}


def test_models_and_notebooks(abeja: Platform) -> None:
    """Those of one definition, or of all; a model's content is what was uploaded."""
    organization, train = abeja.organization.id, TrainAPI()
    for name in ("one", "two"):
        train.create_training_job_definition(organization, name)
    models, notebooks = {}, {}
    for name in ("one", "two", "one"):
        made = ModelsAPI().create_training_model(organization, name, io.BytesIO(CONTENT[name]), {"metrics": {"a": 1}})
        models[made["training_model_id"]] = name
        notebooks[NotebookAPI().create_notebook(organization, name)["training_notebook_id"]] = name
    first, second, third = models
    assert [each.training_model_id for each in abeja.look.models()] == [first, second, third]
    assert [each.training_model_id for each in abeja.look.models("one")] == [first, third]
    assert abeja.look.model(second).metrics == {"a": 1}
    assert abeja.look.model_content(second) == CONTENT["two"]
    assert [each.training_notebook_id for each in abeja.look.notebooks()] == list(notebooks)
    (of_two,) = abeja.look.notebooks("two")
    assert notebooks[of_two.training_notebook_id] == "two"
    assert "was started" in abeja.look.notebook_log(of_two.training_notebook_id)[0].message
    ModelsAPI().archive_training_model(organization, "two", second)
    assert [each.archived for each in abeja.look.models()] == [False, True, False]


def test_a_notebook_is_as_it_is_by_now(abeja: Platform) -> None:
    """Not as it was when it was last written down."""
    TrainAPI().create_training_job_definition(abeja.organization.id, "train")
    notebook = NotebookAPI().create_notebook(abeja.organization.id, "train")["training_notebook_id"]
    assert abeja.look.notebook(notebook).status == "Pending"
    abeja.clock.advance(60)
    assert abeja.look.notebook(notebook).status == "Active"
