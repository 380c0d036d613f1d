"""`--fault`: what goes wrong on purpose while a command runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.cli.commands import Commands

COUNT = """
from abeja.datasets import Client

def handler(context):
    dataset = Client().get_dataset(context["datasets"]["train"])
    print(sum(1 for _ in dataset.dataset_items.list()), "items")
"""


@pytest.fixture
def counting(command: Commands) -> Commands:
    """Runs commands in a folder whose handler counts the items of a dataset."""
    (command.folder / "train.py").write_text(COUNT, encoding="utf-8")
    return command


def test_run_says_what_fired_and_what_the_client_did_because_of_it(counting: Commands) -> None:
    """On stderr, behind the result; the SDK has tried again, so the job is Complete."""
    done = counting("run", "train:handler", "--dataset", "train=points", "--fault", "get_dataset status=503")
    assert "60 items" in done.stdout
    assert "fault get_dataset status=503: fired once, 1 call of the client because of it" in done.stderr
    assert ": status 503 → 503" in done.stderr


def test_run_fails_when_a_fault_never_fired(counting: Commands) -> None:
    """The job has not shown what it was run for."""
    arguments = ["run", "train:handler", "--dataset", "train=points", "--fault", "get_channel status=404"]
    done = counting(*arguments, code=1)
    assert "  Complete  " in done.stdout
    assert "no call of get_channel was made; if that may be, say it with the word optional" in done.stderr
    counting(*arguments[:-1], "get_channel status=404 optional")


@pytest.mark.parametrize("name", ["run", "serve", "pipeline"])
def test_a_line_that_cannot_be_is_refused_before_anything_runs(counting: Commands, name: str) -> None:
    """With the sentence of the plan."""
    handlers = {"run": ["train:handler"], "serve": ["--port", "0"], "pipeline": ["train:handler", "train:handler"]}
    done = counting(name, *handlers[name], "--fault", "get_datset status=503", code=2)
    assert "--fault: no operation of the platform is called 'get_datset'; did you mean 'get_dataset'?" in done.stderr
    assert done.stdout == ""


def test_serve_lets_it_go_wrong_for_every_client(command: Commands) -> None:
    """From the first call on."""
    with command.serve("--fault", "list_datasets status=429 retry_after=9") as server:
        variables = server.variables
        url = f"{variables['ABEJA_API_URL']}/organizations/{variables['ABEJA_ORGANIZATION_ID']}/datasets"
        headers = {"Authorization": f"Bearer {variables['ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN']}"}
        answers = [requests.get(url, headers=headers, timeout=10) for _ in range(2)]
        assert [each.status_code for each in answers] == [429, 200]
        assert answers[0].headers["Retry-After"] == "9"
