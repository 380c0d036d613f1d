"""OpsBeeLLM: histories of single questions and of chats, their metadata, and their way into a dataset."""

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Histories:
    """The methods for histories of one type of deployment, at a deployment of that type."""

    def __init__(self, kit: Kit, type_: str) -> None:
        self.kit = kit
        self.api = kit.api("opsbeellm.history")
        self.type = type_
        self.deployment = kit.api("opsbeellm.deployment").create_deployment(kit.organization, type_, type_)["id"]
        self.place = (kit.organization, self.deployment)  # type: tuple[str, ...]
        if type_ == "chat":
            self.place += (self.api.create_thread(kit.organization, self.deployment, "thread")["id"],)

    def one(self, verb: str, kind: str = "history") -> "Any":
        """Return the method that does something to one history, or to what it has."""
        return getattr(self.api, f"{verb}_{self.type}_{kind}")

    def listed(self, **query: "Any") -> "Any":
        """Return the list of histories."""
        return getattr(self.api, f"get_{self.type}_histories")(*self.place[:2], **query)

    def texts(self, **query: "Any") -> "list[str]":
        """Return what was asked in each history of a list."""
        return [each["input_text"] for each in self.listed(**query)["histories"]]

    def count(self) -> int:
        """Return how many histories the deployment says it has."""
        return int(self.kit.api("opsbeellm.deployment").get_deployment(*self.place[:2])["history_count"])


def check_questions(kit: Kit) -> None:
    """Histories of single questions live as they should."""
    _check_life(Histories(kit, "qa"))


def check_chats(kit: Kit) -> None:
    """Histories of chats live as they should."""
    _check_life(Histories(kit, "chat"))


def _check_life(histories: Histories) -> None:
    kit, place = histories.kit, histories.place
    tag = histories.api.create_tag(kit.organization, "OK", "fine", "green")
    made = histories.one("create")(*place, "q", "a", 3, 5, [tag["id"]], [{"k": "v"}])
    assert (made["input_text"], made["output_text"]) == ("q", "a")
    assert (made["input_token_count"], made["output_token_count"]) == (3, 5)
    assert made["tags"] == [{"id": tag["id"], "name": "OK", "description": "fine", "color": "green"}]
    assert [(each["key"], each["value"]) for each in made["metadata"]] == [("k", "v")]
    assert histories.one("get")(*place, made["id"]) == made
    assert histories.listed()["histories"] == [made]
    assert histories.count() == 1
    changed = histories.one("update")(*place, made["id"], output_text="b", output_token_count=7)
    assert (changed["input_text"], changed["output_text"]) == ("q", "b")
    assert (changed["input_token_count"], changed["output_token_count"]) == (3, 7)
    assert (changed["tags"], changed["metadata"]) == (made["tags"], made["metadata"])
    assert histories.one("get")(*place, made["id"]) == changed
    assert histories.one("delete")(*place, made["id"]) == changed
    assert histories.listed()["histories"] == []
    assert histories.count() == 0
    kit.refused(404, histories.one("get"), *place, made["id"])
    kit.refused(404, histories.one("update"), *place, made["id"], "again")


def check_metadata(kit: Kit) -> None:
    """Metadata of a history is added, changed and deleted, and the history shows it."""
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        place = (*histories.place, histories.one("create")(*histories.place, "q", "a")["id"])
        made = histories.one("create", "history_metadata")(*place, "k", "v")
        assert (made["key"], made["value"], made["history_id"]) == ("k", "v", place[-1])
        assert made["deployment_id"] == histories.deployment
        shown = histories.one("get")(*place)["metadata"]
        assert shown == [{"id": made["id"], "key": "k", "value": "v"}]
        changed = histories.one("update", "history_metadata")(*place, made["id"], "l", "w")
        assert (changed["id"], changed["key"], changed["value"]) == (made["id"], "l", "w")
        assert histories.one("get")(*place)["metadata"] == [{"id": made["id"], "key": "l", "value": "w"}]
        told = histories.one("delete", "history_metadata")(*place, made["id"])
        assert told == {"message": "metadata {} was deleted.".format(made["id"])}
        assert histories.one("get")(*place)["metadata"] == []
        kit.refused(404, histories.one("delete", "history_metadata"), *place, made["id"])


def check_type_of_the_deployment(kit: Kit) -> None:
    """A chat takes no single questions and the other way round, and the platform says so as the SDK does."""
    qa, chat = Histories(kit, "qa"), Histories(kit, "chat")
    kit.refused(400, chat.api.get_qa_histories, *chat.place[:2])
    kit.refused(400, chat.api.get_chat_histories, *qa.place)
    for path in (chat.deployment + "/qa_histories", qa.deployment + "/histories"):
        answer = kit.http("GET", "/opsbee-llm/organizations/{org}/deployments/" + path)
        assert answer.status == 400, answer.body
        assert "only" in answer.json["error_description"]


