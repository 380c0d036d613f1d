"""Jobs that are made through the API really run: each in a child process, from Pending to its end."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
from abeja.train.client import Client as TrainClient
from abeja.training.api.client import APIClient
from freezegun import freeze_time

from abeja_emulator.emulation import Emulation
from abeja_emulator.errors import Conflict, NotFound
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.executor import Executor
from abeja_emulator.runtime.interpreters import Interpreters
from abeja_emulator.runtime.limits import InstanceTypes, Limits
from abeja_emulator.runtime.runner import MODE_VARIABLE, Timing

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60

HANDLER = """
import json, os, sys
from abeja.train.client import Client
from abeja.train.statistics import Statistics

def handler(context):
    result = os.environ["ABEJA_TRAINING_RESULT_DIR"]
    os.makedirs(os.path.join(result, "logs"))
    with open(os.path.join(result, "model.txt"), "w") as file:
        file.write("weights")
    with open(os.path.join(result, "logs", "events"), "w") as file:
        file.write("events")
    for epoch in (1, 2):
        Client().update_statistics(Statistics(num_epochs=2, epoch=epoch, loss=0.5 / epoch))
    print(json.dumps({"context": context, "epochs": os.environ["NUM_EPOCHS"]}))
    print("careful", file=sys.stderr)
"""


def archive(**files: str) -> io.BytesIO:
    """Return a zip of Python modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(f"{name}.py", text)
    buffer.seek(0)
    return buffer


class Maker:
    """Makes versions and jobs with the SDK."""

    def __init__(self, emulation: Emulation) -> None:
        self._organization = emulation.platform.organization.id
        self._client = APIClient()
        self._platform = emulation.platform
        self._names = 0

    def job(
        self, source: str, *, handler: str = "train:handler", image: str = "abeja-inc/all-cpu:19.10", **options: Any
    ) -> str:
        """Make a definition, a version and a job, and return the job's id."""
        self._names += 1
        name = f"definition-{self._names}"
        self._client.create_training_job_definition(self._organization, name)
        self._client.create_training_job_definition_version_native_api(
            self._organization, name, archive(train=source), {"handler": handler, "image": image}
        )
        made = self._client.create_training_job(self._organization, name, 1, **options)
        assert made["status"] == "Pending"
        return str(made["training_job_id"])

    def shown(self, job_id: str) -> dict[str, Any]:
        """Return a job as the API shows it."""
        name = self._platform.look.job(job_id).job_definition_name
        found: dict[str, Any] = self._client.get_training_job(self._organization, name, job_id)
        return found

    def stop(self, job_id: str) -> Any:
        """Stop a job through the API."""
        name = self._platform.look.job(job_id).job_definition_name
        return self._client.stop_training_job(self._organization, name, job_id)

    def log(self, job_id: str) -> list[str]:
        """Return the messages of a job's log."""
        return [line.message for line in self._platform.look.log(job_id)]


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
def maker(emulation: Emulation) -> Maker:
    """Makes jobs."""
    return Maker(emulation)


def until(what: Callable[[], Any]) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    message = "it did not happen"
    raise AssertionError(message)


