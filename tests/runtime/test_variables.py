"""The environment of a job: what the platform sets, what the user sets, what must not get in."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.runtime.variables import (
    VariableError,
    context_entries,
    dataset_ids,
    overlaid,
    user_variables,
    without_foreign,
)
from abeja_emulator.services.variables import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.platform import Platform
    from abeja_emulator.runtime.job import TrainedJob

#: Prints what the job finds when its module is imported, and when it is called.
SHOW = """
    import json, os
    print(json.dumps(dict(os.environ)))
    def handler(context):
        print(json.dumps(dict(os.environ)))
"""

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True).filter(lambda name: name not in RESERVED)


def seen(job: TrainedJob) -> dict[str, str]:
    """Return the environment a job printed; it is the same at import and at the call."""
    assert job.status == "Complete", job.log
    at_import, at_call = (json.loads(line) for line in job.log.splitlines())
    assert at_import == at_call
    return dict(at_call)


def test_documented_variables_are_there(abeja: Platform, run: Callable[..., TrainedJob]) -> None:
    """Each of the platform's own has the value that the API shows of the job, already while the module is imported."""
    job = run(SHOW, datasets={"train": 1234567890123}, environment={"NUM_EPOCHS": 3})
    variables = seen(job)
    record = abeja.look.job(job.id)
    assert variables["ABEJA_ORGANIZATION_ID"] == abeja.organization.id
    assert variables["TRAINING_JOB_DEFINITION_NAME"] == job.definition == record.job_definition_name
    assert variables["TRAINING_JOB_DEFINITION_VERSION"] == str(job.version) == "1"
    assert variables["TRAINING_JOB_ID"] == job.id
    assert variables["HANDLER"] == "train:handler"
    assert json.loads(variables["DATASETS"]) == job.datasets == {"train": "1234567890123"}
    assert variables["ABEJA_TRAINING_RESULT_DIR"] == str(job.result_dir)
    assert variables["NUM_EPOCHS"] == "3"
    assert variables["ABEJA_API_URL"] == "https://api.abeja.io"
    assert os.path.isabs(variables["ABEJA_STORAGE_DIR_PATH"])  # noqa: PTH117 - the text


def test_a_job_has_its_own_token_and_no_other_credential(abeja: Platform, run: Callable[..., TrainedJob]) -> None:
    """What it calls, it calls as the job."""
    job = run(SHOW)
    variables = seen(job)
    assert variables["PLATFORM_AUTH_TOKEN"] == abeja.look.job(job.id).token
    assert [name for name in variables if name.startswith("ABEJA_PLATFORM_")] == []


def test_values_of_users_become_text(run: Callable[..., TrainedJob]) -> None:
    """Whatever they are; None is the empty text."""
    given_values = {"N": 3, "RATE": 0.5, "GPU": False, "EMPTY": None, "TEXT": "a=b c"}
    variables = seen(run(SHOW, environment=given_values))
    assert {name: variables[name] for name in given_values} == {
        "N": "3",
        "RATE": "0.5",
        "GPU": "False",
        "EMPTY": "",
        "TEXT": "a=b c",
    }


@pytest.mark.parametrize(
    "name",
    [
        "ABEJA_TRAINING_RESULT_DIR",
        "ABEJA_ORGANIZATION_ID",
        "ABEJA_API_URL",
        "ABEJA_STORAGE_DIR_PATH",
        "DATASETS",
        "HANDLER",
        "PLATFORM_AUTH_TOKEN",
        "PYTHONUNBUFFERED",
        "TRAINING_JOB_DEFINITION_NAME",
        "TRAINING_JOB_DEFINITION_VERSION",
        "TRAINING_JOB_ID",
    ],
)
def test_the_platforms_own_are_refused(abeja: Platform, run: Callable[..., TrainedJob], name: str) -> None:
    """A job would not run as its author thinks it does; none is made."""
    before = len(abeja.look.jobs())
    with pytest.raises(VariableError, match=f"^{name} is set by the platform itself; choose another name"):
        run(SHOW, environment={name: "mine"})
    assert len(abeja.look.jobs()) == before


