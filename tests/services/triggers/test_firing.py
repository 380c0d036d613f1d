"""A trigger makes a run of every file that comes into its channel, once, and of nothing else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
import requests
from abeja.datalake.api.client import APIClient as DatalakeAPI
from abeja.deployments import APIClient as DeploymentsAPI
from abeja.runs import APIClient as RunsAPI

from abeja_emulator.platform import Platform
from abeja_emulator.services.datalake.files import Files
from abeja_emulator.services.deployments.rules import Deployments
from abeja_emulator.services.deployments.versions import Versions
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.runs.rules import RUNS_PER_PAGE, Runs
from abeja_emulator.services.triggers.rules import Triggers
from abeja_emulator.wire.content import Upload
from tests.services.deployments.samples import IMAGE
from tests.services.triggers.samples import put
from tests.services.wire import TIMEOUT, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from abeja.triggers import APIClient


class Fired:
    """The files that a trigger has made runs of, oldest first, as the SDK shows them."""

    def __init__(self, api: APIClient, trigger: dict[str, Any]) -> None:
        self._api = api
        self._where = (trigger["organization_id"], trigger["deployment_id"], trigger["trigger_id"])

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs."""
        page = self._api.get_trigger_runs(*self._where, scan_forward=True)
        check_answer("get_trigger_runs", page)
        found: list[dict[str, Any]] = page["entries"]
        return found

    def files(self) -> list[str]:
        """Return what the runs are of, as `<channel>/<file>`."""
        return [run["input_data"]["$datalake:1"] for run in self.runs()]


@pytest.fixture
def fired(api: APIClient, trigger: dict[str, Any]) -> Fired:
    """What the trigger has done."""
    return Fired(api, trigger)


class TestRun:
    """The run that a trigger makes."""

    def test_is_what_the_trigger_is(
        self, api: APIClient, organization: str, deployment: str, version: str, channel: str, output: str, model: str
    ) -> None:
        """It has the version, the variables, the models and the retries of its trigger, and goes where that says."""
        trigger = api.create_trigger(
            *(organization, deployment, version, "datalake", channel, "datalake", output),
            distribution=3,
            retry_count=0,
            environment={"DEBUG": "x"},
            model_id=model,
        )
        file = put(channel)
        (run,) = Fired(api, trigger).runs()
        same = ("models", "model_version", "model_version_id", "retry_count", "distribution", "user_env_vars")
        assert {name: run[name] for name in same} == {name: trigger[name] for name in same}
        assert run["input_data"] == {"$datalake:1": f"{channel}/{file}"}
        assert run["output_template"] == {"$datalake:1": output}
        assert (run["status"], run["trigger_id"]) == ("SUBMITTED", trigger["trigger_id"])

    def test_is_a_run_of_the_deployment(self, organization: str, deployment: str, channel: str, fired: Fired) -> None:
        """It is shown, listed and named with those that somebody submitted, which the trigger does not show."""
        put(channel)
        (run,) = fired.runs()
        assert run["output_template"] is None
        expected = {name: value for name, value in run.items() if name != "trigger_id"}
        api = RunsAPI()
        assert api.get_run(organization, deployment, run["run_id"]) == expected
        submitted = api.create_run(organization, deployment, run["model_version_id"])
        assert api.get_runs(organization, deployment)["entries"] == [submitted, expected]
        assert fired.runs() == [run]
        named = DeploymentsAPI().get_deployment(organization, deployment)["runs"]
        assert named == [{"run_id": run["run_id"]}, {"run_id": submitted["run_id"]}]

    def test_is_told_of(self, channel: str, trigger: dict[str, Any], platform: Platform) -> None:
        """Whoever runs runs hears of it as of any other, once the file is there to stay."""
        told: list[Any] = []
        platform.world.listeners.append(told.append)
        put(channel)
        (run,) = [record for record in told if isinstance(record, Run)]
        assert run.trigger_id == trigger["trigger_id"]
        assert run.creator_id == platform.user.id


