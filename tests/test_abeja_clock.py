"""The fixture `abeja_clock`: sleeps, back-off, jobs and lifetimes share the platform's clock, and pass at once."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from abeja.datalake import APIClient as Datalake
from abeja.datasets import APIClient as Datasets
from abeja.datasets import Client
from abeja.deployments import APIClient as Deployments
from abeja.exceptions import HttpError, NotFound
from abeja.runs import APIClient as Runs
from abeja.services import APIClient as Services
from abeja.training import APIClient as Training  # type: ignore[attr-defined]

from abeja_emulator.emulation import Emulation
from abeja_emulator.platform import Platform
from abeja_emulator.runtime.runner import Timing
from abeja_emulator.runtime.sdk import thawed_sdk
from abeja_emulator.server import Server
from tests.services.deployments.samples import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from abeja_emulator.runtime.executor import Executor
    from abeja_emulator.runtime.job import TrainedJob
    from abeja_emulator.serving.run_host import RunHost
    from abeja_emulator.serving.service_host import ServiceHost
    from abeja_emulator.transports.virtual_time import VirtualTime


def archive(name: str, text: str) -> io.BytesIO:
    """Return a source archive of one module."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(name, textwrap.dedent(text))
    content.seek(0)
    return content


def make_job(organization: str, text: str) -> str:
    """Make a job whose handler is the text of a module, and return its id."""
    api = Training()
    name = f"job-{len(api.get_training_job_definitions(organization)['entries'])}"
    api.create_training_job_definition(organization, name)
    about = {"handler": "train:handler", "image": "abeja-inc/all-cpu:19.10"}
    api.create_training_job_definition_version_native_api(organization, name, archive("train.py", text), about)
    job: str = api.create_training_job(organization, name, 1)["training_job_id"]
    return job


def make_code(organization: str, *, seconds: float) -> tuple[str, str, str]:
    """Make model code that sleeps so long; return the ids of organization, deployment and version."""
    api = Deployments()
    deployment = api.create_deployment(organization, "slow")["deployment_id"]
    version = api.create_deployment_version(organization, deployment, "0.0.1", "main:handler", IMAGE)
    text = f"""
        import time
        def handler(request, context):
            before = time.time()
            time.sleep({seconds})
            return {{"content": {{"slept": time.time() - before}}, "content_type": "application/json"}}
    """
    requests.put(version["upload_url"], data=archive("main.py", text), timeout=5)
    return organization, deployment, version["version_id"]


class TestClients:
    """The SDK's own waiting."""

    def test_a_storm(self, abeja: Platform, abeja_clock: VirtualTime, abeja_dataset: Callable[..., str]) -> None:
        """Six calls and thirty seconds of back-off, at the times at which the platform would have seen them."""
        dataset = abeja_dataset("points")
        abeja.faults.add("get_dataset", status=503, calls="1-6")
        with pytest.raises(HttpError):
            Client().get_dataset(dataset)
        calls = abeja.calls("get_dataset")
        gaps = [round(later.at - earlier.at) for earlier, later in zip(calls, calls[1:])]
        assert gaps == [0, 2, 4, 8, 16]
        assert abeja_clock.slept_seconds == abeja_clock.offset == 30

    def test_threads_that_fetch_ahead(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_dataset: Callable[..., str]
    ) -> None:
        """Each waits and tries again, and all of the files come."""
        dataset = abeja_dataset([(bytes([number]), "a") for number in range(20)])
        abeja.faults.add("get_channel_file_download", status=503, calls="1-12", retry_after=30)
        items = Client().get_dataset(dataset).dataset_items.list(prefetch=True)
        assert sorted(item.source_data[0].get_content() for item in items) == [bytes([number]) for number in range(20)]
        assert {(sleep.seconds, sleep.why) for sleep in abeja_clock.slept} == {(30, "Retry-After")}
        assert len(abeja_clock.slept) == 12
        # Those that wait together wait together.
        assert 30 <= abeja_clock.offset <= 360

    def test_an_answer_that_takes_its_time(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_dataset: Callable[..., str]
    ) -> None:
        """That time passes on the same clock, for this process and for a child."""
        dataset = abeja_dataset("points")
        abeja.faults.add("get_dataset", latency=20, calls="1-2")
        script = f"from abeja.datasets import Client; Client().get_dataset({dataset!s})"
        Client().get_dataset(dataset)
        assert abeja_clock.offset == 20
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
        assert abeja_clock.offset == 40
        assert [sleep.why for sleep in abeja_clock.slept] == ["latency"] * 2


