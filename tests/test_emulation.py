"""A platform in reach of this process, and an environment that fits; nothing of it before and after."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import abeja.common.local_file
import pytest
import requests
from abeja.datasets import Client
from abeja.train.client import Client as TrainClient
from abeja.train.statistics import Statistics

from abeja_emulator.emulation import Emulation
from abeja_emulator.errors import BadRequest
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.variables import VariableError
from abeja_emulator.transports.errors import AddressTaken, UnknownHostError

if TYPE_CHECKING:
    from collections.abc import Iterator


def installed() -> dict[str, Any]:
    """Return what an emulation changes of its process."""
    from abeja.common.connection import Connection
    from urllib3.connection import HTTPConnection

    return {
        "environment": dict(os.environ),
        "connect": (HTTPConnection.connect, requests.utils.getproxies),  # type: ignore[attr-defined]
        "sdk": (Connection.BASE_URL, abeja.common.local_file.MOUNT_DIR),
        "finders": [type(finder).__name__ for finder in sys.meta_path],
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "folders": sorted(Path(tempfile.gettempdir()).glob("abeja-emulator-*")),
    }


@pytest.fixture
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give temporary folders a place where nobody else makes any."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A fresh Platform."""
    with Platform() as platform:
        yield platform


@pytest.mark.usefixtures("_temporary")
def test_nothing_is_left_after_it(platform: Platform) -> None:
    """Hooks, variables, the SDK's constants, threads and folders; it can be started again."""
    before = installed()
    emulation = Emulation(platform)
    for _ in range(2):
        with emulation:
            assert list(Client().datasets.list()) == []
            assert Path(os.environ["ABEJA_TRAINING_RESULT_DIR"]) == emulation.result_dir
            assert emulation.result_dir.is_dir()
        assert installed() == before


@pytest.mark.usefixtures("_temporary")
def test_a_start_that_fails_leaves_nothing(platform: Platform) -> None:
    """Another emulation of this process has the address already; that one goes on."""
    with Emulation(platform), Platform() as other:
        before = installed()
        emulation = Emulation(other)
        with pytest.raises(AddressTaken):
            emulation.start()
        assert installed() == before
        with pytest.raises(AddressTaken), Emulation(other):
            pass
        assert installed() == before
        assert list(Client().datasets.list()) == []


@pytest.mark.usefixtures("_temporary")
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"environment": {"1": "x"}}, VariableError),
        ({"image": "noslash"}, BadRequest),
        ({"jobs": "some day"}, ValueError),
        ({"execution": {"slot": 1}}, TypeError),
    ],
)
def test_one_that_cannot_be_made_leaves_nothing(
    platform: Platform, wrong: dict[str, Any], error: type[Exception]
) -> None:
    """No folder either."""
    before = installed()
    with pytest.raises(error):
        Emulation(platform, **wrong)
    assert installed() == before


def test_a_folder_that_was_given_stays(platform: Platform, tmp_path: Path) -> None:
    """With what was written there."""
    with Emulation(platform, tmp_path / "mine") as emulation:
        (emulation.result_dir / "model").touch()
    assert (emulation.result_dir / "model").exists()
    assert emulation.result_dir.is_relative_to(tmp_path / "mine")


def test_variables_of_the_current_job(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's, then the user's own, and no credential of the shell; afterwards the shell's are back."""
    for name in ("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "PLATFORM_AUTH_TOKEN", "ABEJA_ORGANIZATION_ID", "NUM_EPOCHS"):
        monkeypatch.setenv(name, "shell")
    monkeypatch.setenv("ABEJA_PLATFORM_DATASOURCE_SECRET", "shell")
    environment = {"NUM_EPOCHS": 3, "EMPTY": None}
    with Emulation(platform, environment=environment) as emulation:
        assert os.environ["ABEJA_ORGANIZATION_ID"] == platform.organization.id
        assert os.environ["PLATFORM_AUTH_TOKEN"] == emulation.job.token
        assert os.environ["TRAINING_JOB_ID"] == emulation.job.training_job_id
        assert (os.environ["NUM_EPOCHS"], os.environ["EMPTY"]) == ("3", "")
        assert "shell" not in os.environ.values()
    assert os.environ["PLATFORM_AUTH_TOKEN"] == os.environ["NUM_EPOCHS"] == "shell"


def test_the_result_directory_is_relative_when_that_is_wanted(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the current job, too; it leads to the same place."""
    monkeypatch.chdir(tmp_path)
    with Emulation(platform, relative_result=True) as emulation:
        shown = Path(os.environ["ABEJA_TRAINING_RESULT_DIR"])
        assert not shown.is_absolute()
        assert shown.resolve() == emulation.result_dir


def test_a_job_becomes_current(platform: Platform) -> None:
    """It starts, with an empty result directory and its own variables; what is posted is recorded for it."""
    with Emulation(platform, environment={"A": "session", "B": "session"}) as emulation:
        (emulation.result_dir / "old").touch()
        context = emulation.make_current(
            datasets={"train": 1234567890123}, environment={"B": "job", "CONTEXT": '{"more": 1}'}
        )
        assert context == {"datasets": {"train": "1234567890123"}, "more": 1}
        assert type(context) is dict
        assert list(emulation.result_dir.iterdir()) == []
        assert (os.environ["A"], os.environ["B"]) == ("session", "job")
        assert os.environ["DATASETS"] == '{"train": "1234567890123"}'
        TrainClient().update_statistics(Statistics(num_epochs=1, epoch=1))
        assert platform.look.statistics(emulation.job.training_job_id) == [{"num_epochs": 1, "epoch": 1}]
        job = platform.look.job(emulation.job.training_job_id)
        assert (job.status, job.environment["B"]) == ("Active", "job")


def test_the_image_decides_what_the_context_is(platform: Platform) -> None:
    """That of the emulation, or another one for the current job."""
    with Emulation(platform, image="abeja-inc/all-cpu:18.10") as emulation:
        snapshot = platform.snapshot()
        assert emulation.make_current(datasets={"a": 5}).datasets == {"a": "5"}
        snapshot.rollback()
        assert emulation.make_current(image="abeja-inc/all-cpu:19.04") == {"datasets": {}}


def test_other_hosts_are_refused_unless_allowed(platform: Platform) -> None:
    """And it is noted."""
    with Emulation(platform) as emulation, pytest.raises(UnknownHostError):
        requests.get("http://elsewhere.invalid/", timeout=1)
    assert [call.host for call in emulation.refused] == ["elsewhere.invalid"]
    with Emulation(platform, allow_hosts=["localhost"]), pytest.raises(requests.ConnectionError):
        requests.get("http://localhost:1/", timeout=1)
