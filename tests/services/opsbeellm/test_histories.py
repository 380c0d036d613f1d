"""Histories, their metadata and their way into datasets; what changes what is in `test_effects`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest

from abeja_emulator.services.opsbeellm.histories import BYTES, KEYS
from tests.services.wire import PLATFORM_ID, Wire, check_refusal

if TYPE_CHECKING:
    from abeja.opsbeellm.dataset import APIClient as DatasetAPI

    from tests.services.opsbeellm.histories import Histories

UNKNOWN = "1999999999999"
PATH = {"qa": "/qa_histories", "chat": "/histories"}


class TestNew:
    """What a new history has."""

    def test_as_sent(self, histories: Histories) -> None:
        """It shows its texts, its counts as they were sent, its place, and that it was never updated."""
        made = histories.create("ABEJA とは", "ミツバチ", 3, 2**31 - 1)
        assert PLATFORM_ID.fullmatch(made["id"])
        assert (made["organization_id"], made["deployment_id"]) == (histories.organization, histories.deployment)
        assert (made["thread_id"], made["input_text"], made["output_text"]) == (
            histories.thread,
            "ABEJA とは",
            "ミツバチ",
        )
        assert (made["input_token_count"], made["output_token_count"]) == (3, 2**31 - 1)
        assert (made["tags"], made["metadata"]) == ([], [])
        assert made["created_at"] == made["updated_at"]

    @pytest.mark.parametrize(("asked", "answered"), [("", "a"), ("q", ""), (None, "a"), ("q", None)])
    def test_one_text_is_enough(self, histories: Histories, asked: str | None, answered: str | None) -> None:
        """One of the texts may be empty or null, which is empty; counts that are null are zero."""
        made = histories.create(asked, answered, None, None)
        assert (made["input_text"], made["output_text"]) == (asked or "", answered or "")
        assert (made["input_token_count"], made["output_token_count"]) == (0, 0)

    def test_only_texts(self, wire: Wire, histories: Histories) -> None:
        """All but one text may be missing."""
        made = wire("POST", histories.path_of_one, json={"output_text": "a"}).json()
        assert histories.get(made["id"]) == made
        assert (made["input_text"], made["input_token_count"], made["tags"], made["metadata"]) == ("", 0, [], [])

    def test_tags_once_and_in_order(self, histories: Histories) -> None:
        """Tags are shown in the order they were sent in; one that was sent twice is there once."""
        first, second = (histories.api.create_tag(histories.organization, name)["id"] for name in "ab")
        made = histories.create("q", "a", 0, 0, [second, first, second])
        assert [tag["id"] for tag in made["tags"]] == [second, first]

    def test_metadata_in_order(self, histories: Histories) -> None:
        """Every key and value gets an id; a key may be there twice, and an object may have several."""
        made = histories.create("q", "a", 0, 0, [], [{"k": "1"}, {"l": "2", "m": "3"}, {"k": "4"}, {}])
        assert [(each["key"], each["value"]) for each in made["metadata"]] == [*zip("klmk", "1234")]
        assert len({each["id"] for each in made["metadata"]}) == 4

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"input_text": "", "output_text": ""}, "input_text"),
            ({"input_text": None, "output_text": None}, "input_text"),
            ({"input_text": 1}, "input_text"),
            ({"input_token_count": -1}, "input_token_count"),
            ({"input_token_count": 2**31}, "input_token_count"),
            ({"output_token_count": "3"}, "output_token_count"),
            ({"output_token_count": 1.5}, "output_token_count"),
            ({"output_token_count": True}, "output_token_count"),
            ({"tag_ids": [UNKNOWN]}, UNKNOWN),
            ({"tag_ids": [1]}, "tag_ids"),
            ({"tag_ids": "1"}, "tag_ids"),
        ],
    )
    def test_wrong(self, wire: Wire, histories: Histories, change: dict[str, Any], word: str) -> None:
        """What is wrong is 400 and named, in a new history and in a change, and nothing comes of it."""
        made = histories.create()
        body = {"input_text": "q", "output_text": "a", **change}
        check_refusal(wire("POST", histories.path_of_one, json=body), 400, word)
        if None not in change.values():
            check_refusal(wire("PATCH", f"{histories.path_of_one}/{made['id']}", json=change), 400, word)
        assert histories.listed()["histories"] == [made]

    @pytest.mark.parametrize(
        ("metadata", "word"),
        [
            ({"k": "v"}, "metadata"),
            (["k"], "metadata"),
            ([{"k": 1}], "metadata"),
            ([{"k": None}], "metadata"),
            ([{"": "v"}], "key"),
            ([{"k": ""}], "value"),
            ([{"k": "v" * (BYTES + 1)}], "value"),
            ([{"鍵" * (BYTES // 3 + 1): "v"}], "key"),
            ([{str(number): "v"} for number in range(KEYS + 1)], str(KEYS)),
        ],
    )
    def test_wrong_metadata(self, wire: Wire, histories: Histories, metadata: Any, word: str) -> None:
        """What is no list of texts under keys, or is too much of it, is 400."""
        check_refusal(wire("POST", histories.path_of_one, json={"input_text": "q", "metadata": metadata}), 400, word)
        assert histories.listed()["total"] == 0


class TestChange:
    """What a change does to a history."""

    def test_only_what_is_sent(self, wire: Wire, histories: Histories) -> None:
        """What is missing or null stays; empty text, zero and no tags are values, though the SDK sends none of them."""
        tag = histories.api.create_tag(histories.organization, "OK")["id"]
        made = histories.create("q", "a", 3, 5, [tag])
        path = f"{histories.path_of_one}/{made['id']}"
        for nothing in ({}, dict.fromkeys(("input_text", "output_token_count", "tag_ids"))):
            assert {**wire("PATCH", path, json=nothing).json(), "updated_at": None} == {**made, "updated_at": None}
        body = {"input_text": "", "input_token_count": 0, "tag_ids": []}
        changed = wire("PATCH", path, json=body).json()
        assert (changed["input_text"], changed["output_text"]) == ("", "a")
        assert (changed["input_token_count"], changed["output_token_count"], changed["tags"]) == (0, 5, [])
        check_refusal(wire("PATCH", path, json={"output_text": ""}), 400, "input_text")
        assert histories.get(made["id"]) == changed

    def test_place_never_changes(self, wire: Wire, histories: Histories) -> None:
        """Ids, thread and metadata in a change are ignored."""
        made = histories.create()
        body = {"id": UNKNOWN, "thread_id": UNKNOWN, "metadata": [{"k": "v"}], "input_text": "Q"}
        changed = wire("PATCH", f"{histories.path_of_one}/{made['id']}", json=body).json()
        assert changed == {**made, "input_text": "Q", "updated_at": changed["updated_at"]}


class TestPlace:
    """A history is where it was made, and nowhere else."""

    def test_other_type(self, wire: Wire, qa: Histories, chat: Histories) -> None:
        """Every call about histories of one type is 400 at a deployment of the other, and names the right one."""
        for right, wrong in ((qa, chat), (chat, qa)):
            history = right.create("q", "a", 0, 0, [], [{"k": "v"}])
            path = right.path_of_one.replace(right.deployment, wrong.deployment)
            one = f"{path}/{history['id']}"
            entry = f"{one}/metadata/{history['metadata'][0]['id']}"
            pair = {"key": "k", "value": "v"}
            dataset = f"{wrong.path}{PATH[right.type]}/datasets/{UNKNOWN}/items"
            for method, where, body in [
                ("GET", wrong.path + PATH[right.type], None),
                ("POST", path, {"input_text": "q"}),
                ("GET", one, None),
                ("PATCH", one, {}),
                ("DELETE", one, None),
                ("POST", one + "/metadata", pair),
                ("PATCH", entry, pair),
                ("DELETE", entry, None),
                ("POST", dataset, {"history_ids": [history["id"]]}),
            ]:
                check_refusal(wire(method, where, json=body), 400, f"'{wrong.type}'", f"only '{right.type}'")
            assert right.listed()["histories"] == [history]

    def test_history_of_another_thread(self, wire: Wire, chat: Histories) -> None:
        """A history is found in its own thread only, and the refusal names those that are in this one."""
        history = chat.create("q", "a", 0, 0, [], [{"k": "v"}])
        other = chat.api.create_thread(chat.organization, chat.deployment, "second")["id"]
        there = chat.api.create_chat_history(chat.organization, chat.deployment, other, "q", "a")["id"]
        path = f"{chat.path}/threads/{other}/histories/{history['id']}"
        entry = f"/metadata/{history['metadata'][0]['id']}"
        check_refusal(wire("GET", path), 404, history["id"], there)
        check_refusal(wire("PATCH", path, json={}), 404, history["id"])
        check_refusal(wire("DELETE", path), 404, history["id"])
        check_refusal(wire("DELETE", path + entry), 404, history["id"])
        assert chat.get(history["id"]) == history

    def test_thread_of_a_list(self, chat: Histories) -> None:
        """The list names its thread where there is one, and none where there are several or none."""
        listed = chat.listed()
        assert (listed["thread_id"], listed["thread_name"]) == (chat.thread, "first")
        other = chat.api.create_thread(chat.organization, chat.deployment, "second")["id"]
        chat.api.create_chat_history(chat.organization, chat.deployment, other, "q2", "a")
        chat.create("q1")
        listed = chat.listed()
        assert (listed["thread_id"], listed["thread_name"]) == (None, None)
        assert [each["thread_name"] for each in listed["histories"]] == ["first", "second"]

    def test_of_what_is_gone(self, wire: Wire, histories: Histories) -> None:
        """At a deployment that is not there everything is 404, whatever the type."""
        for path in (histories.all, histories.path_of_one + "/" + UNKNOWN):
            check_refusal(wire("GET", path.replace(histories.deployment, UNKNOWN)), 404, UNKNOWN, histories.deployment)


class TestMetadata:
    """…/metadata and …/metadata/{metadata_id}."""

    def test_times_of_its_own(self, histories: Histories, platform: Any) -> None:
        """Metadata knows when it was made and changed; the history stays as old as it is."""
        history = histories.create()
        platform.clock.advance(60)
        made = histories.add_metadata(history["id"], "k", "v")
        assert history["created_at"] < made["created_at"] == made["updated_at"]
        platform.clock.advance(60)
        changed = histories.change_metadata(history["id"], made["id"], "k", "w")
        assert changed["updated_at"] > changed["created_at"] == made["created_at"]
        assert histories.get(history["id"])["updated_at"] == history["updated_at"]

    def test_limits(self, histories: Histories) -> None:
        """As many keys as there may be, each as long as it may be, and not one more; a deleted one makes room."""
        history = histories.create("q", "a", 0, 0, [], [{str(number): "v"} for number in range(KEYS - 1)])["id"]
        last = histories.add_metadata(history, "k" * BYTES, "v" * BYTES)
        with pytest.raises(abeja.exceptions.BadRequest, match=f"{KEYS} keys"):
            histories.add_metadata(history, "more", "v")
        assert len(histories.get(history)["metadata"]) == KEYS
        histories.delete_metadata(history, last["id"])
        assert histories.add_metadata(history, "more", "v")["key"] == "more"

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({"value": "v"}, "key"),
            ({"key": "k"}, "value"),
            ({"key": "", "value": "v"}, "key"),
            ({"key": "k", "value": ""}, "value"),
            ({"key": "k", "value": 1}, "value"),
            ({"key": "k" * (BYTES + 1), "value": "v"}, "key"),
            ({"key": "k", "value": "値" * (BYTES // 3 + 1)}, "value"),
        ],
    )
    def test_wrong(self, wire: Wire, histories: Histories, body: Any, word: str) -> None:
        """What is missing, empty or too long is 400 and named, in new metadata and in a change."""
        history = histories.create("q", "a", 0, 0, [], [{"k": "v"}])
        path = f"{histories.path_of_one}/{history['id']}/metadata"
        check_refusal(wire("POST", path, json=body), 400, word)
        check_refusal(wire("PATCH", f"{path}/{history['metadata'][0]['id']}", json=body), 400, word)
        assert histories.get(history["id"]) == history

    def test_unknown(self, wire: Wire, histories: Histories) -> None:
        """Metadata of another history is 404, and the refusal names what this one has."""
        mine = histories.create("q", "a", 0, 0, [], [{"k": "v"}])
        other = histories.create("q", "a", 0, 0, [], [{"k": "v"}])["metadata"][0]["id"]
        path = f"{histories.path_of_one}/{mine['id']}/metadata/{other}"
        check_refusal(wire("DELETE", path), 404, other, mine["metadata"][0]["id"])
        check_refusal(wire("PATCH", path, json={"key": "k", "value": "v"}), 404, other)


class TestIntoDataset:
    """…/datasets/{dataset_id}/items below the histories."""

    def test_items(self, histories: Histories, dataset_api: DatasetAPI, dataset: str) -> None:
        """Each history is an item, in the order they were named in, with names of tags and pairs of metadata."""
        tag = histories.api.create_tag(histories.organization, "OK")["id"]
        first = histories.create("q1", "a1", 1, 1, [tag], [{"k": "v"}, {"l": "w"}])["id"]
        second = histories.create("", "a2")["id"]
        histories.add_to_dataset(dataset, [second, first])
        newest, oldest = dataset_api.get_dataset_items(histories.organization, dataset)["items"]
        thread = [{"thread_name": "first"}] if histories.type == "chat" else []
        assert (newest["inputs"], newest["outputs"]) == (
            [*thread, {"input_text": "q1"}],
            [*thread, {"output_text": "a1"}],
        )
        assert (newest["tags"], newest["metadata"]) == (["OK"], [{"k": "v"}, {"l": "w"}])
        assert (oldest["inputs"], oldest["outputs"]) == (
            [*thread, {"input_text": ""}],
            [*thread, {"output_text": "a2"}],
        )
        assert (oldest["tags"], oldest["metadata"]) == ([], [])

    def test_items_are_copies(self, histories: Histories, dataset_api: DatasetAPI, dataset: str) -> None:
        """What becomes of history, tag and metadata later changes no item."""
        tag = histories.api.create_tag(histories.organization, "OK")["id"]
        history = histories.create("q", "a", 1, 1, [tag], [{"k": "v"}])
        histories.add_to_dataset(dataset, [history["id"]])
        before = dataset_api.get_dataset_items(histories.organization, dataset)
        histories.update(history["id"], input_text="Q")
        histories.change_metadata(history["id"], history["metadata"][0]["id"], "l", "w")
        histories.api.update_tag(histories.organization, tag, "renamed")
        histories.delete(history["id"])
        assert dataset_api.get_dataset_items(histories.organization, dataset) == before

    def test_all_or_none(self, wire: Wire, histories: Histories, dataset_api: DatasetAPI, dataset: str) -> None:
        """One history that is not of this deployment, or none named, is 400, and nothing is added."""
        history = histories.create()["id"]
        path = f"{histories.all}/datasets/{dataset}/items"
        check_refusal(wire("POST", path, json={"history_ids": [history, UNKNOWN]}), 400, UNKNOWN)
        for wrong in ([], None, history, [1]):
            check_refusal(wire("POST", path, json={"history_ids": wrong}), 400, "history_ids")
        check_refusal(wire("POST", path, json={}), 400, "history_ids")
        assert dataset_api.get_dataset(histories.organization, dataset)["item_count"] == 0

    def test_unknown_dataset(self, wire: Wire, histories: Histories, dataset: str) -> None:
        """A dataset that is not there is 404, and those that are, are named."""
        body = {"history_ids": [histories.create()["id"]]}
        check_refusal(wire("POST", f"{histories.all}/datasets/{UNKNOWN}/items", json=body), 404, UNKNOWN, dataset)