def check_one_text_is_enough(kit: Kit) -> None:
    """Since 2.3.1 one of the two texts may be empty."""
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        made = histories.one("create")(*histories.place, "", "a")
        assert (made["input_text"], made["output_text"]) == ("", "a")
        assert histories.one("get")(*histories.place, made["id"]) == made


def check_parts_of_the_list(kit: Kit) -> None:
    """What was updated last is first, and each part says how many there are in all."""
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        made = [histories.one("create")(*histories.place, text, "a")["id"] for text in ("a", "b", "c")]
        assert histories.texts() == ["c", "b", "a"]
        histories.one("update")(*histories.place, made[1], input_text="B")
        assert histories.texts() == ["B", "c", "a"]
        part = histories.listed(offset=1, limit=1)
        assert [each["id"] for each in part["histories"]] == [made[2]]
        assert (part["offset"], part["limit"], part["has_next"], part["total"]) == (1, 1, True, 3)


def check_search(kit: Kit) -> None:
    """A search finds by texts, counts, tags, metadata and times, and the total is of what it finds."""
    kit.takes(kit.api("opsbeellm.history").get_qa_histories, "search_query")
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        tag = histories.api.create_tag(kit.organization, "OK")["id"]
        histories.one("create")(*histories.place, "ABEJA とは", "a", 20, 1, [tag], [{"m1": "x"}, {"m2": "y"}])
        histories.one("create")(*histories.place, "other", "a", 5, 1, [], [{"m1": "x"}])
        for query, expected in [
            ('input_text:"ABEJA*" AND input_token_count:>=10 AND metadata_key:m1 AND metadata_key:m2', ["ABEJA とは"]),
            ("tag_name:OK OR input_text:other", ["other", "ABEJA とは"]),
            ("tag_id:" + tag, ["ABEJA とは"]),
            ("metadata_value:x AND input_token_count:<10", ["other"]),
            ('created_at:<"2001-09-17T00:00:00"', []),
        ]:
            assert histories.texts(search_query=query) == expected, query
            assert histories.listed(search_query=query, limit=1)["total"] == len(expected)
        kit.refused(400, histories.listed, search_query="nothing:1")


def check_order(kit: Kit) -> None:
    """Since 2.3.4 a client says by what histories are sorted."""
    kit.takes(kit.api("opsbeellm.history").get_qa_histories, "sort_by", "sort_order")
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        for text, count in (("b", 10), ("a", 9), ("c", 100)):
            histories.one("create")(*histories.place, text, "", count)
        assert histories.texts(sort_by="input_text", sort_order="asc") == ["a", "b", "c"]
        assert histories.texts(sort_by="input_token_count", sort_order="desc") == ["c", "b", "a"]
        assert histories.texts(sort_by="id", sort_order="asc", offset=1, limit=1) == ["a"]
        listed = histories.listed(sort_by="created_at", sort_order="asc")
        assert (listed["sort_by"], listed["sort_order"]) == ("created_at", "asc")
        kit.refused(400, histories.listed, sort_by="color")


def check_into_a_dataset(kit: Kit) -> None:
    """Since 2.3.4 histories become items of a dataset, which stay when the histories go."""
    api = kit.api("opsbeellm.dataset")
    for histories in (Histories(kit, "qa"), Histories(kit, "chat")):
        add = getattr(histories.api, f"add_{histories.type}_histories_to_dataset")
        dataset = api.create_dataset(kit.organization, "questions", "qa")["id"]
        tag = histories.api.create_tag(kit.organization, "OK")["id"]
        place = (*histories.place, histories.one("create")(*histories.place, "q", "a", 1, 1, [tag], [{"k": "v"}])["id"])
        told = add(kit.organization, histories.deployment, dataset, [place[-1]])
        said = "qa histories" if histories.type == "qa" else "histories"
        assert told == {"message": f"Successfully added {said} to dataset {dataset}"}
        (item,) = api.get_dataset_items(kit.organization, dataset)["items"]
        assert {"input_text": "q"} in item["inputs"]
        assert {"output_text": "a"} in item["outputs"]
        assert (item["tags"], item["metadata"]) == (["OK"], [{"k": "v"}])
        kit.refused(400, add, kit.organization, histories.deployment, dataset, [place[-1], "1999999999999"])
        histories.one("delete")(*place)
        assert api.get_dataset_items(kit.organization, dataset)["items"] == [item]
        assert api.get_dataset(kit.organization, dataset)["item_count"] == 1
