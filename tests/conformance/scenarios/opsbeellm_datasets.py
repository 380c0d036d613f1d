"""OpsBeeLLM: datasets and their items."""

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check_life_of_a_dataset(kit: Kit) -> None:
    """What is created is shown, listed, changed, and gone once it is deleted."""
    api, organization = kit.api("opsbeellm.dataset"), kit.organization
    assert api.get_datasets(organization)["datasets"] == []
    made = api.create_dataset(organization, "questions", "qa", "of users")
    assert (made["name"], made["type"], made["description"], made["item_count"]) == ("questions", "qa", "of users", 0)
    assert api.get_dataset(organization, made["id"]) == made
    changed = api.update_dataset(organization, made["id"], "answers")
    assert (changed["name"], changed["type"], changed["description"]) == ("answers", "qa", "")
    assert changed["created_at"] == made["created_at"]
    assert api.get_dataset(organization, made["id"]) == changed
    assert api.get_datasets(organization)["datasets"] == [changed]
    assert api.delete_dataset(organization, made["id"]) == changed
    assert api.get_datasets(organization)["datasets"] == []
    kit.refused(404, api.get_dataset, organization, made["id"])
    kit.refused(404, api.update_dataset, organization, made["id"], "again")
    kit.refused(404, api.delete_dataset, organization, made["id"])


def check_parts_of_the_list(kit: Kit) -> None:
    """Newest first; each part says whether there is more behind it."""
    api, organization = kit.api("opsbeellm.dataset"), kit.organization
    made = [api.create_dataset(organization, name, "llm")["id"] for name in ("a", "b", "c")]
    first = api.get_datasets(organization, offset=0, limit=2)
    assert [each["id"] for each in first["datasets"]] == [made[2], made[1]]
    assert (first["offset"], first["limit"], first["has_next"]) == (0, 2, True)
    second = api.get_datasets(organization, offset=2, limit=2)
    assert [each["id"] for each in second["datasets"]] == [made[0]]
    assert second["has_next"] is False


def check_items(kit: Kit) -> None:
    """Items are counted at their dataset, listed, and deleted one by one or with it."""
    api, organization = kit.api("opsbeellm.dataset"), kit.organization
    dataset = api.create_dataset(organization, "questions", "qa")["id"]
    first = _item(kit, dataset, "q1", "a1", ["OK"])
    second = api.create_dataset_item(organization, dataset, [{"input_text": "q2"}], [{"output_text": "a2"}])
    assert first["inputs"] == [{"input_text": "q1"}]
    assert first["outputs"] == [{"output_text": "a1"}]
    assert first["tags"] == ["OK"]
    assert first["metadata"] == [{"from": "q1"}]
    assert (second["tags"], second["metadata"]) == ([], [])
    assert api.get_dataset_item(organization, dataset, first["id"]) == first
    assert api.get_dataset(organization, dataset)["item_count"] == 2
    listed = api.get_dataset_items(organization, dataset)
    assert (listed["items"], listed["total"]) == ([second, first], 2)
    assert api.delete_dataset_item(organization, dataset, first["id"]) == first
    assert api.get_dataset(organization, dataset)["item_count"] == 1
    kit.refused(404, api.get_dataset_item, organization, dataset, first["id"])
    api.delete_dataset(organization, dataset)
    kit.refused(404, api.get_dataset_item, organization, dataset, second["id"])
    kit.refused(404, api.get_dataset_items, organization, dataset)


def check_search_for_items(kit: Kit) -> None:
    """A search finds by keys, values, tags and metadata, with stars, and the total is of what it finds."""
    api, organization = kit.api("opsbeellm.dataset"), kit.organization
    kit.takes(api.get_dataset_items, "search_query")
    dataset = api.create_dataset(organization, "questions", "qa")["id"]
    abeja = _item(kit, dataset, "ABEJA とは", "a bee", ["OK"])["id"]
    other = _item(kit, dataset, "What else?", "nothing", ["OK", "NG"])["id"]
    for query, expected in [
        ('input_values:"ABEJA*"', [abeja]),
        ("input_keys:input_* AND output_keys:output_text", [other, abeja]),
        ("tag_values:OK AND tag_values:NG", [other]),
        ('output_values:"a bee" OR tag_values:NG', [other, abeja]),
        ('metadata_keys:from AND metadata_values:"What else?"', [other]),
        ("item_id:" + abeja, [abeja]),
        ('created_at:>="2001-09-17T00:00:00" AND updated_at:<="2001-09-17T00:00:00"', []),
    ]:
        found = api.get_dataset_items(organization, dataset, search_query=query)
        assert ([each["id"] for each in found["items"]], found["total"]) == (expected, len(expected)), query
    kit.refused(400, api.get_dataset_items, organization, dataset, search_query="color:red")


def _item(kit: Kit, dataset: str, asked: str, answered: str, tags: "list[str]") -> "Any":
    return kit.api("opsbeellm.dataset").create_dataset_item(
        kit.organization, dataset, [{"input_text": asked}], [{"output_text": answered}], tags, [{"from": asked}]
    )