class TestFiles:
    """What fires a trigger, and what does not."""

    def test_every_file_once(self, channel: str, fired: Fired) -> None:
        """Each upload is one run, the same content again too; looking at files, or changing them, is none."""
        files = [put(channel) for _ in range(3)]
        api = DatalakeAPI()
        api.list_channel_files(channel)
        api.get_channel_file_download(channel, files[0])
        api.put_channel_file_metadata(channel, files[0], {"x-abeja-meta-a": "b"})
        api.put_channel_file_lifetime(channel, files[0], "1day")
        assert fired.files() == [f"{channel}/{file}" for file in files]

    def test_signed_upload(self, channel: str, fired: Fired) -> None:
        """A file that was announced fires when it comes, and not before."""
        reserved = DatalakeAPI().get_channel_file_upload(channel, "text/plain")
        assert fired.files() == []
        requests.put(reserved["upload_url"], data=b"content", timeout=TIMEOUT).raise_for_status()
        assert fired.files() == [f"{channel}/{reserved['file_id']}"]
        assert requests.put(reserved["upload_url"], data=b"content", timeout=TIMEOUT).status_code == 404
        assert len(fired.files()) == 1

    def test_seeded(self, channel: str, fired: Fired, platform: Platform) -> None:
        """A file that a test puts there is one that comes too."""
        file = platform.seed.file(channel, b"content")
        assert fired.files() == [f"{channel}/{file.rpartition('/')[2]}"]

    def test_refused_upload(self, channel: str, fired: Fired) -> None:
        """A file that was not taken is no file."""
        api = DatalakeAPI()
        arguments: dict[str, Any] = {"metadata": {"x-abeja-meta-filename": "a"}, "conflict_target": "filename"}
        first = api.post_channel_file_upload(channel, io.BytesIO(b"1"), "text/plain", **arguments)["file_id"]
        with pytest.raises(abeja.exceptions.Conflict):
            api.post_channel_file_upload(channel, io.BytesIO(b"2"), "text/plain", **arguments)
        assert fired.files() == [f"{channel}/{first}"]

    def test_undone_upload(self, channel: str, fired: Fired, platform: Platform) -> None:
        """A file that is rolled back takes its run with it."""
        snapshot = platform.snapshot()
        put(channel)
        assert len(fired.files()) == 1
        snapshot.rollback()
        assert fired.files() == []
        kept = put(channel)
        assert fired.files() == [f"{channel}/{kept}"]

    def test_deleted_file(self, channel: str, fired: Fired) -> None:
        """The run of a file that is deleted stays, as it was."""
        file = put(channel)
        before = fired.runs()
        DatalakeAPI().delete_channel_file(channel, file)
        assert fired.runs() == before

    def test_other_channels(self, output: str, fired: Fired) -> None:
        """A file of another channel is none of its business."""
        put(output)
        assert fired.files() == []

    def test_files_before_it(
        self, api: APIClient, organization: str, deployment: str, version: str, channel: str
    ) -> None:
        """What was there before the trigger does not fire it."""
        put(channel)
        fired = Fired(api, api.create_trigger(organization, deployment, version, "datalake", channel))
        later = put(channel)
        assert fired.files() == [f"{channel}/{later}"]


