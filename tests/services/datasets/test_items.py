"""Items of a dataset: adding, showing, searching, updating and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.datasets.api.client import APIClient
from hypothesis import HealthCheck, given, settings

from tests.services.datasets.test_datasets import ANIMALS, JSON
from tests.services.wire import NO_ZONE, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datasets.client import Client
    from abeja.datasets.dataset import Dataset

    from abeja_emulator.platform import Platform

FILE = "datalake://1230000000000/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"
SOURCE = [{"data_type": "image/jpeg", "data_uri": FILE, "width": 200, "height": 500}]
DOG = {"classification": [{"category_id": 1, "label_id": 1, "label": "dog"}]}
CAT = {"classification": [{"category_id": 1, "label_id": 2, "label": "cat"}]}


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client."""
    return APIClient()


@pytest.fixture
def dataset(datasets: Client) -> Dataset:
    """A dataset without items."""
    return datasets.datasets.create("animals", "classification", ANIMALS)


@pytest.fixture
def items(dataset: Dataset) -> str:
    """Path of the dataset's items."""
    return f"/organizations/{dataset.organization_id}/datasets/{dataset.dataset_id}/items"


class TestCreate:
    """POST …/items."""

    def test_one(self, api: APIClient, organization: str, dataset: Dataset) -> None:
        """An item shows what was sent; it has a number for an id, and no organization, which the SDK cannot take."""
        created = api.create_dataset_item(organization, dataset.dataset_id, SOURCE, DOG)
        check_answer("create_dataset_item", created)
        assert set(created) == {
            "dataset_id",
            "dataset_item_id",
            "source_data",
            "attributes",
            "created_at",
            "updated_at",
        }
        assert isinstance(created["dataset_item_id"], int)
        assert created["dataset_id"] == dataset.dataset_id
        assert (created["source_data"], created["attributes"]) == (SOURCE, DOG)
        assert NO_ZONE.fullmatch(created["created_at"])
        assert created["updated_at"] == created["created_at"]
        assert api.get_dataset_item(organization, dataset.dataset_id, created["dataset_item_id"]) == created

    def test_as_object(self, dataset: Dataset) -> None:
        """The SDK's item knows its file and its attributes, and can be written back as a dictionary."""
        item = dataset.dataset_items.create(source_data=SOURCE, attributes=DOG)
        (file,) = item.source_data
        assert (file.uri, file.type, file.width, file.height) == (FILE, "image/jpeg", 200, 500)
        assert (file.channel_id, file.file_id) == tuple(FILE.partition("://")[2].split("/"))
        again = dataset.dataset_items.get(item.dataset_item_id)
        assert again.asdict() == item.asdict()
        assert again.organization_id == dataset.organization_id

    def test_array(self, wire: Wire, items: str) -> None:
        """An array of items, as the CLI imports them, comes back as an array, in its order."""
        entries = [{"source_data": SOURCE, "attributes": {"number": number}} for number in range(500)]
        created = wire("POST", items, json=entries).json()
        check_answer("create_dataset_item", created)
        assert [item["attributes"]["number"] for item in created] == list(range(500))
        listed = wire("GET", f"{items}?limit=1000").json()
        assert listed["items"] == created
        assert listed["total_count"] == 500

    def test_array_all_or_none(self, wire: Wire, datasets: Client, dataset: Dataset, items: str) -> None:
        """One wrong item of an array, wherever it stands, and none of them is there."""
        right, wrong = {"source_data": SOURCE}, {"source_data": [{"data_uri": "s3://bucket/key"}]}
        for entries in ([wrong, right], [right, wrong], [right, right, {}]):
            check_refusal(wire("POST", items, json=entries), 400)
            assert datasets.get_dataset(dataset.dataset_id).total_count == 0
        assert wire("POST", items, json=[]).json() == []

    @given(attributes=JSON)
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_attributes_are_free_json(self, dataset: Dataset, attributes: Any) -> None:
        """Any JSON survives as attributes, when an item is created and when it is updated."""
        item = dataset.dataset_items.create(SOURCE, attributes)
        assert (item.attributes, type(item.attributes)) == (attributes, type(attributes))
        updated = dataset.dataset_items.update(item.dataset_item_id, {"custom": attributes})
        assert updated.attributes == {"custom": attributes}
        assert dataset.dataset_items.get(item.dataset_item_id).attributes == {"custom": attributes}

    def test_attributes_may_be_missing(self, api: APIClient, organization: str, dataset: Dataset, wire: Wire) -> None:
        """An item without attributes has null: the SDK sends null, others nothing."""
        assert api.create_dataset_item(organization, dataset.dataset_id, SOURCE)["attributes"] is None
        path = f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items"
        assert wire("POST", path, json={"source_data": SOURCE}).json()["attributes"] is None

    def test_unknown_dataset(self, api: APIClient, organization: str) -> None:
        """Items of a dataset that does not exist are 400, as documented, not 404."""
        with pytest.raises(abeja.exceptions.BadRequest, match="1999999999999"):
            api.create_dataset_item(organization, "1999999999999", SOURCE, {})


