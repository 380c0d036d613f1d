"""What model code finds in its environment, and whose word counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abeja_emulator.runtime.variables import VariableError
from abeja_emulator.services.deployments.records import Deployment, DeploymentVersion
from abeja_emulator.services.training.records import TrainingJob
from abeja_emulator.serving.variables import (
    Role,
    job_of_model_variables,
    merged_user_variables,
    platform_variables,
)

_WHEN: dict[str, Any] = {"creator_id": "", "created_at": "", "modified_at": ""}


def role(model_id: str | None = None, **options: str) -> Role:
    deployment = Deployment(
        organization_id="1000000000001",
        deployment_id="1000000000002",
        name="d",
        default_environment={},
        model_id=model_id,
        **_WHEN,
    )
    version = DeploymentVersion(
        deployment_id="1000000000002",
        version_id="ver-1",
        version="0.0.1",
        handler="main:handler",
        image="i",
        user_parameters={},
        **_WHEN,
    )
    return Role(deployment, version, "secret", **options)


def job(**datasets: str) -> TrainingJob:
    return TrainingJob(
        training_job_id="1000000000003",
        organization_id="1000000000001",
        job_definition_id="1000000000004",
        job_definition_name="mnist",
        job_definition_version=7,
        status="Complete",
        exec_env="cloud",
        instance_type="cpu-1",
        environment={},
        datasets=datasets,
        token="theirs",
        **_WHEN,
    )


# -- what the platform alone sets ------------------------------------------------------------------


def test_a_service_says_who_and_where_it_is() -> None:
    assert platform_variables(role(service_id="ser-1"), "http://here", Path("/r"), Path("/s")) == {
        "ABEJA_API_URL": "http://here",
        "ABEJA_DEPLOYMENT_ID": "1000000000002",
        "ABEJA_MODEL_VERSION": "0.0.1",
        "ABEJA_MODEL_VERSION_ID": "ver-1",
        "ABEJA_ORGANIZATION_ID": "1000000000001",
        "ABEJA_SERVICE_ID": "ser-1",
        "ABEJA_STORAGE_DIR_PATH": "/s",
        "ABEJA_TRAINING_RESULT_DIR": "/r",
        "HANDLER": "main:handler",
        "PLATFORM_AUTH_TOKEN": "secret",
        "PYTHONUNBUFFERED": "x",
    }


def test_a_run_has_the_id_of_the_run_in_the_place_of_the_services() -> None:
    variables = platform_variables(role(run_id="run-1"), "http://here", Path("/r"), Path("/s"))
    assert variables["ABEJA_RUN_ID"] == "run-1"
    assert "ABEJA_SERVICE_ID" not in variables


def test_a_deployment_of_a_model_says_which() -> None:
    assert platform_variables(role("1000000000009"), "", Path(), Path())["ABEJA_MODEL_ID"] == "1000000000009"


# -- the variables that templates read to find the labels of what they predict ---------------------


def test_datasets_are_json_and_a_list_with_commas() -> None:
    variables = job_of_model_variables(job(train="1000000000005", test="1000000000006"))
    assert json.loads(variables.pop("TRAINING_JOB_DATASETS")) == {"train": "1000000000005", "test": "1000000000006"}
    assert variables == {
        "TRAINING_JOB_DATASET_IDS": "1000000000005,1000000000006",
        "TRAINING_JOB_DEFINITION_NAME": "mnist",
        "TRAINING_JOB_DEFINITION_VERSION": "7",
        "TRAINING_JOB_ID": "1000000000003",
    }


def test_a_model_that_no_job_has_made_says_nothing() -> None:
    assert job_of_model_variables(None) == {}


# -- the user's own, from several places -----------------------------------------------------------


def test_later_layers_win_and_values_are_text() -> None:
    layers = ({"A": "1", "B": "1"}, None, {"B": 2, "C": 2}, {"C": None})
    assert merged_user_variables(*layers) == {"A": "1", "B": "2", "C": ""}


def test_a_job_may_be_named_whose_result_is_wanted() -> None:
    assert merged_user_variables({"TRAINING_JOB_ID": 12}) == {"TRAINING_JOB_ID": "12"}


@pytest.mark.parametrize("name", ["HANDLER", "PLATFORM_AUTH_TOKEN", "1A"])
def test_what_only_the_platform_sets_is_refused(name: str) -> None:
    with pytest.raises(VariableError, match=name):
        merged_user_variables({name: "x"})