class TestTriggers:
    """Which triggers are fired."""

    def test_all_of_a_channel(self, api: APIClient, organization: str, version: str, trigger: dict[str, Any]) -> None:
        """Each trigger of the channel makes a run of its own, those of other deployments too."""
        channel = trigger["input_service_id"]
        same = api.create_trigger(organization, trigger["deployment_id"], version, "datalake", channel)
        deployments = DeploymentsAPI()
        other = deployments.create_deployment(organization, "other")["deployment_id"]
        its = deployments.create_deployment_version(organization, other, "2", "main:handler", IMAGE)["version_id"]
        elsewhere = api.create_trigger(organization, other, its, "datalake", channel)
        file = put(channel)
        ids = set()
        for each in (trigger, same, elsewhere):
            (run,) = Fired(api, each).runs()
            assert run["input_data"] == {"$datalake:1": f"{channel}/{file}"}
            assert (run["deployment_id"], run["model_version"]) == (each["deployment_id"], each["model_version"])
            ids.add(run["run_id"])
        assert len(ids) == 3

    def test_deleted(
        self, api: APIClient, organization: str, deployment: str, channel: str, trigger: dict[str, Any]
    ) -> None:
        """A deleted trigger fires no more; the runs it made stay."""
        put(channel)
        runs = RunsAPI().get_runs(organization, deployment)
        api.delete_trigger(organization, deployment, trigger["trigger_id"])
        put(channel)
        assert RunsAPI().get_runs(organization, deployment) == runs
        assert len(runs["entries"]) == 1

    @pytest.mark.usefixtures("trigger")
    def test_deployment_deleted(self, organization: str, deployment: str, channel: str, platform: Platform) -> None:
        """With its deployment a trigger is gone, and makes no run that nobody could see."""
        DeploymentsAPI().delete_deployment(organization, deployment)
        put(channel)
        store = platform.world.store
        with store.reading():
            assert list(store.table("run", Run).all()) == []

    def test_output_is_input(
        self, api: APIClient, organization: str, version: str, trigger: dict[str, Any], output: str
    ) -> None:
        """What one trigger's runs put out is what another's take in."""
        second = api.create_trigger(organization, trigger["deployment_id"], version, "datalake", output)
        put(trigger["input_service_id"])
        assert Fired(api, second).files() == []
        result = put(output)
        assert Fired(api, second).files() == [f"{output}/{result}"]


class TestList:
    """GET …/triggers/{trigger_id}/runs."""

    def test_pages(
        self, api: APIClient, organization: str, deployment: str, version: str, channel: str, trigger: dict[str, Any]
    ) -> None:
        """Newest first unless told otherwise, each once, whatever other runs lie between."""
        where = (organization, deployment, trigger["trigger_id"])
        files = []
        for _ in range(RUNS_PER_PAGE + 2):
            files.append({"$datalake:1": f"{channel}/{put(channel)}"})
            RunsAPI().create_run(organization, deployment, version)
        for forward, wanted in ((None, files[::-1]), (False, files[::-1]), (True, files)):
            first = api.get_trigger_runs(*where, scan_forward=forward)
            rest = api.get_trigger_runs(*where, first["next_page_token"])
            assert len(first["entries"]) == RUNS_PER_PAGE
            assert [run["input_data"] for page in (first, rest) for run in page["entries"]] == wanted
            assert rest["next_page_token"] is None

    def test_tokens(
        self, api: APIClient, organization: str, deployment: str, channel: str, trigger: dict[str, Any], wire: Wire
    ) -> None:
        """A token is good for its own trigger only, and not for all runs."""
        for _ in range(RUNS_PER_PAGE + 1):
            put(channel)
        token = api.get_trigger_runs(organization, deployment, trigger["trigger_id"])["next_page_token"]
        other = api.create_trigger(organization, deployment, trigger["model_version_id"], "datalake", channel)
        base = f"/organizations/{organization}/deployments/{deployment}"
        for path in (f"{base}/runs", f"{base}/triggers/{other['trigger_id']}/runs"):
            check_refusal(wire("GET", path, params={"next_page_token": token}), 400, "token")


def test_survives_its_process(tmp_path: Path) -> None:
    """On a platform that is opened again a trigger fires without anybody having looked at it."""
    with Platform(data=tmp_path) as platform, platform.world.store.transaction():
        world, organization = platform.world, platform.organization.id
        channel = platform.seed.channel("in")
        deployment = Deployments(world).create(organization, "reader", platform.user.id)
        version = Versions(world).create(deployment, "1", platform.user.id, image=IMAGE)
        Triggers(world).create(
            deployment, version, platform.user.id, input_service_name="datalake", input_service_id=channel
        )
    with Platform(data=tmp_path) as platform:
        with platform.world.store.transaction():
            file = Files(platform.world).upload(channel, Upload(b"content", 7))
        with platform.world.store.reading():
            ((run,), _) = Runs(platform.world).page(deployment.deployment_id, None, forward=None)
    assert run.input_data == {"$datalake:1": f"{channel}/{file.file_id}"}
