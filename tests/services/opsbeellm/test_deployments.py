"""Deployments and their threads: what they take and what they refuse; what changes what is in `test_effects`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import abeja.exceptions
import pytest

from tests.services.opsbeellm.histories import TOP, Histories
from tests.services.wire import PLATFORM_ID, Wire, check_refusal

if TYPE_CHECKING:
    from abeja.opsbeellm.deployment import APIClient
    from abeja.opsbeellm.history import APIClient as HistoryAPI

    from abeja_emulator.platform import Platform

DEPLOYMENTS = TOP + "/deployments"


class TestDeployments:
    """…/deployments and …/deployments/{deployment_id}."""

    @pytest.mark.parametrize("type_", ["qa", "chat"])
    def test_new(self, deployment_api: APIClient, organization: str, type_: str) -> None:
        """A new deployment has an id of the platform's form, no histories, and was never updated."""
        made = deployment_api.create_deployment(organization, "デプロイ", type_)
        assert PLATFORM_ID.fullmatch(made["id"])
        assert (made["organization_id"], made["name"], made["description"]) == (organization, "デプロイ", "")
        assert (made["type"], made["history_count"]) == (type_, 0)
        assert made["created_at"] == made["updated_at"]

    def test_names_need_not_differ(self, deployment_api: APIClient, organization: str) -> None:
        """Two deployments may have one name; they are told apart by their ids."""
        first, second = (deployment_api.create_deployment(organization, "same", "qa")["id"] for _ in range(2))
        deployment_api.delete_deployment(organization, first)
        assert [each["id"] for each in deployment_api.get_deployments(organization)["deployments"]] == [second]

    def test_another_organization(self, platform: Platform, deployment_api: APIClient, chat: Histories) -> None:
        """Nothing of one organization is seen or changed from another one."""
        other = platform.seed.organization("other-org").id
        assert deployment_api.get_deployments(other)["deployments"] == []
        refusals: list[Callable[[], Any]] = [
            lambda: deployment_api.get_deployment(other, chat.deployment),
            lambda: deployment_api.update_deployment(other, chat.deployment, "mine"),
            lambda: deployment_api.delete_deployment(other, chat.deployment),
            lambda: chat.api.get_threads(other, chat.deployment),
            lambda: chat.api.get_thread(other, chat.deployment, chat.thread),
        ]
        for refused in refusals:
            with pytest.raises(abeja.exceptions.NotFound) as refusal:
                refused()
            assert chat.deployment in refusal.value.error_description
        assert deployment_api.get_deployment(chat.organization, chat.deployment)["name"] == "a chat"

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({"type": "qa"}, "name"),
            ({"name": "", "type": "qa"}, "name"),
            ({"name": "a"}, "type"),
            ({"name": "a", "type": "llm"}, "type"),
            ({"name": "a", "type": "qa", "description": []}, "description"),
            ("qa", "object"),
        ],
    )
    def test_wrong(self, wire: Wire, body: Any, word: str) -> None:
        """What is missing or wrong is 400 and named, and nothing is made."""
        check_refusal(wire("POST", DEPLOYMENTS, json=body), 400, word)
        assert wire("GET", DEPLOYMENTS).json()["deployments"] == []

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}])
    def test_wrong_change(self, wire: Wire, qa: Histories, body: Any) -> None:
        """A change needs a name too, and one that is refused changes nothing."""
        before = wire("GET", qa.path).json()
        check_refusal(wire("PATCH", qa.path, json=body), 400, "name")
        assert wire("GET", qa.path).json() == before

    def test_type_never_changes(self, wire: Wire, qa: Histories) -> None:
        """A type in a change is ignored: the histories would be of the wrong kind."""
        assert wire("PATCH", qa.path, json={"name": "b", "type": "chat", "history_count": 7}).json()["type"] == "qa"
        assert wire("GET", qa.path).json()["history_count"] == 0

    def test_histories_of_all_threads_are_counted(self, deployment_api: APIClient, chat: Histories) -> None:
        """The number of histories of a deployment is that of all its threads, and of no other deployment's."""
        another = chat.api.create_thread(chat.organization, chat.deployment, "second")["id"]
        chat.create()
        chat.api.create_chat_history(chat.organization, chat.deployment, another, "q", "a")
        Histories(chat.organization, "chat").create()
        assert deployment_api.get_deployment(chat.organization, chat.deployment)["history_count"] == 2


class TestThreads:
    """…/deployments/{deployment_id}/threads and …/threads/{thread_id}."""

    def test_new(self, history_api: HistoryAPI, organization: str, chat: Histories) -> None:
        """A new thread has an id of the platform's form and was never updated."""
        made = history_api.create_thread(organization, chat.deployment, "スレッド")
        assert PLATFORM_ID.fullmatch(made["id"])
        assert (made["organization_id"], made["deployment_id"]) == (organization, chat.deployment)
        assert (made["name"], made["description"]) == ("スレッド", "")
        assert made["created_at"] == made["updated_at"]

    def test_thread_of_another_deployment(self, wire: Wire, history_api: HistoryAPI, chat: Histories) -> None:
        """A thread is found at its own deployment only."""
        other = Histories(chat.organization, "chat")
        path = f"{other.path}/threads/{chat.thread}"
        check_refusal(wire("GET", path), 404, chat.thread, other.thread)
        check_refusal(wire("PATCH", path, json={"name": "mine"}), 404, chat.thread)
        check_refusal(wire("DELETE", path), 404, chat.thread)
        check_refusal(wire("POST", path + "/histories", json={"input_text": "q"}), 404, chat.thread)
        assert history_api.get_thread(chat.organization, chat.deployment, chat.thread)["name"] == "first"

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 1}, {"name": "a", "description": 1}])
    def test_wrong(self, wire: Wire, chat: Histories, body: Any) -> None:
        """What is missing or wrong is 400 and named, in a new thread and in a change."""
        before = wire("GET", chat.path + "/threads").json()
        word = "description" if "description" in body else "name"
        check_refusal(wire("POST", chat.path + "/threads", json=body), 400, word)
        check_refusal(wire("PATCH", f"{chat.path}/threads/{chat.thread}", json=body), 400, word)
        assert wire("GET", chat.path + "/threads").json() == before

    def test_deleted_thread_takes_only_its_own(self, chat: Histories) -> None:
        """The histories of a deleted thread go, and those of the others stay, in the list too."""
        other = chat.api.create_thread(chat.organization, chat.deployment, "second")["id"]
        gone = chat.create("gone")["id"]
        kept = chat.api.create_chat_history(chat.organization, chat.deployment, other, "kept", "a")
        chat.api.delete_thread(chat.organization, chat.deployment, chat.thread)
        assert chat.listed()["histories"] == [kept]
        assert chat.texts(f"history_id:{gone}") == []

    def test_thread_of_questions(self, wire: Wire, qa: Histories) -> None:
        """A `qa` deployment has one thread from the beginning, which can be renamed, and neither more nor less."""
        path = f"{qa.path}/threads/{qa.thread}"
        check_refusal(wire("POST", qa.path + "/threads", json={"name": "second"}), 400, "'qa'", "'chat'")
        check_refusal(wire("DELETE", path), 400, "'qa'", "'chat'")
        assert wire("GET", path).json()["name"] == "QA用スレッド"
        assert wire("PATCH", path, json={"name": "renamed"}).json()["name"] == "renamed"
        assert qa.create()["thread_name"] == qa.listed()["thread_name"] == "renamed"