class TestSourceData:
    """Which files an item may have."""

    @pytest.mark.parametrize(
        "uri",
        [
            FILE,
            "datalake://1230000000000/20240102T030405-not-there",
            "http://example.com/a.jpg",
            "https://example.com:8443/a/b.jpg?size=3#x",
            "HTTPS://example.com/a.jpg",
        ],
    )
    def test_readable(self, dataset: Dataset, uri: str) -> None:
        """What the SDK can read is kept as it was sent; whether something is there is not asked."""
        item = dataset.dataset_items.create([{"data_uri": uri}], {})
        assert [file.uri for file in item.source_data] == [uri]
        assert dataset.dataset_items.get(item.dataset_item_id).asdict()["source_data"] == [{"data_uri": uri}]

    @pytest.mark.parametrize(
        "uri",
        [
            "s3://bucket/key",
            "file:///etc/passwd",
            "/a/path",
            "",
            "datalake:",
            "datalake:///file",
            "datalake://1230000000000",
            "datalake://1230000000000/",
            "http://",
            "https:example.com",
            "http://[::1",
            None,
            7,
            ["datalake://1/2"],
        ],
    )
    def test_unreadable(self, wire: Wire, items: str, uri: Any) -> None:
        """Any other URI is 400 and shown: an item that no client can read would break every listing."""
        check_refusal(wire("POST", items, json={"source_data": [{"data_uri": uri}]}), 400, repr(uri), "datalake://")

    def test_missing_uri(self, wire: Wire, items: str) -> None:
        """Source data without data_uri is 400."""
        check_refusal(wire("POST", items, json={"source_data": [{"data_type": "text/plain"}]}), 400, "needs a data_uri")
        check_refusal(wire("POST", items, json={"source_data": [*SOURCE, {}]}), 400, "needs a data_uri")

    @pytest.mark.parametrize("key", ["api", "client", "type", "uri"])
    def test_keys_the_sdk_cannot_take(self, wire: Wire, items: str, key: str) -> None:
        """Keys that are a TypeError in every SDK are 400 when the item is created, not when somebody reads it."""
        check_refusal(wire("POST", items, json={"source_data": [{**SOURCE[0], key: "x"}]}), 400, repr(key))

    @pytest.mark.parametrize("source_data", [None, {}, "x", [None], ["x"]])
    def test_no_list_of_objects(self, wire: Wire, items: str, source_data: Any) -> None:
        """Source data is an array of objects, or 400."""
        check_refusal(wire("POST", items, json={"source_data": source_data}), 400, "source_data")

    def test_several_and_none(self, dataset: Dataset) -> None:
        """An item may have several files, or none; other keys of theirs are kept."""
        sources = [{"data_uri": "https://example.com/a", "角度": [1, {"x": None}]}, {"data_uri": FILE}]
        item = dataset.dataset_items.create(sources, {})
        assert [file.uri for file in item.source_data] == ["https://example.com/a", FILE]
        assert dataset.dataset_items.create([], {}).source_data == []


