"""Datasets and their items, through the client of the API."""

from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LABELS = [{"label_id": 1, "label": "dog"}, {"label_id": 2, "label": "cat"}]
PROPS = {"categories": [{"category_id": 1, "name": "kind", "labels": LABELS}]}


def source(number: int = 0) -> "list[dict[str, Any]]":
    """Return source data that differs from number to number."""
    return [{"data_uri": f"datalake://1230000000000/file-{number}", "data_type": "text/plain"}]


def labelled(label: str, **others: "Any") -> "dict[str, Any]":
    """Return attributes with one label."""
    label_id = next(each["label_id"] for each in LABELS if each["label"] == label)
    return dict({"classification": [{"category_id": 1, "label_id": label_id, "label": label}]}, **others)


def made(kit: Kit, name: str = "animals", items: int = 0) -> str:
    """Make a dataset with that many items, dogs and cats by turns, and return its id."""
    api = kit.api("datasets")
    dataset_id = str(api.create_dataset(kit.organization, name, "classification", PROPS)["dataset_id"])
    for number in range(items):
        api.create_dataset_item(kit.organization, dataset_id, source(number), labelled(("dog", "cat")[number % 2]))
    return dataset_id


def check_life_of_a_dataset(kit: Kit) -> None:
    """What is created is shown, listed and counted, and gone once it is deleted."""
    api, organization = kit.api("datasets"), kit.organization
    assert api.list_datasets(organization) == []
    created = api.create_dataset(organization, "dogs", "classification", PROPS)
    assert (created["name"], created["type"], created["props"]) == ("dogs", "classification", PROPS)
    assert created["organization_id"] == organization
    dataset_id = created["dataset_id"]
    assert api.get_dataset(organization, dataset_id) == dict(created, total_count=0)
    assert api.list_datasets(organization) == [dict(created, total_count=0)]
    for total in (1, 2):
        api.create_dataset_item(organization, dataset_id, source(), None)
        assert api.get_dataset(organization, dataset_id)["total_count"] == total
        assert [each["total_count"] for each in api.list_datasets(organization)] == [total]
    assert api.delete_dataset(organization, dataset_id) == dict(created, total_count=2)
    assert api.list_datasets(organization) == []
    kit.refused(404, api.get_dataset, organization, dataset_id)
    kit.refused(404, api.delete_dataset, organization, dataset_id)


def check_names_of_datasets(kit: Kit) -> None:
    """One name is one dataset: a second one is refused and changes nothing, until the first is deleted."""
    api, organization = kit.api("datasets"), kit.organization
    first = made(kit, "animals", items=1)
    kit.refused(400, api.create_dataset, organization, "animals", "detection", {})
    kit.refused(400, api.create_dataset, organization, "", "detection", {})
    kept = api.list_datasets(organization)
    assert [(each["dataset_id"], each["type"], each["total_count"]) for each in kept] == [(first, "classification", 1)]
    api.delete_dataset(organization, first)
    second = made(kit, "animals")
    assert second != first
    assert api.get_dataset(organization, second)["total_count"] == 0


def check_listing_datasets(kit: Kit) -> None:
    """They are listed in order of creation, as many as are asked for, from where it is asked."""
    api, organization = kit.api("datasets"), kit.organization
    ids = [made(kit, f"set {number}") for number in range(3)]

    def listed(**options: "Any") -> "list[str]":
        return [each["dataset_id"] for each in api.list_datasets(organization, **options)]

    assert listed() == ids
    assert listed(max_results=2) == ids[:2]
    assert listed(max_results=1, next_token="1") == ids[1:2]
    assert listed(next_token="3") == []
    api.delete_dataset(organization, ids[1])
    assert listed() == [ids[0], ids[2]]


def check_life_of_an_item(kit: Kit) -> None:
    """An item is shown as it was made, by its own id and in its dataset only, until it is deleted."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id, other_id = made(kit, items=1), made(kit, "others")
    created = api.create_dataset_item(organization, dataset_id, source(7), labelled("cat", custom={"any": [1, None]}))
    item_id = created["dataset_item_id"]
    assert created["source_data"] == source(7)
    assert created["attributes"] == labelled("cat", custom={"any": [1, None]})
    assert created["dataset_id"] == dataset_id
    assert api.get_dataset_item(organization, dataset_id, item_id) == created
    items = api.list_dataset_items(organization, dataset_id)["items"]
    assert len(items) == 2
    assert items[1] == created
    assert items[0]["dataset_item_id"] != item_id
    kit.refused(404, api.get_dataset_item, organization, other_id, item_id)
    assert api.delete_dataset_item(organization, dataset_id, item_id) == created
    assert api.list_dataset_items(organization, dataset_id)["items"] == items[:1]
    assert api.get_dataset(organization, dataset_id)["total_count"] == 1
    kit.refused(404, api.get_dataset_item, organization, dataset_id, item_id)
    kit.refused(404, api.delete_dataset_item, organization, dataset_id, item_id)
    again = api.create_dataset_item(organization, dataset_id, source(7), None)
    assert again["dataset_item_id"] != item_id


def check_updating_an_item(kit: Kit) -> None:
    """The attributes are replaced as a whole; source data and time of creation stay, the other items too."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id = made(kit, items=2)
    first, second = api.list_dataset_items(organization, dataset_id)["items"]
    changed = api.update_dataset_item(organization, dataset_id, first["dataset_item_id"], {"note": "none of these"})
    assert changed["updated_at"] > first["updated_at"]
    assert changed == dict(first, attributes={"note": "none of these"}, updated_at=changed["updated_at"])
    assert api.get_dataset_item(organization, dataset_id, first["dataset_item_id"]) == changed
    assert api.list_dataset_items(organization, dataset_id)["items"] == [changed, second]
    kit.refused(404, api.update_dataset_item, organization, dataset_id, 999, {})
    kit.refused(404, api.update_dataset_item, organization, "1999999999999", 0, {})


