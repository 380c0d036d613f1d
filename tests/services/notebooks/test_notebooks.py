"""Notebooks: what each operation changes in the answers of the others, their life cycle, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.notebooks.records import Notebook
from abeja_emulator.services.notebooks.rules import PENDING_SECONDS
from tests.services.training.samples import state
from tests.services.wire import PLATFORM_ID, ZULU_MICROSECONDS, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.notebook.api.client import APIClient
    from abeja.training.client import Client
    from abeja.training.job_definition import JobDefinition

    from abeja_emulator.platform import Platform

NOTEBOOKS = "/organizations/{org}/training/definitions/definition/notebooks"
UNKNOWN = "1999999999999"


class TestCreate:
    """POST …/notebooks."""

    def test_answer(self, wire: Wire, platform: Platform, definition: JobDefinition) -> None:
        """The whole notebook comes back, Pending, its id under both of its names; what is not said is the default."""
        answer = wire("POST", NOTEBOOKS, json={}).json()
        check_answer("create_notebook", answer)
        identifier, creator = answer.pop("id"), answer.pop("creator")
        assert PLATFORM_ID.fullmatch(identifier)
        assert creator["id"] == platform.user.id
        assert answer["created_at"] == answer["modified_at"]
        for name in ("created_at", "modified_at"):
            assert ZULU_MICROSECONDS.fullmatch(answer.pop(name))
        assert answer == {
            "training_notebook_id": identifier,
            "job_definition_id": definition.job_definition_id,
            "name": "notebook-1",
            "description": None,
            "status": "Pending",
            "status_message": None,
            "instance_type": "cpu-1",
            "image": "abeja-inc/all-cpu:19.10",
            "notebook_type": "notebook",
        }

    @pytest.mark.usefixtures("definition")
    def test_settings(self, api: APIClient, organization: str) -> None:
        """What is said is kept; a GPU image is run on a GPU where nothing is said."""
        made = api.create_notebook(organization, "definition", "cpu-4", "abeja-inc/all-gpu:19.04", "lab")
        assert (made["instance_type"], made["image"], made["notebook_type"]) == (
            "cpu-4",
            "abeja-inc/all-gpu:19.04",
            "lab",
        )
        assert (
            api.create_notebook(organization, "definition", image="abeja-inc/all-gpu:19.04")["instance_type"] == "gpu-1"
        )

    @pytest.mark.usefixtures("definition")
    def test_command_line(self, wire: Wire) -> None:
        """What is to be mounted, as the CLI says it, is no reason to refuse."""
        mounts = {"datalakes": ["1"], "buckets": ["2"], "datasets": {"train": "3"}}
        sent = {"image": "custom/1234567890123/mine:1.0", "instance_type": "gpu:b-4", "notebook_type": "lab", **mounts}
        made = wire("POST", NOTEBOOKS, json=sent).json()
        assert {name: made[name] for name in ("image", "instance_type", "notebook_type")} == {
            name: sent[name] for name in ("image", "instance_type", "notebook_type")
        }

    def test_names(self, api: APIClient, organization: str, training: Client, notebook: dict[str, Any]) -> None:
        """Names count within the definition, and none comes back."""
        training.job_definitions().create("other")
        api.delete_notebook(organization, "definition", notebook["id"])
        made = [api.create_notebook(organization, name)["name"] for name in ("definition", "other")]
        assert made == ["notebook-2", "notebook-1"]

    @pytest.mark.usefixtures("notebook")
    @pytest.mark.parametrize(
        "body",
        [
            {"instance_type": "huge"},
            {"instance_type": 1},
            {"image": "nonsense"},
            {"notebook_type": "Lab"},
            {"notebook_type": ["lab"]},
        ],
    )
    def test_refused(self, wire: Wire, platform: Platform, notebook: dict[str, Any], body: dict[str, Any]) -> None:
        """Settings that are none are 400, at the creation and at a change, and nothing changes."""
        before = state(platform)
        check_refusal(wire("POST", NOTEBOOKS, json=body), 400, *body)
        check_refusal(wire("PUT", f"{NOTEBOOKS}/{notebook['id']}", json=body), 400, *body)
        assert state(platform) == before

    def test_archived_definition(
        self, api: APIClient, organization: str, training: Client, notebook: dict[str, Any]
    ) -> None:
        """No notebook of an archived definition is made or started, as no job is; it can be stopped and deleted."""
        training.job_definitions().archive("definition")
        with pytest.raises(abeja.exceptions.Conflict, match="archived"):
            api.create_notebook(organization, "definition")
        assert api.stop_notebook(organization, "definition", notebook["id"])["status"] == "Stopped"
        with pytest.raises(abeja.exceptions.Conflict, match="archived"):
            api.start_notebook(organization, "definition", notebook["id"])
        training.job_definitions().unarchive("definition")
        assert api.start_notebook(organization, "definition", notebook["id"])["status"] == "Pending"


class TestRead:
    """GET …/notebooks and …/notebooks/{notebook_id}."""

    def test_same_everywhere(self, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
        """What was answered at the creation is what is listed and shown."""
        shown = api.get_notebook(organization, "definition", notebook["id"])
        check_answer("get_notebook", shown)
        listed = api.get_notebooks(organization, "definition")
        check_answer("get_notebooks", listed)
        assert listed == {"entries": [notebook], "total": 1, "offset": 0, "limit": 10}
        assert shown == notebook

    @pytest.mark.usefixtures("definition")
    @pytest.mark.parametrize(
        ("query", "part"), [({}, slice(10)), ({"offset": 9}, slice(9, 19)), ({"limit": 1}, slice(1))]
    )
    def test_pages(self, wire: Wire, api: APIClient, organization: str, query: dict[str, int], part: slice) -> None:
        """A page has ten, the newest first; how many there are is told."""
        made = [api.create_notebook(organization, "definition")["id"] for _ in range(12)][::-1]
        answer = wire("GET", NOTEBOOKS, params=query).json()
        assert [each["id"] for each in answer["entries"]] == made[part]
        assert answer["total"] == 12

    def test_of_this_definition_only(
        self, api: APIClient, organization: str, training: Client, notebook: dict[str, Any]
    ) -> None:
        """Notebooks of another definition are neither listed nor found."""
        training.job_definitions().create("other")
        assert api.get_notebooks(organization, "other")["entries"] == []
        with pytest.raises(abeja.exceptions.NotFound, match=notebook["id"]):
            api.get_notebook(organization, "other", notebook["id"])

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("POST", "/start"),
            ("POST", "/stop"),
            ("GET", "/recentlogs"),
        ],
    )
    def test_unknown(self, wire: Wire, notebook: dict[str, Any], method: str, path: str) -> None:
        """A notebook that is not there is 404, which names those that are; so is an unknown definition."""
        check_refusal(wire(method, f"{NOTEBOOKS}/{UNKNOWN}{path}", json={}), 404, UNKNOWN, notebook["id"])
        elsewhere = NOTEBOOKS.replace("/definition/", "/unknown/")
        check_refusal(wire(method, f"{elsewhere}/{notebook['id']}{path}", json={}), 404, "unknown")

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"offset": "-1"}])
    def test_query(self, wire: Wire, notebook: dict[str, Any], query: dict[str, str]) -> None:
        """A query that is not what it should be is 400."""
        assert notebook
        check_refusal(wire("GET", NOTEBOOKS, params=query), 400, *query)


class TestLifeCycle:
    """From Pending to Active, to Stopped, and back."""

    def test_time_makes_it_active(
        self, platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]
    ) -> None:
        """A notebook is Active once its time has come, in lists too, and says since when."""
        before = api.get_notebook(organization, "definition", notebook["id"])
        assert before == notebook
        platform.clock.advance(PENDING_SECONDS)
        active = api.get_notebook(organization, "definition", notebook["id"])
        assert active["status"] == "Active"
        assert active["modified_at"] > notebook["modified_at"]
        platform.clock.advance(100)
        assert api.get_notebook(organization, "definition", notebook["id"]) == active
        assert api.get_notebooks(organization, "definition")["entries"] == [active]

    @pytest.mark.parametrize("seconds", [0.0, PENDING_SECONDS], ids=["Pending", "Active"])
    def test_stop_and_start(
        self, platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any], seconds: float
    ) -> None:
        """It is Stopped at once, whatever it was, stays so, and is Pending again when it is started."""
        platform.clock.advance(seconds)
        stopped = api.stop_notebook(organization, "definition", notebook["id"])
        check_answer("stop_notebook", stopped)
        assert stopped["status"] == "Stopped"
        platform.clock.advance(PENDING_SECONDS)
        assert api.get_notebook(organization, "definition", notebook["id"]) == stopped
        started = api.start_notebook(organization, "definition", notebook["id"])
        check_answer("start_notebook", started)
        assert started["status"] == "Pending"
        platform.clock.advance(PENDING_SECONDS)
        assert api.get_notebook(organization, "definition", notebook["id"])["status"] == "Active"

    def test_start_as_another_type(
        self, wire: Wire, api: APIClient, organization: str, notebook: dict[str, Any]
    ) -> None:
        """A start can name a type, which the notebook has from then on; one that does not exist starts nothing."""
        api.stop_notebook(organization, "definition", notebook["id"])
        path = f"{NOTEBOOKS}/{notebook['id']}/start"
        check_refusal(wire("POST", path, json={"notebook_type": "console"}), 400, "console")
        assert api.start_notebook(organization, "definition", notebook["id"], "lab")["notebook_type"] == "lab"
        api.stop_notebook(organization, "definition", notebook["id"])
        assert wire("POST", path, json={"datalakes": ["1"]}).json()["notebook_type"] == "lab"

    @pytest.mark.parametrize("seconds", [0.0, PENDING_SECONDS], ids=["Pending", "Active"])
    def test_start_twice(
        self, platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any], seconds: float
    ) -> None:
        """One that is started cannot be started, nor a stopped one be stopped; the refusal names the status."""
        platform.clock.advance(seconds)
        before = state(platform)
        with pytest.raises(abeja.exceptions.Conflict, match="Active" if seconds else "Pending"):
            api.start_notebook(organization, "definition", notebook["id"], "lab")
        assert state(platform) == before
        api.stop_notebook(organization, "definition", notebook["id"])
        with pytest.raises(abeja.exceptions.Conflict, match="Stopped"):
            api.stop_notebook(organization, "definition", notebook["id"])

    def test_update(self, platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]) -> None:
        """A change is shown and listed; what is not named stays, as does the status."""
        platform.clock.advance(PENDING_SECONDS)
        changed = api.update_notebook(organization, "definition", notebook["id"], instance_type="cpu-2")
        check_answer("update_notebook", changed)
        assert changed == {
            **notebook,
            "instance_type": "cpu-2",
            "status": "Active",
            "modified_at": changed["modified_at"],
        }
        assert changed["modified_at"] > notebook["modified_at"]
        assert api.get_notebook(organization, "definition", notebook["id"]) == changed
        again = api.update_notebook(
            organization, "definition", notebook["id"], image="abeja-inc/all-gpu:19.04", notebook_type="lab"
        )
        assert (again["instance_type"], again["image"], again["notebook_type"]) == (
            "cpu-2",
            "abeja-inc/all-gpu:19.04",
            "lab",
        )
        api.stop_notebook(organization, "definition", notebook["id"])
        assert api.update_notebook(organization, "definition", notebook["id"])["status"] == "Stopped"

    def test_update_of_a_pending_one(
        self, platform: Platform, api: APIClient, organization: str, notebook: dict[str, Any]
    ) -> None:
        """A change does not keep a notebook from becoming Active at its time."""
        platform.clock.advance(PENDING_SECONDS - 1)
        api.update_notebook(organization, "definition", notebook["id"], instance_type="cpu-2")
        platform.clock.advance(1)
        assert api.get_notebook(organization, "definition", notebook["id"])["status"] == "Active"

    def test_listeners(self, platform: Platform, api: APIClient, organization: str, definition: JobDefinition) -> None:
        """Who listens is told of each notebook that is started or stopped, after it is there to stay."""
        told: list[str] = []

        def listen(record: object) -> None:
            if isinstance(record, Notebook):
                told.append(record.status)

        platform.world.listeners.append(listen)
        made = api.create_notebook(organization, definition.name)
        api.stop_notebook(organization, definition.name, made["id"])
        api.start_notebook(organization, definition.name, made["id"])
        assert told == ["Pending", "Stopped", "Pending"]


class TestDelete:
    """DELETE …/notebooks/{notebook_id}, and of the definition."""

    def test_delete(self, api: APIClient, organization: str, platform: Platform, notebook: dict[str, Any]) -> None:
        """A notebook that is deleted, running or not, is neither shown nor listed, and leaves nothing."""
        kept = api.create_notebook(organization, "definition")
        answer = api.delete_notebook(organization, "definition", notebook["id"])
        assert answer == {"message": f"{notebook['id']} deleted"}
        with pytest.raises(abeja.exceptions.NotFound, match=kept["id"]):
            api.get_notebook(organization, "definition", notebook["id"])
        assert api.get_notebooks(organization, "definition")["entries"] == [kept]
        api.delete_notebook(organization, "definition", kept["id"])
        kinds = {kind for kind, *_ in state(platform)["records"]}
        assert not {kind for kind in kinds if "notebook" in kind}

    def test_count(self, api: APIClient, organization: str, training: Client, notebook: dict[str, Any]) -> None:
        """`notebook_count` follows every creation and deletion, in lists too, whatever the status."""

        def count() -> int:
            (listed,) = training.job_definitions().list()
            found = training.job_definitions().get("definition").notebook_count
            assert listed.notebook_count == found
            return found

        assert count() == 1
        api.create_notebook(organization, "definition")
        api.stop_notebook(organization, "definition", notebook["id"])
        assert count() == 2
        api.delete_notebook(organization, "definition", notebook["id"])
        assert count() == 1

    def test_definition(self, api: APIClient, organization: str, training: Client, platform: Platform) -> None:
        """A definition that is deleted takes its notebooks and their logs with it, and those of no other."""
        training.job_definitions().create("other")
        kept = api.create_notebook(organization, "other")
        before = state(platform)
        training.job_definitions().create("definition")
        made = api.create_notebook(organization, "definition")
        training.job_definitions().delete("definition")
        assert state(platform) == before
        training.job_definitions().create("definition")
        assert api.get_notebooks(organization, "definition")["entries"] == []
        with pytest.raises(abeja.exceptions.NotFound):
            api.get_notebook(organization, "definition", made["id"])
        assert api.get_notebooks(organization, "other")["entries"] == [kept]