def lives(pid: int) -> bool:
    """Tell whether a process is there and not only waits to be reaped."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return not Path("/proc/self").exists()
    return False


class TestLifeCycle:
    """From Pending to the end."""

    def test_complete(self, executor: Executor, maker: Maker, tmp_path: Path) -> None:
        """With times, statistics, log and a result whose layout opens again unchanged."""
        job_id = maker.job(HANDLER, environment={"NUM_EPOCHS": 2}, datasets={"train": "1100000000999"})
        job = executor.wait(job_id, PATIENCE)

        shown = maker.shown(job_id)
        assert (shown["status"], shown["status_message"]) == ("Complete", None), maker.log(job_id)
        assert shown["created_at"] < shown["start_time"] < shown["completion_time"]
        assert shown["statistics"] == {"num_epochs": 2, "epoch": 2, "loss": 0.25}
        assert maker.log(job_id) == [
            '{"context": {"datasets": {"train": "1100000000999"}}, "epochs": "2"}',
            "careful",
        ]
        assert [line.log_level for line in maker._platform.look.log(job_id)] == ["INFO", "WARNING"]
        client = TrainClient(maker._organization, job.definition)
        client.download_training_result(job_id, str(tmp_path / "down"))
        files = {path.relative_to(tmp_path / "down").as_posix() for path in (tmp_path / "down").rglob("*")}
        assert files == {"model.txt", "logs", "logs/events"}

    @pytest.mark.parametrize(
        ("source", "message"),
        [
            ("def handler(context): raise KeyError('acc')", "KeyError: 'acc'"),
            ("def handler(context): raise SystemExit(3)", "exit code 3"),
            (
                "def handler(context):\n import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
                "exit code 139 (SIGSEGV)",
            ),
            ("def handle(context): pass", "module 'train' * has no function 'handler'; its functions are handle"),
            ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
            ("def handler(context): context.datasets", "AttributeError: 'dict' object has no attribute 'datasets'"),
        ],
    )
    def test_failed(self, executor: Executor, maker: Maker, source: str, message: str) -> None:
        """With the reason in one line."""
        job = executor.wait(maker.job(source), PATIENCE)
        assert job.status == "Failed"
        before, _, after = message.partition(" * ")
        assert (job.status_message or "").startswith(before)
        assert (job.status_message or "").endswith(after)
        assert maker.shown(job.id)["status_message"] == job.status_message

    def test_a_failed_job_keeps_its_result(self, executor: Executor, maker: Maker) -> None:
        """As the platform's runner uploads it."""
        source = HANDLER + "    raise ValueError('too late')\n"
        job = executor.wait(maker.job(source, environment={"NUM_EPOCHS": "2"}), PATIENCE)
        assert (job.status, job.status_message) == ("Failed", "ValueError: too late")
        content = maker._platform.look.result(job.id)
        assert (
            sorted(job.artifacts)
            == sorted(zipfile.ZipFile(io.BytesIO(content)).namelist())
            == ["logs/events", "model.txt"]
        )

    @pytest.mark.parametrize(
        ("image", "handler", "source", "printed"),
        [
            (
                "abeja-inc/all-cpu:18.10",
                "train:handler",
                "def handler(context): print(context.datasets)",
                "{'a': '12'}",
            ),
            (
                "abeja-inc/all-cpu:19.04",
                "train:handler",
                "def handler(context): print(context['datasets'])",
                "{'a': '12'}",
            ),
            ("abeja-inc/all-gpu:20.02a", "train", "import os; print(os.environ['DATASETS'])", '{"a": "12"}'),
        ],
    )
    def test_each_generation_of_images(
        self, executor: Executor, maker: Maker, image: str, handler: str, source: str, printed: str
    ) -> None:
        """Is called its own way."""
        job = executor.wait(maker.job(source, image=image, handler=handler, datasets={"a": "12"}), PATIENCE)
        assert (job.status, maker.log(job.id)) == ("Complete", [printed])

    def test_export_log(self, executor: Executor, maker: Maker) -> None:
        """Puts the log into the result, even when there is nothing else in it."""
        job = executor.wait(maker.job("def handler(context): print('trained')", export_log=True), PATIENCE)
        with zipfile.ZipFile(io.BytesIO(maker._platform.look.result(job.id))) as result:
            assert {name: result.read(name) for name in result.namelist()} == {".abeja_train.log": b"trained\n"}

    def test_a_job_of_train_local_is_left_to_it(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """The command line runs it on its own and says how it goes."""
        job_id = maker.job(HANDLER)
        executor.wait(job_id, PATIENCE)
        job = emulation.platform.look.job(job_id)
        made = maker._client._connection.api_request(
            method="POST",
            path=f"/organizations/{job.organization_id}/training/definitions/{job.job_definition_name}/versions/1/jobs",
            json={"exec_env": "local"},
        )
        assert executor.queued() == executor.running() == []
        assert maker.shown(made["training_job_id"])["status"] == "Pending"

    def test_an_interpreter_that_is_not_there(self, tmp_path: Path) -> None:
        """Fails the job with a sentence that says so."""
        with Platform() as platform, Emulation(platform, tmp_path / "e", jobs="held") as emulation:
            maker = Maker(emulation)
            job_id = maker.job(HANDLER)
            interpreters = Interpreters(by_image={"abeja-inc/all-cpu:19.10": "python-of-nobody"})
            with Executor(platform, tmp_path / "jobs", api_url=lambda: emulation.url, interpreters=interpreters) as own:
                job = own.wait(job_id, PATIENCE)
            assert job.status == "Failed"
            assert "python-of-nobody" in (job.status_message or "")
            assert maker.log(job_id)[0].splitlines()[0] == job.status_message


class TestReach:
    """What a job in a child can reach."""

    def test_the_platform_under_each_of_its_names(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """The URL in its environment, the real one, and the host of an organization, below either."""
        source = """
import os, urllib.request, urllib.error
def handler(context):
    organization, token = os.environ["ABEJA_ORGANIZATION_ID"], os.environ["PLATFORM_AUTH_TOKEN"]
    ours = os.environ["ABEJA_API_URL"]
    for url in (
        f"{ours}/organizations/{organization}",
        f"https://api.abeja.io/organizations/{organization}",
        f"https://{organization}.api.abeja.io/deployments/1",
        f"http://{organization}.{ours[7:]}/deployments/1",
    ):
        body = b"{}" if "deployments" in url else None
        request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"})
        try:
            print(urllib.request.urlopen(request, timeout=20).status)
        except urllib.error.HTTPError as error:
            print(error.code)
"""
        job = executor.wait(maker.job(source), PATIENCE)
        # There is no such deployment.
        assert maker.log(job.id) == ["200", "200", "404", "404"]
        assert len(emulation.platform.calls("request_deployment")) == 2
        assert emulation.url.startswith("http://127.0.0.1:")

    def test_no_other_host(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """It fails at once, and the parent knows."""
        source = "import urllib.request\ndef handler(context): urllib.request.urlopen('https://weights.example/')"
        job = executor.wait(maker.job(source), PATIENCE)
        assert (job.status_message or "").startswith("abeja_emulator_child.UnknownHostError: refused GET")
        assert [call.url for call in emulation.refused] == ["https://weights.example/"]

    def test_the_clock_of_the_platform(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """Is that of the job."""
        emulation.platform.clock.advance(365 * 86_400)
        before = emulation.platform.clock.timestamp()
        job = executor.wait(maker.job("import time\ndef handler(context): print(time.time())"), PATIENCE)
        assert before < float(maker.log(job.id)[0]) < emulation.platform.clock.timestamp()

    def test_credentials_of_the_shell_are_not_there(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Nor the emulator's own mode variable."""
        monkeypatch.setenv("ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN", "token-of-the-shell")
        with Platform() as platform, Emulation(platform, tmp_path / "e") as emulation:
            maker = Maker(emulation)
            source = "import os\ndef handler(context): print(sorted(n for n in os.environ if 'ABEJA_' in n))"
            job = emulation.executor.wait(maker.job(source, environment={MODE_VARIABLE: "immediate"}), PATIENCE)
            (line,) = maker.log(job.id)
            assert "ACCESS_TOKEN" not in line
            assert MODE_VARIABLE not in line
            assert "ABEJA_TRAINING_RESULT_DIR" in line


class TestModes:
    """When a job begins."""

    def test_held(self, executor: Executor, maker: Maker) -> None:
        """It is Pending until it is let go."""
        executor.mode = "held"
        first, second = (maker.job("def handler(context): print('trained')") for _ in range(2))
        assert executor.queued() == [first, second]
        with pytest.raises(Conflict, match="is held"):
            executor.wait(first)
        executor.release(second)
        assert executor.wait(second, PATIENCE).status == "Complete"
        assert maker.shown(first)["status"] == "Pending"
        executor.release()
        assert executor.wait(first, PATIENCE).status == "Complete"
        with pytest.raises(NotFound, match="those that wait: none"):
            executor.release(first)

    def test_a_job_says_its_own_mode(self, executor: Executor, maker: Maker) -> None:
        """With a variable, from any client."""
        held = maker.job("def handler(context): pass", environment={MODE_VARIABLE: "held"})
        assert executor.wait(maker.job("def handler(context): pass"), PATIENCE).status == "Complete"
        assert executor.queued() == [held]

    def test_virtual(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """Pending and Active last as long as the Platform's clock says; an hour passes at once."""
        clock = emulation.platform.clock
        executor.mode, executor.timing = "virtual", Timing(pending=600, active=3600)
        job_id = maker.job("def handler(context): print('trained')")
        assert maker.shown(job_id)["status"] == "Pending"
        clock.advance(601)
        until(lambda: maker.log(job_id))
        assert maker.shown(job_id)["status"] == "Active"
        until(lambda: "trained" in maker.log(job_id))
        clock.advance(3601)
        job = executor.wait(job_id, PATIENCE)
        assert job.status == "Complete"
        assert 3600 <= (job.seconds or 0) < 3700

    def test_a_virtual_job_can_be_stopped_while_it_waits(self, executor: Executor, maker: Maker) -> None:
        """It does not wait for the clock."""
        executor.mode = "virtual"
        job_id = maker.job("def handler(context): print('trained')")
        maker.stop(job_id)
        assert executor.wait(job_id, PATIENCE).status == "Stopped"
        assert maker.log(job_id) == []

    def test_somebody_else_may_run_a_job_that_waits(
        self, executor: Executor, maker: Maker, emulation: Emulation
    ) -> None:
        """Such as a test, in its own process; then the executor does not."""
        executor.mode = "held"
        job_id = maker.job("def handler(context): print('trained')")
        assert executor.claim(job_id)
        assert emulation.trainer.run(job_id).status == "Complete"
        assert executor.queued() == []
        assert not executor.claim(job_id)

    def test_slots(self, tmp_path: Path) -> None:
        """With one slot jobs run one after the other, in the order in which they were made."""
        with Platform() as platform, Emulation(platform, tmp_path / "e", jobs="held") as emulation:
            maker = Maker(emulation)
            jobs = [maker.job("def handler(context): pass") for _ in range(3)]
            assert all(emulation.executor.claim(job) for job in jobs)
            with Executor(platform, tmp_path / "jobs", api_url=lambda: emulation.url, slots=1) as own:
                ended = [own.wait(job, PATIENCE) for job in jobs]
            assert [job.status for job in ended] == ["Complete"] * 3
            records = [platform.look.job(job.id) for job in ended]
            for earlier, later in zip(records, records[1:]):
                assert (earlier.completion_time or "") <= (later.start_time or "")


BUSY = """
import os, subprocess, sys, time
def handler(context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.txt"), "w").write("half")
    print(os.getpid(), child.pid, flush=True)
    time.sleep(600)
"""


def pids_of(maker: Maker, job_id: str) -> list[int]:
    """Return the processes that a busy job says it has."""
    (line,) = until(lambda: maker.log(job_id))
    return [int(pid) for pid in line.split()]


class TestStopping:
    """A job that is stopped ends, with all that it has started."""

    def test_an_active_job(self, executor: Executor, maker: Maker) -> None:
        """It is Stopped at once, its processes end, and it has no result."""
        job_id = maker.job(BUSY)
        pids = pids_of(maker, job_id)
        assert all(map(lives, pids))
        assert maker.stop(job_id)["message"].endswith(f":{job_id} stopped")
        assert maker.shown(job_id)["status"] == "Stopped"
        job = executor.wait(job_id, PATIENCE)
        until(lambda: not any(map(lives, pids)))
        assert (job.status, job.artifacts) == ("Stopped", {})

    def test_a_job_that_ignores_it(self, executor: Executor, maker: Maker, emulation: Emulation) -> None:
        """Has 25 seconds of the Platform's clock."""
        source = BUSY.replace(
            "def handler(context):", "import signal\ndef handler(context):\n    signal.signal(2, lambda *_: None)"
        )
        job_id = maker.job(source.replace("time.sleep(600)\n", "[time.sleep(600) for _ in range(9)]\n"))
        pids = pids_of(maker, job_id)
        maker.stop(job_id)
        emulation.platform.clock.advance(24)
        assert lives(pids[0])
        emulation.platform.clock.advance(1)
        until(lambda: not lives(pids[0]))
        assert executor.wait(job_id, PATIENCE).status == "Stopped"

    def test_a_job_that_waits(self, executor: Executor, maker: Maker) -> None:
        """Never starts."""
        executor.mode = "held"
        job_id = maker.job("def handler(context): print('trained')")
        maker.stop(job_id)
        executor.release()
        job = executor.wait(job_id, PATIENCE)
        assert (job.status, job.seconds, maker.log(job_id)) == ("Stopped", None, [])

    def test_a_job_that_has_ended(self, executor: Executor, maker: Maker) -> None:
        """Is refused, and stays as it is."""
        job_id = maker.job("def handler(context): pass")
        executor.wait(job_id, PATIENCE)
        with pytest.raises(Exception, match="is Complete and cannot become Stopped"):
            maker.stop(job_id)
        assert maker.shown(job_id)["status"] == "Complete"

    def test_with_the_executor(self, emulation: Emulation, maker: Maker) -> None:
        """Those that run are Stopped; those that wait stay Pending, and run when there is one again."""
        executor = emulation.executor
        job_id = maker.job(BUSY)
        pids = pids_of(maker, job_id)
        executor.mode = "held"
        waits = maker.job("def handler(context): pass")
        executor.stop()
        until(lambda: not any(map(lives, pids)))
        assert (maker.shown(job_id)["status"], maker.shown(waits)["status"]) == ("Stopped", "Pending")
        executor.mode = "immediate"
        executor.start()
        assert executor.wait(waits, PATIENCE).status == "Complete"

    def test_what_a_dead_emulator_has_left(self, executor: Executor, maker: Maker) -> None:
        """A job that is Active and runs nowhere is Failed, and says why."""
        executor.mode = "held"
        job_id = maker.job("def handler(context): pass")
        executor.stop()
        executor._runner.move(job_id, "Active")
        executor.start()
        job = executor.wait(job_id, PATIENCE)
        assert (job.status, job.status_message) == ("Failed", "the emulator that ran it has ended before it did")

    def test_a_job_whose_state_was_rolled_back(self, emulation: Emulation, maker: Maker) -> None:
        """Ends with what it has started."""
        snapshot = emulation.platform.snapshot()
        job_id = maker.job(BUSY)
        pids = pids_of(maker, job_id)
        snapshot.rollback()
        emulation.executor.reconcile()
        until(lambda: not any(map(lives, pids)))
        assert emulation.executor.running() == []


class TestLimits:
    """Instance types, when they are wanted."""

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process uses")
    def test_a_job_that_uses_too_much_memory(self, tmp_path: Path) -> None:
        """Ends with 137 and a sentence that says so."""
        with Platform() as platform, Emulation(platform, tmp_path / "e", jobs="held") as emulation:
            maker = Maker(emulation)
            job_id = maker.job("import time\ndef handler(context):\n data = b'x' * 400_000_000\n time.sleep(60)")
            assert emulation.executor.claim(job_id)
            types = InstanceTypes({"cpu-1": Limits(memory=200_000_000)})
            with Executor(platform, tmp_path / "jobs", api_url=lambda: emulation.url, instance_types=types) as own:
                job = own.wait(job_id, PATIENCE)
            assert job.status == "Failed"
            assert "memory" in (job.status_message or "")
            assert "137" in (job.status_message or "")
            assert any("memory" in line for line in maker.log(job_id))

    def test_nothing_is_limited_by_default(self, executor: Executor, maker: Maker) -> None:
        """The same job, on the instance type of everybody."""
        job = executor.wait(maker.job("def handler(context): data = b'x' * 400_000_000"), PATIENCE)
        assert job.status == "Complete"


def test_many_jobs_at_once(emulation: Emulation, maker: Maker) -> None:
    """Each has its own context, result and log."""
    source = """
import os
def handler(context):
    open(os.path.join(os.environ["ABEJA_TRAINING_RESULT_DIR"], "model.txt"), "w").write(context["datasets"]["a"])
    print(context["datasets"]["a"])
"""
    jobs = {str(number): maker.job(source, datasets={"a": str(number)}) for number in range(12)}
    for number, job_id in jobs.items():
        job = emulation.executor.wait(job_id, PATIENCE)
        assert (job.status, maker.log(job_id)) == ("Complete", [number])
        with zipfile.ZipFile(io.BytesIO(emulation.platform.look.result(job_id))) as result:
            assert result.read("model.txt").decode() == number
    assert not [each for each in threading.enumerate() if each.name.startswith("abeja-emulator-job")]


def test_ids_may_be_numbers(executor: Executor, maker: Maker) -> None:
    """As those of datasets may."""
    executor.mode = "held"
    job_id = int(maker.job("def handler(context): pass"))
    executor.release(job_id)
    assert executor.wait(job_id, PATIENCE).status == "Complete"


def test_a_mode_that_does_not_exist(executor: Executor, maker: Maker) -> None:
    """Is refused, by whichever way it comes."""
    with pytest.raises(ValueError, match="immediate, held, virtual, not 'later'"):
        executor.mode = "later"  # type: ignore[assignment] # what a person writes
    job = executor.wait(maker.job("def handler(context): pass", environment={MODE_VARIABLE: "hold"}), PATIENCE)
    assert job.status == "Failed"
    assert f"{MODE_VARIABLE} is 'hold'" in (job.status_message or "")


def test_names_that_are_no_text(executor: Executor, maker: Maker) -> None:
    """A file of a result whose name is not UTF-8 is kept under a name that can be read."""
    source = (
        "import os\ndef handler(context):\n"
        "    open(os.fsencode(os.environ['ABEJA_TRAINING_RESULT_DIR']) + b'/a\\xff.bin', 'w').write('x')"
    )
    job = executor.wait(maker.job(source), PATIENCE)
    assert (job.status, list(job.artifacts)) == ("Complete", ["a\ufffd.bin"])


def test_a_stopped_job_ends_although_time_is_frozen(executor: Executor, maker: Maker) -> None:
    """Real seconds count where a test has frozen the clock."""
    executor._grace = 0.5
    source = BUSY.replace("def handler(context):", "import signal\ndef handler(context):\n    signal.signal(2, 1)")
    with freeze_time("2020-01-01"):
        job_id = maker.job(source)
        pids_of(maker, job_id)
        maker.stop(job_id)
        assert executor.wait(job_id, PATIENCE).status == "Stopped"


def test_a_variable_with_a_character_that_none_can_have(maker: Maker) -> None:
    """Is refused when the job is made."""
    with pytest.raises(Exception, match="the value of X has a NUL character"):
        maker.job("def handler(context): pass", environment={"X": "a\0b"})