class TestLifetimes:
    """What ends by itself."""

    def test_a_sleep_makes_a_signed_url_expire(
        self, abeja_clock: VirtualTime, abeja_dataset: Callable[..., str], abeja_train: Callable[..., TrainedJob]
    ) -> None:
        """In the middle of a handler; one that is asked for anew works."""
        dataset, seen = abeja_dataset([(b"red", "a")]), list[int]()

        def url(organization: str) -> str:
            (item,) = Datasets().list_dataset_items(organization, dataset)["items"]
            channel, file = item["source_data"][0]["data_uri"].split("/")[-2:]
            return str(Datalake().get_channel_file_download(channel, file)["download_uri"])

        def handler(context: Any) -> None:
            organization = os.environ["ABEJA_ORGANIZATION_ID"]
            first = url(organization)
            seen.append(requests.get(first, timeout=5).status_code)
            time.sleep(3599)
            seen.append(requests.get(first, timeout=5).status_code)
            time.sleep(1)
            seen.append(requests.get(first, timeout=5).status_code)
            seen.append(requests.get(url(organization), timeout=5).status_code)

        job = abeja_train(handler)
        assert job.status == "Complete", job.log
        assert seen == [200, 200, 403, 200]
        assert abeja_clock.slept_seconds == 3600

    def test_a_file_is_gone_after_its_lifetime(self, abeja: Platform, abeja_clock: VirtualTime) -> None:
        """A day later, to the second."""
        channel, api = abeja.seed.channel("lake"), Datalake()
        file = api.post_channel_file_upload(channel, io.BytesIO(b"x"), "text/plain", lifetime="1day")["file_id"]
        time.sleep(86_395)
        assert api.get_channel_file_download(channel, file)["file_id"] == file
        time.sleep(5)
        with pytest.raises(NotFound):
            api.get_channel_file_download(channel, file)
        assert abeja_clock.slept_seconds == 86_400

    def test_the_duration_of_a_job(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_train: Callable[..., TrainedJob]
    ) -> None:
        """As long as its handler slept."""
        job = abeja_train(lambda _: time.sleep(7200))
        seconds = abeja.look.job(job.id).seconds
        assert seconds is not None
        assert 7200 <= seconds < 7260
        assert abeja_clock.slept[0].where.startswith("tests.test_abeja_clock.<lambda>:")


class TestJobsInChildren:
    """Jobs that are made through the API."""

    def test_a_job_that_sleeps(self, abeja: Platform, abeja_clock: VirtualTime, abeja_jobs: Executor) -> None:
        """Its own `time.time` and `datetime.now` go on as the platform's clock does."""
        text = """
            import datetime, time
            from time import sleep as nap
            def handler(context):
                before = time.time(), datetime.datetime.now(), time.time_ns(), time.monotonic()
                nap(3600)
                time.sleep(3600)
                print(time.time() - before[0] >= 7200, (datetime.datetime.now() - before[1]).total_seconds() >= 7200)
                print(time.time_ns() - before[2] >= 7200 * 10**9, time.monotonic() - before[3] < 7200)
        """
        abeja_clock.advance(500)
        job = abeja_jobs.wait(make_job(abeja.organization.id, text), timeout=60)
        assert job.status == "Complete", job.log
        assert "True True\nTrue True" in str(job.log)
        assert abeja_clock.slept_seconds == 7200
        assert abeja_clock.offset == 7700
        assert 7200 <= (abeja.look.job(job.id).seconds or 0) < 7260

    def test_nobody_who_polls_overtakes_a_job(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_jobs: Executor
    ) -> None:
        """What a job has to do takes it its real time, however long somebody sleeps meanwhile."""
        text = "import time\ndef handler(_):\n    end = time.monotonic() + 0.2\n    while time.monotonic() < end: pass"
        del abeja_jobs
        job = make_job(abeja.organization.id, text)
        while abeja.look.job(job).status in {"Pending", "Active"}:
            time.sleep(3600)
        found = abeja.look.job(job)
        assert found.status == "Complete"
        assert 0.2 <= (found.seconds or 0) < 3600
        assert abeja_clock.slept_seconds >= 3600

    @pytest.mark.abeja(jobs="virtual")
    def test_a_sleep_in_which_a_virtual_job_runs(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_jobs: Executor
    ) -> None:
        """It begins and ends in its time, in the middle of a longer sleep, and its process really ran."""
        abeja_jobs.timing = Timing(pending=60, active=600)
        job = make_job(abeja.organization.id, "def handler(_): print('ran')")
        time.sleep(59)
        assert abeja.look.job(job).status == "Pending"
        time.sleep(30)
        assert abeja.look.job(job).status == "Active"
        time.sleep(3600)
        found = abeja.look.job(job)
        assert found.status == "Complete"
        assert 600 <= (found.seconds or 0) < 630
        assert (abeja_clock.offset, abeja_clock.slept_seconds) == (3689, 3689)
        assert "ran" in str([line.message for line in abeja.look.log(job)])

    @pytest.mark.abeja(jobs="virtual")
    def test_waiting_for_a_virtual_job(self, abeja: Platform, abeja_clock: VirtualTime, abeja_jobs: Executor) -> None:
        """A day of training is over at once: nothing else is to happen in it."""
        abeja_jobs.timing = Timing(pending=60, active=86_400)
        job = abeja_jobs.wait(
            make_job(abeja.organization.id, "import time\ndef handler(_): time.sleep(99)"), timeout=60
        )
        assert job.status == "Complete", job.log
        found = abeja.look.job(job.id)
        assert 86_400 <= (found.seconds or 0) < 86_460
        assert 86_459 < abeja_clock.offset <= 86_460
        assert abeja_clock.slept_seconds == 99

    def test_a_run_that_sleeps(self, abeja: Platform, abeja_clock: VirtualTime, abeja_runs: RunHost) -> None:
        """The same of model code."""
        pytest.importorskip("abejaruntime36")
        code = make_code(abeja.organization.id, seconds=3600)
        run = Runs().create_run(*code, [1], {"$datalake:1": abeja.seed.channel("sums")})["run_id"]
        assert abeja_runs.wait(run, timeout=60).status == "SUCCEEDED", abeja.look.run_log(run)
        assert [sleep.seconds for sleep in abeja_clock.slept if sleep.seconds > 1] == [3600]
        assert abeja_clock.offset >= 3600

    def test_a_service_that_sleeps(
        self, abeja: Platform, abeja_clock: VirtualTime, abeja_services: ServiceHost
    ) -> None:
        """Its answer takes the platform no longer than the handler slept, and so does a test that asks for it."""
        pytest.importorskip("abejaruntime36")
        organization, deployment, version = make_code(abeja.organization.id, seconds=20)
        service = Services().create_service(organization, deployment, version)["service_id"]
        assert abeja_services.wait(service, timeout=60).status == "READY", abeja.look.service_log(service)
        answer = Services().request_service(organization, deployment, service, json={})
        assert answer.json()["slept"] >= 20
        assert abeja_clock.passed == abeja_clock.slept_seconds == 20
        assert abeja_clock.slept[0].where.startswith("main.handler:")