def check_updating_many_items(kit: Kit) -> None:
    """Those that are named are changed, all of them or none."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id = made(kit, items=3)
    before = api.list_dataset_items(organization, dataset_id)["items"]
    ids = [each["dataset_item_id"] for each in before]
    wanted = [{"dataset_item_id": each, "attributes": {"seen": each}} for each in (ids[2], ids[0])]
    changed = api.bulk_update_dataset_item(organization, dataset_id, wanted)
    assert [(each["dataset_item_id"], each["attributes"]) for each in changed] == [
        (ids[2], {"seen": ids[2]}),
        (ids[0], {"seen": ids[0]}),
    ]
    after = api.list_dataset_items(organization, dataset_id)["items"]
    assert after == [changed[1], before[1], changed[0]]
    unknown = [{"dataset_item_id": ids[1], "attributes": {}}, {"dataset_item_id": 999, "attributes": {}}]
    kit.refused(400, api.bulk_update_dataset_item, organization, dataset_id, unknown)
    kit.refused(400, api.bulk_update_dataset_item, organization, "1999999999999", wanted)
    assert api.list_dataset_items(organization, dataset_id)["items"] == after


def check_pages_of_items(kit: Kit) -> None:
    """Every page with items has a token, the empty one behind the last has none; what comes meanwhile is not missed."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id, other_id = made(kit, items=5), made(kit, "others", items=3)
    every = api.list_dataset_items(organization, dataset_id)["items"]

    def page(token: "Any", dataset: str = dataset_id) -> "Any":
        asked = {"limit": 2} if token is None else {"limit": 2, "next_page_token": token}
        return api.list_dataset_items(organization, dataset, params=asked)

    first = page(None)
    assert (first["items"], first["total_count"]) == (every[:2], 5)
    second = page(first["next_page_token"])
    assert second["items"] == every[2:4]
    late = api.create_dataset_item(organization, dataset_id, source(9), None)
    api.delete_dataset_item(organization, dataset_id, every[0]["dataset_item_id"])
    third = page(second["next_page_token"])
    assert (third["items"], third["total_count"]) == ([every[4], late], 5)
    last = page(third["next_page_token"])
    assert (last["items"], last["next_page_token"]) == ([], None)
    # Only for the listing that it was given for.
    kit.refused(400, page, first["next_page_token"], other_id)
    kit.refused(400, page, first["next_page_token"][:-2] + "xx")
    kit.refused(400, api.list_dataset_items, organization, dataset_id, params={"limit": 0})


def check_search_of_items(kit: Kit) -> None:
    """Only what fits is listed and counted, on every page; a change of an item changes what fits."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id = made(kit, items=5)
    every = api.list_dataset_items(organization, dataset_id)["items"]

    def found(search: str) -> "list[Any]":
        answer = api.list_dataset_items(organization, dataset_id, params={"q": search})
        assert answer["total_count"] == len(answer["items"])
        return list(answer["items"])

    assert found("label:dog") == every[0::2]
    assert found("label_id:2") == every[1::2]
    assert found("label:dog AND label_id:2") == []
    assert found("label:dog OR label_id:2") == every
    page = api.list_dataset_items(organization, dataset_id, params={"q": "label:dog", "limit": 2})
    assert (page["items"], page["total_count"]) == ([every[0], every[2]], 3)
    other = {"q": "label:cat", "next_page_token": page["next_page_token"]}
    kit.refused(400, api.list_dataset_items, organization, dataset_id, params=other)
    page = api.list_dataset_items(
        organization, dataset_id, params={"limit": 2, "next_page_token": page["next_page_token"]}
    )
    assert (page["items"], page["total_count"]) == ([every[4]], 3)
    changed = api.update_dataset_item(organization, dataset_id, every[0]["dataset_item_id"], labelled("cat"))
    assert found("label:dog") == [every[2], every[4]]
    assert found("label:cat") == [changed, every[1], every[3]]
    kit.refused(400, api.list_dataset_items, organization, dataset_id, params={"q": "label:dog AND"})


def check_items_of_a_deleted_dataset(kit: Kit) -> None:
    """They are gone with it, and do not come back under its name."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id = made(kit, items=2)
    item_id = api.list_dataset_items(organization, dataset_id)["items"][0]["dataset_item_id"]
    api.delete_dataset(organization, dataset_id)
    kit.refused(404, api.list_dataset_items, organization, dataset_id)
    kit.refused(404, api.get_dataset_item, organization, dataset_id, item_id)
    kit.refused(400, api.create_dataset_item, organization, dataset_id, source(), None)
    assert api.list_dataset_items(organization, made(kit))["items"] == []


def check_items_that_no_client_could_read(kit: Kit) -> None:
    """Source data without a URI, or with one that the SDK has no file for, is refused and counts nowhere."""
    api, organization = kit.api("datasets"), kit.organization
    dataset_id = made(kit)
    for wrong in (
        {"data_type": "text/plain"},
        {"data_uri": "ftp://host/file"},
        {"data_uri": "datalake://1230000000000"},
    ):
        kit.refused(400, api.create_dataset_item, organization, dataset_id, [wrong], None)
    assert api.get_dataset(organization, dataset_id)["total_count"] == 0
