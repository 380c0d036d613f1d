"""What a job is confined to: as data, and what the jobs of a child meet."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.confinement import FOLDERS, MEMORY, VARIABLES, Confinement, ConfinementError
from abeja_emulator.runtime.executor import Executor
from abeja_emulator.runtime.launcher import abeja_emulator_confinement as program
from abeja_emulator.runtime.limits import InstanceTypes, Limits, can_watch_memory
from tests.runtime.test_executor import PATIENCE, Maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from abeja_emulator.runtime.job import TrainedJob

# -- as data ------------------------------------------------------------------------------------


def test_it_reads_what_people_write() -> None:
    """Amounts with units or without, names in one text or several; what is empty says nothing."""
    assert Confinement.of({}) == Confinement.of(dict.fromkeys(VARIABLES, "")) == Confinement()
    assert not Confinement()
    said = Confinement.of(
        {"result_dir_size": "1MB", "storage_size": 512, "read_only": ["source"], "memory": "1.5 GiB", "network": "none"}
    )
    assert said == Confinement(10**6, 512, ("source",), 1024**3 * 3 // 2, "none")
    assert Confinement.of({"read_only": "source, storage"}).read_only == ("source", "storage")
    assert str(said) == ("result_dir_size 1 MB, storage_size 512 bytes, read_only source, memory 1.61 GB, network none")


def test_variables_say_the_same() -> None:
    """All of it, there and back; the launcher takes all but the memory."""
    said = Confinement(10**6, None, ("storage", "source"), 10**9, "none")
    assert Confinement.of_variables({**said.variables(), "OTHER": "1"}) == said
    assert set(said.variables()) - set(said.launcher_variables()) == {MEMORY}
    assert set(VARIABLES.values()) == {*program.VARIABLES, MEMORY}
    assert Confinement().variables() == {}


def test_two_are_merged() -> None:
    """The later one lies over the earlier one, and takes no folder from it."""
    both = Confinement(1, memory=2, read_only=("storage",)).merge(Confinement(3, read_only=("source",), network="none"))
    assert both == Confinement(3, None, ("storage", "source"), 2, "none")
    assert set(both.read_only) < set(FOLDERS)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"result_dir_size": "much"}, "result_dir_size: 'much' is no amount; write, for example, 512MB"),
        ({"result_dir_size": 0}, "result_dir_size: 0 is no amount"),
        ({"memory": "0.1"}, "memory: '0.1' is no amount"),
        ({"read_only": "home"}, "'home' cannot be read-only; a job has result_dir, storage, source"),
        ({"network": "slow"}, "the network of a job is 'slow'; it can be none"),
        (
            {"disk": "1MB"},
            "a job is confined by result_dir_size, storage_size, read_only, memory, network, not by 'disk'",
        ),
        ({"storage_size": "1MB", "read_only": "storage"}, "storage is read-only and has a size as well"),
    ],
)
def test_what_cannot_be(options: dict[str, Any], complaint: str) -> None:
    """A sentence says why, and what can."""
    with pytest.raises(ConfinementError) as caught:
        Confinement.of(options)
    assert complaint in str(caught.value)


def test_a_variable_that_says_nothing_is_named() -> None:
    """For it may have come from anywhere."""
    with pytest.raises(ConfinementError, match=r"^the variable ABEJA_EMULATOR_STORAGE_SIZE: storage_size: 'x' is no"):
        Confinement.of_variables({"ABEJA_EMULATOR_STORAGE_SIZE": "x"})


# -- as a job meets it --------------------------------------------------------------------------

SAVES = """
import os
def handler(context):
    names = [name for name in os.environ if name.endswith(("_SIZE", "READ_ONLY", "_NETWORK", "_MEMORY"))]
    assert not names, names
    result = os.environ["ABEJA_TRAINING_RESULT_DIR"]
    os.mkdir(os.path.join(result, "logs"))
    with open(os.path.join(result, "logs", "small"), "w") as file:
        file.write("small")
    with open(os.path.join(result, "model"), "wb") as file:
        file.write(bytes(300_000))
"""

DIES = """
import os, signal
def handler(context):
    result = os.environ["ABEJA_TRAINING_RESULT_DIR"]
    os.mkfifo(os.path.join(result, "pipe"))
    os.symlink("model", os.path.join(result, "link"))
    with open(os.path.join(result, "model"), "w") as file:
        file.write("weights")
    os.killpg(0, signal.SIGKILL)
"""

CACHES = """
from abeja.datasets import Client
def handler(context):
    (item,) = Client().get_dataset(context["datasets"]["train"]).dataset_items.list()
    print(len(item.source_data[0].get_content()))
