"""Training in a child: the source is packed as for an upload, and what comes back is what comes back in process."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from abeja.training.api.client import APIClient

from abeja_emulator.emulation import Emulation
from abeja_emulator.errors import BadRequest, Conflict, NotFound
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.child_training import ChildTrainer
from abeja_emulator.runtime.runner import MODE_VARIABLE
from abeja_emulator.runtime.source_folders import SourceError, pack_source
from abeja_emulator.runtime.variables import VariableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

LISTS = """
import os, sys
def handler(context):
    print(os.getpid())
    print(sorted(name for name in os.listdir(".") if name != "__pycache__"))
"""


@pytest.fixture
def emulation(tmp_path: Path) -> Iterator[Emulation]:
    """A platform in reach."""
    with Platform() as platform, Emulation(platform, tmp_path / "emulation") as emulation:
        yield emulation


@pytest.fixture
def trainer(emulation: Emulation) -> ChildTrainer:
    """Runs jobs there."""
    return ChildTrainer(emulation.platform, emulation.executor)


@pytest.fixture
def source(write: Callable[..., Path]) -> Path:
    """A source directory."""
    write("data.csv", "1,2")
    write("notes.md", "no source")
    write("__pycache__/train.pyc", "")
    return write("train.py", LISTS).parent


def test_it_runs_from_what_was_packed(emulation: Emulation, trainer: ChildTrainer, source: Path) -> None:
    """In another process, in another folder, with the files of the source and no others; the version has them too."""
    job = trainer.train("train:handler", source, ["*.md"], environment={"A": 1}, description="mine")
    assert job.status == "Complete", job.log
    pid, listed = job.log.splitlines()
    assert int(pid) != os.getpid()
    assert listed == "['data.csv', 'train.py']"
    assert job.exception is None
    record = emulation.platform.look.job(job.id)
    assert (record.description, dict(record.environment)) == ("mine", {"A": "1"})
    shown = APIClient().get_training_job_definition_version(record.organization_id, job.definition, job.version)
    assert shown["handler"] == "train:handler"


@pytest.mark.parametrize("mode", ["held", "virtual"])
def test_it_begins_at_once(emulation: Emulation, trainer: ChildTrainer, source: Path, mode: Any) -> None:
    """Whatever holds for jobs that are made through the API: its caller waits for it."""
    emulation.hosts.mode = mode
    assert trainer.train("train:handler", source).status == "Complete"
    assert emulation.hosts.mode == mode


def test_a_job_that_says_itself_that_it_is_held(emulation: Emulation, trainer: ChildTrainer, source: Path) -> None:
    """It would never begin, so nobody waits for it, and it does not stay."""
    with pytest.raises(Conflict, match="is held; let it go before you wait for it"):
        trainer.train("train:handler", source, environment={MODE_VARIABLE: "held"})
    assert emulation.executor.queued() == []
    assert emulation.platform.look.jobs()[-1].status == "Stopped"


def test_a_wait_that_is_interrupted_ends_the_job(emulation: Emulation, trainer: ChildTrainer, source: Path) -> None:
    """As by Ctrl-C, or by a limit on the time of a test."""
    (source / "train.py").write_text(
        "import time\ndef handler(context):\n    print('up', flush=True)\n    time.sleep(600)\n"
    )
    look = emulation.platform.look

    def running() -> list[str]:
        return [job.training_job_id for job in look.jobs() if look.log(job.training_job_id)]

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptedError(number, str(frame))

    def interrupt_when_it_runs() -> None:
        while not running():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=interrupt_when_it_runs)
    try:
        thread.start()
        with pytest.raises(InterruptedError):
            trainer.train("train:handler", source)
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)
    (job_id,) = running()
    assert look.job(job_id).status == "Stopped"
    assert emulation.executor.wait(job_id, timeout=60).status == "Stopped"
    assert emulation.executor.running() == []


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"datasets": {"train": "none"}}, VariableError),
        ({"environment": {"ABEJA_API_URL": "x"}}, VariableError),
        ({"definition": "a/b"}, BadRequest),
    ],
)
def test_what_is_refused_makes_no_job(
    emulation: Emulation, trainer: ChildTrainer, source: Path, fields: dict[str, Any], kind: type[Exception]
) -> None:
    """A field that cannot be, and nothing is left on the platform."""
    before = len(emulation.platform.look.jobs())
    with pytest.raises(kind):
        trainer.train("train:handler", source, **fields)
    assert len(emulation.platform.look.jobs()) == before


def test_a_folder_without_files(trainer: ChildTrainer, tmp_path: Path) -> None:
    """It is refused before anything is made."""
    with pytest.raises(SourceError, match="holds no files"):
        trainer.train("train:handler", tmp_path / "empty")


@pytest.fixture
def made(emulation: Emulation, source: Path, tmp_path: Path) -> Callable[[], str]:
    """Make a job through the API."""
    organization, client = emulation.platform.organization.id, APIClient()
    client.create_training_job_definition(organization, "mine")
    archive = tmp_path / "source.zip"
    archive.write_bytes(pack_source(source))
    with archive.open("rb") as file:
        client.create_training_job_definition_version_native_api(
            organization, "mine", file, {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
        )
    return lambda: str(client.create_training_job(organization, "mine", 1)["training_job_id"])


def test_a_job_that_is_held(emulation: Emulation, trainer: ChildTrainer, made: Callable[[], str]) -> None:
    """It is let go and awaited, and another is not; one that has ended is shown once more."""
    emulation.hosts.mode = "held"
    job_id, other = made(), made()
    job = trainer.run(job_id)
    assert job.status == "Complete", job.log
    assert emulation.platform.look.job(other).status == "Pending"
    assert trainer.run(job_id).log == job.log


def test_a_job_that_no_child_runs(emulation: Emulation, trainer: ChildTrainer) -> None:
    """One of a folder of this machine, and one that is not there."""
    with pytest.raises(Conflict, match="is Pending, and no child runs it: it has no source archive"):
        trainer.run(emulation.job.training_job_id)
    with pytest.raises(NotFound):
        trainer.run("1")