def test_a_variable_without_a_name_makes_no_job(abeja: Platform, run: Callable[..., TrainedJob]) -> None:
    """The CLI's rule for names; the error says which name it is."""
    before = len(abeja.look.jobs())
    with pytest.raises(VariableError, match="'1ST' cannot be the name of a variable"):
        run(SHOW, environment={"1ST": "x"})
    assert len(abeja.look.jobs()) == before


def test_a_dataset_id_that_is_no_integer_makes_no_job(abeja: Platform) -> None:
    """The error names the alias and the value."""
    with pytest.raises(VariableError, match="dataset 'train' has the id 'flowers'"):
        dataset_ids({"train": "flowers"})


@given(st.integers(min_value=0), st.booleans(), st.sampled_from(["", " ", "\n"]))
def test_ids_that_look_like_integers_become_text(number: int, as_text: bool, space: str) -> None:
    """As the launcher passes them on."""
    value = f"{space}{number}{space}" if as_text else number
    assert dataset_ids({"alias": value}) == {"alias": str(number)}


@given(
    *[st.dictionaries(names, st.one_of(st.none(), st.integers(), st.text().filter(lambda text: "\0" not in text)))] * 3
)
def test_later_layers_win(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    """Plugin configuration, version, job: every name of any layer is there, with the value of the last that has it."""
    merged = user_variables(first, None, second, third)
    expected = {**first, **second, **third}
    assert merged == {name: "" if value is None else str(value) for name, value in expected.items()}


@pytest.mark.parametrize(
    "name",
    [
        "ABEJA_API_URL",
        "ABEJA_CLI_TOKEN",
        "ABEJA_ORGANIZATION_ID",
        "ABEJA_PLATFORM_DATASOURCE_SECRET",
        "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
        "ABEJA_SDK_MAX_RETRY_COUNT",
        "CONTEXT",
        "DATASETS",
        "HANDLER",
        "ORGANIZATION_NAME",
        "PERSONAL_ACCESS_TOKEN",
        "PLATFORM_AUTH_TOKEN",
        "TRAINING_JOB_ID",
    ],
)
def test_credentials_of_the_shell_and_other_jobs_variables_stay_out(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., TrainedJob], name: str
) -> None:
    """Every name under which an SDK or the CLI takes them; the shell has it back after the job."""
    monkeypatch.setenv(name, "real")
    assert seen(run(SHOW)).get(name) != "real"
    assert os.environ[name] == "real"


def test_what_else_the_shell_has_stays() -> None:
    """The emulator's own variables among it, which lead children to it."""
    kept = {"PATH": "/bin", "HOME": "/root", "ABEJA_EMULATOR_LOOPBACK": "x", "MY_DATASETS": "y", "CONTEXTS": "z"}
    assert without_foreign({**kept, "ABEJA_X": "1"}) == kept


def test_a_python_path_of_the_user_does_not_lead_children_away() -> None:
    """It comes behind the one that is there."""
    both = overlaid({"PYTHONPATH": "hook"}, {"PYTHONPATH": "mine", "A": "1"})
    assert both == {"PYTHONPATH": f"hook{os.pathsep}mine", "A": "1"}
    assert overlaid({}, {"PYTHONPATH": "mine"}) == {"PYTHONPATH": "mine"}


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("[1]", "no JSON object")])
def test_a_context_that_is_no_object_fails_the_job(run: Callable[..., TrainedJob], text: str, why: str) -> None:
    """The variable CONTEXT is what the launcher makes the context of."""
    with pytest.raises(VariableError, match=why):
        context_entries({"CONTEXT": text})
    job = run("def handler(context): pass", environment={"CONTEXT": text})
    assert job.status == "Failed"
    assert job.status_message is not None
    assert why in job.status_message


def test_entries_of_the_variable_context_are_in_the_context(run: Callable[..., TrainedJob]) -> None:
    """Beside the datasets, which win."""
    job = run(
        "def handler(context): print(sorted(context.items()))",
        environment={"CONTEXT": '{"extra": 1, "datasets": {}}'},
        datasets={"a": 5},
    )
    assert job.log == "[('datasets', {'a': '5'}), ('extra', 1)]"