class TestUpdate:
    """PUT of one item and of several."""

    def test_replaces(self, api: APIClient, organization: str, dataset: Dataset, platform: Platform) -> None:
        """New attributes take the place of the old ones whole; only they and updated_at change."""
        created = api.create_dataset_item(organization, dataset.dataset_id, SOURCE, {"old": 1, **DOG})
        platform.clock.advance(1)
        updated = api.update_dataset_item(organization, dataset.dataset_id, created["dataset_item_id"], CAT)
        check_answer("update_dataset_item", updated)
        assert updated["updated_at"] > created["updated_at"]
        assert updated == {**created, "attributes": CAT, "updated_at": updated["updated_at"]}
        assert api.get_dataset_item(organization, dataset.dataset_id, created["dataset_item_id"]) == updated

    def test_order_stays(self, dataset: Dataset) -> None:
        """An updated item keeps its place in the list."""
        numbers = [dataset.dataset_items.create(SOURCE, {}).dataset_item_id for _ in range(3)]
        dataset.dataset_items.update(numbers[0], {"new": True})
        assert [item.dataset_item_id for item in dataset.dataset_items.list()] == numbers

    def test_bulk(self, api: APIClient, organization: str, dataset: Dataset) -> None:
        """Several items at once, answered in the order asked for; the others stay."""
        created = [dataset.dataset_items.create(SOURCE, DOG) for _ in range(3)]
        entries = [
            {"dataset_item_id": created[2].dataset_item_id, "attributes": {"n": 2}},
            {"dataset_item_id": created[0].dataset_item_id, "attributes": CAT},
        ]
        answer = api.bulk_update_dataset_item(organization, dataset.dataset_id, entries)
        check_answer("bulk_update_dataset_item", answer)
        assert [(item["dataset_item_id"], item["attributes"]) for item in answer] == [
            (entry["dataset_item_id"], entry["attributes"]) for entry in entries
        ]
        assert [item.attributes for item in dataset.dataset_items.list()] == [CAT, DOG, {"n": 2}]
        assert [item.attributes for item in dataset.dataset_items.bulk_update(entries)] == [{"n": 2}, CAT]

    def test_bulk_all_or_none(self, dataset: Dataset) -> None:
        """One item that does not exist, and no other is updated: 400, as documented, not 404."""
        item = dataset.dataset_items.create(SOURCE, DOG)
        entries = [
            {"dataset_item_id": item.dataset_item_id, "attributes": CAT},
            {"dataset_item_id": 999, "attributes": CAT},
        ]
        for order in (entries, entries[::-1]):
            with pytest.raises(abeja.exceptions.BadRequest, match="999"):
                dataset.dataset_items.bulk_update(order)
            assert dataset.dataset_items.get(item.dataset_item_id).attributes == DOG

    @pytest.mark.parametrize(
        "body", [None, {}, [{}], [{"dataset_item_id": 1}], [{"attributes": {}}], [{"dataset_item_id": "x"}]]
    )
    def test_bulk_body(self, wire: Wire, items: str, body: Any) -> None:
        """Each entry of a bulk update has a number and attributes, or all is 400."""
        check_refusal(wire("PUT", items, json=body), 400, "bulk_update_dataset_item")

    def test_bulk_unknown_dataset(self, api: APIClient, organization: str) -> None:
        """A bulk update of a dataset that does not exist is 400, as documented, even of nothing."""
        for entries in ([{"dataset_item_id": 1, "attributes": {}}], []):
            with pytest.raises(abeja.exceptions.BadRequest, match="1999999999999"):
                api.bulk_update_dataset_item(organization, "1999999999999", entries)


