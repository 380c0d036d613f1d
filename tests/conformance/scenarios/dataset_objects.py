"""Datasets and their items, as objects, with the files behind them."""

from io import BytesIO

from .datasets import PROPS, labelled, source
from .kit import Kit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def uploaded(kit: Kit, *contents: bytes) -> "list[list[dict[str, str]]]":
    """Upload each content to a channel, and return the source data of an item for each."""
    channel = kit.module("datalake").Client().channels.create("files", "of items", "datalake")
    files = [channel.upload(BytesIO(content), "text/plain") for content in contents]
    return [[{"data_uri": file.uri, "data_type": "text/plain"}] for file in files]


def filled(kit: Kit, *sources: "list[dict[str, str]]") -> "Any":
    """Make a dataset with an item for each source, and return it."""
    client = kit.module("datasets").Client()
    dataset = client.datasets.create("animals", "classification", PROPS)
    for each in sources:
        dataset.dataset_items.create(each, labelled("dog"))
    return client.get_dataset(dataset.dataset_id)


def check_datasets(kit: Kit) -> None:
    """What is created is got by its id, listed in order, and gone once it is deleted."""
    client = kit.module("datasets").Client()
    assert client.datasets.list() == []
    made = [client.datasets.create(name, "detection", PROPS) for name in ("first", "second")]
    assert (made[0].name, made[0].type, made[0].props) == ("first", "detection", PROPS)
    assert made[0].organization_id == kit.organization
    made[0].dataset_items.create(source(), None)
    for got in (client.get_dataset(made[0].dataset_id), client.datasets.get(made[0].dataset_id)):
        assert (got.dataset_id, got.name, got.total_count) == (made[0].dataset_id, "first", 1)
        assert (got.created_at, got.updated_at) == (made[0].created_at, made[0].updated_at)
    assert [(each.name, each.total_count) for each in client.datasets.list()] == [("first", 1), ("second", 0)]
    assert client.datasets.delete(made[0].dataset_id).name == "first"
    assert [each.dataset_id for each in client.datasets.list()] == [made[1].dataset_id]
    kit.refused(404, client.get_dataset, made[0].dataset_id)


def check_items(kit: Kit) -> None:
    """An object says of an item what the API says, whichever call it came from."""
    api, dataset = kit.api("datasets"), filled(kit)
    items = dataset.dataset_items
    made = [items.create(source(number), labelled("dog")) for number in range(3)]
    ids = [each.dataset_item_id for each in made]

    def told(number: int) -> "Any":
        return api.get_dataset_item(kit.organization, dataset.dataset_id, ids[number])

    for number, item in enumerate(made):
        assert item.asdict() == items.get(item.dataset_item_id).asdict() == told(number)
        assert item.source_data[0].uri == source(number)[0]["data_uri"]
    assert items.update(ids[0], labelled("cat")).attributes == labelled("cat")
    assert told(0)["attributes"] == labelled("cat")
    changed = items.bulk_update([{"dataset_item_id": each, "attributes": {"seen": each}} for each in ids[1:]])
    assert [each.asdict() for each in changed] == [told(1), told(2)]
    assert items.get(ids[2]).attributes == {"seen": ids[2]}
    assert items.delete(ids[1]).asdict() == changed[0].asdict()
    assert [each.dataset_item_id for each in items.list()] == [ids[0], ids[2]]
    kit.refused(404, items.get, ids[1])


def check_walking_through_items(kit: Kit) -> None:
    """Each item comes once and in order, whatever the size of a page, and from a token on only those behind it."""
    dataset = filled(kit, *map(source, range(5)))
    ids = [each.dataset_item_id for each in dataset.dataset_items.list()]
    assert len(set(ids)) == 5
    for limit in (1, 2, 5, 6):
        assert [each.dataset_item_id for each in dataset.dataset_items.list(limit=limit)] == ids
    page = kit.api("datasets").list_dataset_items(kit.organization, dataset.dataset_id, params={"limit": 3})
    rest = dataset.dataset_items.list(next_page_token=page["next_page_token"])
    assert [each.dataset_item_id for each in rest] == ids[3:]
    walk = dataset.dataset_items.list(limit=2)
    assert [next(walk).dataset_item_id for _ in range(3)] == ids[:3]
    assert [each.dataset_item_id for each in walk] == ids[3:]


def check_content(kit: Kit) -> None:
    """An item leads to the bytes that were uploaded; once they are deleted, only to those kept before."""
    contents = [f"content {number}".encode() for number in range(7)]
    sources = uploaded(kit, *contents)
    dataset, datalake = filled(kit, *sources), kit.api("datalake")
    walked = list(dataset.dataset_items.list(limit=3))
    assert [each.source_data[0].get_content(cache=False) for each in walked] == contents
    fetched = list(dataset.dataset_items.list(limit=3, prefetch=True))
    assert sorted(each.dataset_item_id for each in fetched) == [each.dataset_item_id for each in walked]
    for item in walked:
        datalake.delete_channel_file(item.source_data[0].channel_id, item.source_data[0].file_id)
    assert [each.source_data[0].get_content() for each in walked] == contents
    kit.refused(404, walked[0].source_data[0].get_content, cache=False)


def check_content_behind_a_plain_address(kit: Kit) -> None:
    """An item may name a file by an address of HTTP instead of the datalake's."""
    kit.module("common.http_file")
    (source_data,) = uploaded(kit, b"content")
    channel_id, file_id = source_data[0]["data_uri"].split("/")[2:]
    address = kit.api("datalake").get_channel_file_download(channel_id, file_id)["download_uri"]
    dataset = filled(kit, [{"data_uri": address}])
    (item,) = dataset.dataset_items.list()
    assert item.asdict()["source_data"] == [{"data_uri": address}]
    assert item.source_data[0].get_content(cache=False) == b"content"