class TestWithoutPytest:
    """The same for anybody."""

    def test_on_an_emulation(self) -> None:
        """Time is real before and after it."""
        original = time.sleep
        with Platform() as platform, Emulation(platform) as emulation:
            with emulation.virtual_time() as clock:
                time.sleep(60)
                assert clock.slept_seconds == clock.offset == 60
                assert clock.now() <= platform.clock.now() < clock.now() + timedelta(seconds=60)
                virtual = [platform.clock.virtual]
            virtual.append(platform.clock.virtual)
            assert virtual == [True, False]
            assert time.sleep is original

    def test_on_a_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The control API makes the clock virtual for the jobs that come."""
        with Platform() as platform, Server(platform) as server:
            assert requests.put(f"{server.url}/_emulator/clock", json={"virtual": True}, timeout=5).json()["virtual"]
            for name, value in server.variables().items():
                monkeypatch.setenv(name, value)
            with thawed_sdk(dict(os.environ), {}):
                job = make_job(platform.organization.id, "import time\ndef handler(_): time.sleep(3600)")
            assert server.executor.wait(job, timeout=60).status == "Complete"
            assert platform.clock.offset == 3600


STORM = """
import time
import pytest
from abeja.datasets import Client

ORIGINAL = time.sleep

@pytest.mark.abeja(faults=["get_dataset status=503 calls=1-2 retry_after=7"])
def test_storm(abeja, abeja_clock, abeja_dataset):
    Client().get_dataset(abeja_dataset("points"))
    time.sleep(60)
    assert abeja_clock.slept_seconds == 0

def test_next(abeja):
    assert time.sleep is ORIGINAL
    assert abeja.clock.offset >= OFFSET
    assert not abeja.clock.virtual
"""

SHOWN = [
    "*slept 74 s of virtual time: 2 × Retry-After, 1 × time.sleep",
    "  +0.? s  GET /organizations/*/datasets/* → 503 (fault: status 503 with Retry-After: 7)",
    "  +0.? s  slept 7 s (Retry-After)",
    "  +7.? s  GET /organizations/*/datasets/* → 503 (fault: *) (because of fault 1)",
    "  +7.? s  slept 7 s (Retry-After)",
    "  +14.? s  GET /organizations/*/datasets/* → 200 (because of fault 2)",
    "  +14.? s  slept 60 s (time.sleep in test_storm.test_storm:*)",
    "*ABEJA Platform*",
    "  slept 74 s of virtual time: 2 × Retry-After, 1 × time.sleep",
    "  +?.? s get_dataset 503 · slept 7 s · +7.? s get_dataset 503 · slept 7 s · +14.? s get_dataset 200 · slept 60 s",
]


@pytest.mark.parametrize(("option", "offset"), [("--abeja-emulate", 74), ("-q", 0)])
def test_what_a_run_shows(pytester: pytest.Pytester, option: str, offset: int) -> None:
    """The timeline in section, summary and page; after a test that failed, time is real, and has not run backwards."""
    pytester.makepyfile(test_storm=STORM.replace("OFFSET", str(offset)))
    result = pytester.runpytest_subprocess(option, "-p", "no:randomly", "--abeja-report", "report.html")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(SHOWN)
    page = (pytester.path / "report.html").read_text(encoding="utf-8")
    assert "4 calls" not in page
    assert "slept 74 s of virtual time" in page
    assert page.count("slept 7 s (Retry-After)") == 2