class TestOne:
    """GET and DELETE of one item."""

    def test_delete(self, api: APIClient, organization: str, dataset: Dataset) -> None:
        """A deleted item is shown once more; its number never comes back."""
        created = api.create_dataset_item(organization, dataset.dataset_id, SOURCE, DOG)
        number = created["dataset_item_id"]
        deleted = api.delete_dataset_item(organization, dataset.dataset_id, number)
        check_answer("delete_dataset_item", deleted)
        assert deleted == created
        for gone in (api.get_dataset_item, api.delete_dataset_item, api.update_dataset_item):
            with pytest.raises(abeja.exceptions.NotFound, match=f"no item {number}"):
                gone(organization, dataset.dataset_id, number)
        assert dataset.dataset_items.create(SOURCE, DOG).dataset_item_id > number

    def test_delete_through_the_dataset(self, dataset: Dataset) -> None:
        """The SDK builds an item from the answer to a deletion."""
        item = dataset.dataset_items.create(SOURCE, DOG)
        assert dataset.dataset_items.delete(item.dataset_item_id).asdict() == item.asdict()
        assert list(dataset.dataset_items.list()) == []

    def test_item_of_another_dataset(self, datasets: Client, dataset: Dataset) -> None:
        """Items are numbered within their dataset; an item is not found through another one."""
        other = datasets.datasets.create("other", "custom", {})
        numbers = [dataset.dataset_items.create(SOURCE, {}).dataset_item_id for _ in range(2)]
        for number in numbers:
            with pytest.raises(abeja.exceptions.NotFound):
                other.dataset_items.get(number)

    @pytest.mark.parametrize("number", ["0", "-1", "01", "x", "%31%20", "1" * 40])
    def test_no_item(self, wire: Wire, dataset: Dataset, items: str, number: str) -> None:
        """What is no number of an item is 404."""
        dataset.dataset_items.create(SOURCE, {})
        check_refusal(wire("GET", f"{items}/{number}"), 404, "has no item")


class TestSearch:
    """The parameter `q` of the list."""

    @pytest.mark.parametrize(
        ("search", "found"),
        [
            ("label:dog", [0, 2]),
            ("label_id:2", [1]),
            ("label:dog AND tag:A", [0]),
            ("label_id:1 AND label:dog OR tag:B", [0, 1, 2]),
            ("label_id:1 AND (tag:B OR tag:C)", [2]),
            ("score:>=0.5", [1, 2]),
            ("label:bird", []),
        ],
    )
    def test_finds(self, api: APIClient, organization: str, dataset: Dataset, search: str, found: list[int]) -> None:
        """The items that fit, and no other; total_count counts those."""
        for labels, tag, score in ((DOG, "A", 0.25), (CAT, "B", 0.5), (DOG, "C", 10)):
            dataset.dataset_items.create(SOURCE, {**labels, "tag": tag, "custom": {"score": score}})
        every = [item.dataset_item_id for item in dataset.dataset_items.list()]
        page = api.list_dataset_items(organization, dataset.dataset_id, params={"q": search})
        check_answer("list_dataset_items", page)
        assert [item["dataset_item_id"] for item in page["items"]] == [every[place] for place in found]
        assert page["total_count"] == len(found)

    def test_token_carries_the_search(self, wire: Wire, dataset: Dataset, items: str) -> None:
        """The CLI drops `q` behind the first page: the token knows it, and total_count stays that of the search."""
        for number in range(10):
            dataset.dataset_items.create(SOURCE, DOG if number % 2 else CAT)
        page = wire("GET", f"{items}?q=label:dog&limit=2").json()
        seen = []
        while page["next_page_token"]:
            assert page["total_count"] == 5
            seen += page["items"]
            page = wire("GET", items, params={"next_page_token": page["next_page_token"]}).json()
        assert [item["attributes"] for item in seen] == [DOG] * 5
        assert page == {"items": [], "total_count": 5, "next_page_token": None}

    def test_token_of_another_search(self, wire: Wire, dataset: Dataset, items: str) -> None:
        """A token may come with its own search, and with no other."""
        dataset.dataset_items.create(SOURCE, DOG)
        token = wire("GET", f"{items}?q=label:dog").json()["next_page_token"]
        assert wire("GET", items, params={"q": "label:dog", "next_page_token": token}).json()["items"] == []
        check_refusal(wire("GET", items, params={"q": "label:cat", "next_page_token": token}), 400, "label:dog")

    @pytest.mark.parametrize("search", ["label", "label:", ":dog", "(label:dog", '"', "label:dog AND", "%20"])
    def test_not_understood(self, wire: Wire, items: str, search: str) -> None:
        """A search that is not well-formed is 400 and shown."""
        check_refusal(wire("GET", f"{items}?q={search}"), 400, "is not understood")