"""

WRITES = """
import os
def handler(context):
    folders = {
        "result_dir": os.environ["ABEJA_TRAINING_RESULT_DIR"],
        "storage": os.environ["ABEJA_STORAGE_DIR_PATH"],
        "source": os.getcwd(),
    }
    for name, folder in folders.items():
        try:
            open(os.path.join(folder, "new"), "w").close()
            print(name, "writable")
        except OSError as error:
            print(name, error.strerror)
"""

USES = """
import time
def handler(context):
    kept = bytearray(300_000_000)
    time.sleep(60)
"""

CALLS = """
import os, socket, subprocess, sys, urllib.request
from abeja.datasets import Client

PROGRAM = '''
import os, urllib.request
url = os.environ["ABEJA_API_URL"] + "/organizations/" + os.environ["ABEJA_ORGANIZATION_ID"] + "/datasets"
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["PLATFORM_AUTH_TOKEN"]})
print("without our hook", urllib.request.urlopen(request).status)
'''

def handler(context):
    print("SDK", len(list(Client().datasets.list())), flush=True)
    subprocess.run([sys.executable, "-I", "-c", PROGRAM], check=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    for call in (
        lambda: socket.create_connection(("192.0.2.1", 80), 5),
        lambda: socket.getaddrinfo("weights.example", 80),
        lambda: urllib.request.urlopen("http://weights.example/vgg16.h5"),
    ):
        try:
            call()
        except OSError as error:
            print(type(error).__name__, getattr(error, "reason", error))
"""


def skipped(**options: Any) -> pytest.MarkDecorator:
    """Skip a test where the system does not allow that, with its reason."""
    why = Confinement.of(options).why_not()
    return pytest.mark.skipif(why is not None, reason=why or "")


mounts = skipped(result_dir_size=1, read_only="source")
networks = skipped(network="none")


@pytest.fixture
def emulation(tmp_path: Path) -> Iterator[Emulation]:
    """A platform in reach, whose jobs run at once."""
    with Platform() as platform, Emulation(platform, tmp_path / "emulation") as emulation:
        yield emulation


@pytest.fixture
def executor(emulation: Emulation) -> Executor:
    """What runs them."""
    return emulation.executor


@pytest.fixture
def run(emulation: Emulation) -> Callable[..., TrainedJob]:
    """Run a handler in a child that is confined by its own variables."""
    maker = Maker(emulation)

    def run_job(source: str, datasets: dict[str, str] | None = None, **options: Any) -> TrainedJob:
        environment = Confinement.of(options).variables()
        job_id = maker.job(source, environment=environment, datasets=datasets or {})
        return emulation.executor.wait(job_id, PATIENCE)

    return run_job


@mounts
def test_a_result_directory_gets_full(run: Callable[..., TrainedJob]) -> None:
    """The job fails with what the system says, and what it could save is its result; with room it completes."""
    job = run(SAVES, result_dir_size="100kB")
    assert job.status == "Failed"
    assert "No space left on device" in str(job.status_message)
    assert "OSError: [Errno 28] No space left on device" in job.log
    assert (job.result_dir / "logs" / "small").read_text() == "small"
    assert job.artifacts["logs/small"] == 5
    assert 0 < job.artifacts["model"] < 100_000

    job = run(SAVES, result_dir_size="1MB")
    assert (job.status, job.artifacts) == ("Complete", {"logs/small": 5, "model": 300_000}), job.log


@mounts
def test_what_was_saved_outlives_a_sigkill(run: Callable[..., TrainedJob]) -> None:
    """Of the handler, and of the process that watches it; what is no file is left behind."""
    job = run(DIES, result_dir_size="100kB")
    assert (job.status, job.status_message) == ("Failed", "exit code 137 (SIGKILL)")
    assert job.artifacts == {"model": 7}
    assert sorted(path.name for path in job.result_dir.iterdir()) == ["link", "model"]


@mounts
def test_what_hdf5_says_of_a_full_disk(run: Callable[..., TrainedJob]) -> None:
    """A library written in C meets it as well, which no fake of Python's does."""
    pytest.importorskip("h5py")
    source = """
        import os, h5py
        def handler(context):
            with h5py.File(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.h5"), "w") as file:
                file["weights"] = list(range(100_000))
    """
    source = "\n".join(line[8:] for line in source.splitlines())
    job = run(source, result_dir_size="100kB")
    assert job.status == "Failed"
    assert "errno = 28, error message = 'No space left on device'" in job.log
    assert list(job.artifacts) == ["model.h5"]
    assert run(source, result_dir_size="10MB").status == "Complete"
    job = run(source, read_only="result_dir")
    assert "errno = 30, error message = 'Read-only file system'" in job.log


@mounts
def test_the_cache_of_the_sdk_gets_full(emulation: Emulation, run: Callable[..., TrainedJob]) -> None:
    """The real SDK says so."""
    datasets = {"train": emulation.platform.seed.dataset([(bytes(300_000), "a")])}
    job = run(CACHES, datasets, storage_size="100kB")
    assert job.status == "Failed"
    assert "abeja/common/local_file.py" in job.log
    assert "No space left on device" in job.log
    assert run(CACHES, datasets, storage_size="1MB").log == "300000"


@mounts
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_read_only(run: Callable[..., TrainedJob], name: str) -> None:
    """To root as well; the others are not."""
    lines = run(WRITES, read_only=name).log.splitlines()
    assert lines == [f"{each} {'Read-only file system' if each == name else 'writable'}" for each in FOLDERS]


@networks
def test_nothing_but_the_platform_can_be_reached(emulation: Emulation, run: Callable[..., TrainedJob]) -> None:
    """By the SDK, by programs without our hook, and this machine by itself; nobody is told of a refused call."""
    job = run(CALLS, network="none")
    assert job.status == "Complete", job.log
    assert job.log.splitlines() == [
        "SDK 0",
        "without our hook 200",
        "OSError [Errno 101] Network is unreachable",
        "gaierror [Errno -3] Temporary failure in name resolution",
        "URLError [Errno -3] Temporary failure in name resolution",
    ]
    assert len(emulation.refused) == 0
    assert [thread.name for thread in threading.enumerate()].count("abeja-emulator-loopback") == 1


@pytest.mark.skipif(not can_watch_memory(), reason="only Linux says what a process uses")
def test_memory_lies_over_that_of_the_instance_type(tmp_path: Path) -> None:
    """The job is killed for its own, and without it is not."""
    types = InstanceTypes({"cpu-1": Limits(memory=4 * 1000**3)})
    with Platform() as platform:
        execution = {"instance_types": types}
        with Emulation(platform, tmp_path / "emulation", execution=execution) as emulation:
            maker, executor = Maker(emulation), emulation.executor
            variables = Confinement(memory=200 * 1000**2).variables()
            job = executor.wait(maker.job(USES, instance_type="cpu-1", environment=variables), PATIENCE)
            assert job.status == "Failed"
            assert "of memory and may use 200 MB, so that it was killed (exit code 137)" in str(job.status_message)
            fine = USES.replace("60", "0")
            assert executor.wait(maker.job(fine, instance_type="cpu-1"), PATIENCE).status == "Complete"


@mounts
def test_all_jobs_are_confined_and_each_is_told(executor: Executor, run: Callable[..., TrainedJob]) -> None:
    """What a job says itself lies over it; a job that is confined to nothing is not told."""
    told: list[tuple[str, Confinement]] = []
    executor.on_confined = lambda job_id, confinement: told.append((job_id, confinement))
    run(SAVES)
    assert told == []
    executor.confinement = Confinement(result_dir_size=100_000)
    assert run(SAVES).status == "Failed"
    job = run(SAVES, result_dir_size="1MB", read_only="source")
    assert job.status == "Complete", job.log
    assert told[1:] == [(job.id, Confinement(10**6, read_only=("source",)))]
    assert told[0][1] == executor.confinement


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        (
            {"ABEJA_EMULATOR_RESULT_DIR_SIZE": "x"},
            "the variable ABEJA_EMULATOR_RESULT_DIR_SIZE: result_dir_size: 'x' is",
        ),
        ({"ABEJA_EMULATOR_NETWORK": "slow"}, "the variable ABEJA_EMULATOR_NETWORK: the network of a job is 'slow'"),
    ],
)
def test_a_job_with_a_wrong_variable_fails(emulation: Emulation, variables: dict[str, str], why: str) -> None:
    """And its log says what is right."""
    job = emulation.executor.wait(Maker(emulation).job(SAVES, environment=variables), PATIENCE)
    assert job.status == "Failed"
    assert str(job.status_message).startswith(why)
    assert job.log.startswith(why)


def test_a_job_that_nothing_answers_in_a_network_of_its_own(emulation: Emulation, tmp_path: Path) -> None:
    """Fails, and says so, before anything runs."""
    environment = Confinement(network="none").variables()
    emulation.executor.stop()
    url = emulation.url
    with Executor(emulation.platform, tmp_path / "others", api_url=lambda: url) as executor:
        job = executor.wait(Maker(emulation).job(SAVES, environment=environment), PATIENCE)
        assert job.status == "Failed"
        assert (
            job.log
            == "a job cannot be without a network here: nothing lets the platform answer in a network of its own"
        )
    assert os.listdir(job.result_dir) == []  # noqa: PTH208
