"""Datasets: creating, listing, showing and deleting them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from abeja.datasets.api.client import APIClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.datasets.records import DatasetItem
from tests.services.wire import NO_ZONE, PLATFORM_ID, Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from abeja.datasets.client import Client

    from abeja_emulator.platform import Platform

COLLECTION = "/organizations/{org}/datasets"
ANIMALS = {
    "categories": [
        {
            "category_id": 1,
            "name": "animals",
            "labels": [{"label_id": 1, "label": "dog"}, {"label_id": 2, "label": "cat"}],
        }
    ]
}
#: Props as samples of the platform have them, far from the documented form.
CAMVID = {"attributes": [{"色": [64, 128, 64], "label": None, "nested": {"": [True, 1.5, -(2**63), 2**64]}}]}
SOURCE = [{"data_uri": "datalake://1230000000000/20240102T030405-6f1c2b3a-1111-4222-8333-444455556666"}]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture
def api(platform: Platform) -> APIClient:
    """The SDK's low-level client."""
    return APIClient()


class TestCreate:
    """POST /organizations/{organization_id}/datasets."""

    def test_answer(self, api: APIClient, organization: str) -> None:
        """A new dataset shows what was sent, an id, its organization, no items, and times without a zone."""
        created = api.create_dataset(organization, "animals", "classification", ANIMALS)
        check_answer("create_dataset", created)
        assert PLATFORM_ID.fullmatch(created["dataset_id"])
        assert NO_ZONE.fullmatch(created["created_at"])
        assert created["updated_at"] == created["created_at"]
        assert {key: created[key] for key in ("organization_id", "name", "type", "props", "total_count")} == {
            "organization_id": organization,
            "name": "animals",
            "type": "classification",
            "props": ANIMALS,
            "total_count": 0,
        }

    @pytest.mark.parametrize("props", [ANIMALS, CAMVID, {}, [], None, "text", 0])
    def test_props_are_not_checked(self, datasets: Client, props: Any) -> None:
        """Props come back as they were sent, whatever they are."""
        created = datasets.datasets.create("a", "custom", props)
        assert created.props == props
        assert datasets.get_dataset(created.dataset_id).props == props

    @given(props=JSON)
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_props_are_free_json(self, datasets: Client, props: Any) -> None:
        """Any JSON, in any language and of any size of number, survives."""
        created = datasets.datasets.create("a", "custom", props)
        found = datasets.datasets.delete(created.dataset_id)
        assert (found.props, type(found.props)) == (props, type(props))

    def test_name_exists(self, datasets: Client) -> None:
        """A second dataset of a name is 400 (not 409), and changes nothing."""
        first = datasets.datasets.create("flowers", "custom", {})
        with pytest.raises(abeja.exceptions.BadRequest) as refused:
            datasets.datasets.create("flowers", "classification", ANIMALS)
        assert "'flowers' exists already" in refused.value.error_description
        (kept,) = datasets.datasets.list()
        assert (kept.dataset_id, kept.type) == (first.dataset_id, "custom")

    def test_name_is_free_again(self, datasets: Client) -> None:
        """A deleted dataset leaves its name, but its id never comes back."""
        first = datasets.datasets.create("flowers", "custom", {})
        datasets.datasets.delete(first.dataset_id)
        assert datasets.datasets.create("flowers", "custom", {}).dataset_id != first.dataset_id

    def test_name_belongs_to_the_organization(self, platform: Platform, datasets: Client, api: APIClient) -> None:
        """Another organization may have a dataset of the same name; neither sees the other's."""
        other = platform.seed.organization("other-org").id
        mine = datasets.datasets.create("flowers", "custom", {})
        theirs = api.create_dataset(other, "flowers", "custom", {})
        assert theirs["organization_id"] == other
        assert [each["dataset_id"] for each in api.list_datasets(other)] == [theirs["dataset_id"]]
        with pytest.raises(abeja.exceptions.NotFound):
            api.get_dataset(other, mine.dataset_id)
        with pytest.raises(abeja.exceptions.NotFound):
            api.delete_dataset(other, mine.dataset_id)
        assert datasets.get_dataset(mine.dataset_id).name == "flowers"

    def test_two_at_once(self, platform: Platform, organization: str) -> None:
        """Of several threads that create one name at once, exactly one succeeds."""
        barrier = threading.Barrier(5)
        outcomes: list[str] = []

        def create() -> None:
            client = APIClient()
            barrier.wait()
            try:
                outcomes.append(client.create_dataset(organization, "flowers", "custom", {})["dataset_id"])
            except abeja.exceptions.BadRequest:
                outcomes.append("refused")

        threads = [threading.Thread(target=create) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("refused") == 4
        assert [dataset.dataset_id for dataset in platform.look.datasets()] == [
            outcome for outcome in outcomes if outcome != "refused"
        ]

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({"type": "custom", "props": {}}, "name"),
            ({"name": "a", "props": {}}, "type"),
            ({"name": "a", "type": "custom"}, "props"),
            ({"name": "", "type": "custom", "props": {}}, "name"),
            ({"name": 1, "type": "custom", "props": {}}, "name"),
            ({"name": "a", "type": None, "props": {}}, "type"),
            ([], "array"),
        ],
    )
    def test_insufficient(self, wire: Wire, body: Any, word: str) -> None:
        """What is missing or wrong is 400 and named."""
        check_refusal(wire("POST", COLLECTION, json=body), 400, word)
        assert wire("GET", COLLECTION).json() == []

    @pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name":"a","type":"c","props":NaN}'])
    def test_no_json(self, wire: Wire, body: bytes) -> None:
        """A body that is no JSON, or none at all, is 400."""
        check_refusal(wire("POST", COLLECTION, data=body), 400, "create_dataset")


class TestShow:
    """GET and DELETE of one dataset."""

    def test_get(self, api: APIClient, organization: str) -> None:
        """A dataset looks as it did when it was created."""
        created = api.create_dataset(organization, "animals", "classification", ANIMALS)
        found = api.get_dataset(organization, created["dataset_id"])
        check_answer("get_dataset", found)
        assert found == created

    def test_total_count_is_always_true(self, datasets: Client) -> None:
        """total_count follows every item that comes and goes, in the answers to get, list and delete alike."""
        dataset = datasets.datasets.create("a", "custom", {})
        other = datasets.datasets.create("b", "custom", {})
        other.dataset_items.create(SOURCE, {})

        def counts() -> tuple[int, int]:
            (listed,) = (each for each in datasets.datasets.list() if each.name == "a")
            return datasets.get_dataset(dataset.dataset_id).total_count, listed.total_count

        items = [dataset.dataset_items.create(SOURCE, {}) for _ in range(3)]
        assert counts() == (3, 3)
        dataset.dataset_items.delete(items[1].dataset_item_id)
        assert counts() == (2, 2)
        with pytest.raises(abeja.exceptions.NotFound):
            dataset.dataset_items.delete(items[1].dataset_item_id)
        assert counts() == (2, 2)
        dataset.dataset_items.update(items[0].dataset_item_id, {"new": True})
        assert counts() == (2, 2)
        assert datasets.datasets.delete(dataset.dataset_id).total_count == 2
        assert datasets.get_dataset(other.dataset_id).total_count == 1

    def test_delete(self, api: APIClient, organization: str, platform: Platform) -> None:
        """A deleted dataset is shown once more, and is gone with its items, which leave nothing behind."""
        created = api.create_dataset(organization, "animals", "classification", ANIMALS)
        identifier = created["dataset_id"]
        item = api.create_dataset_item(organization, identifier, SOURCE, {})
        deleted = api.delete_dataset(organization, identifier)
        check_answer("delete_dataset", deleted)
        assert deleted == {**created, "total_count": 1}
        assert api.list_datasets(organization) == []
        assert list(platform.world.store.table("dataset_item", DatasetItem).all()) == []
        with pytest.raises(abeja.exceptions.NotFound, match=identifier):
            api.list_dataset_items(organization, identifier)
        for call in (api.get_dataset, api.delete_dataset):
            with pytest.raises(abeja.exceptions.NotFound, match=identifier):
                call(organization, identifier)
        for call in (api.get_dataset_item, api.update_dataset_item, api.delete_dataset_item):
            with pytest.raises(abeja.exceptions.NotFound, match=identifier):
                call(organization, identifier, item["dataset_item_id"])

    def test_unknown_names_those_there_are(self, datasets: Client) -> None:
        """A wrong id is 404, and the refusal shows the datasets there are."""
        dataset = datasets.datasets.create("flowers", "custom", {})
        with pytest.raises(abeja.exceptions.NotFound) as refused:
            datasets.get_dataset("1999999999999")
        assert f"{dataset.dataset_id} (flowers)" in refused.value.error_description

    def test_unknown_organization(self, wire: Wire) -> None:
        """An organization that does not exist has no datasets: 404."""
        for method in ("GET", "POST"):
            check_refusal(wire(method, "/organizations/1999999999999/datasets"), 404, "1999999999999")


class TestList:
    """GET /organizations/{organization_id}/datasets."""

    def test_bare_array(self, api: APIClient, organization: str, datasets: Client) -> None:
        """The list is an array without an envelope, in order of creation."""
        assert api.list_datasets(organization) == []
        names = [datasets.datasets.create(name, "custom", ANIMALS).name for name in ("c", "a", "b")]
        listed = api.list_datasets(organization)
        check_answer("list_datasets", listed)
        assert [each["name"] for each in listed] == names
        assert [each.name for each in datasets.datasets.list()] == names

    def test_pages(self, api: APIClient, organization: str, datasets: Client) -> None:
        """max_results cuts the list, and next_token goes on behind what was seen."""
        names = [datasets.datasets.create(f"{number}", "custom", {}).name for number in range(5)]
        seen: list[str] = []
        while page := api.list_datasets(organization, max_results=2, next_token=str(len(seen)) if seen else None):
            assert len(page) <= 2
            seen += [each["name"] for each in page]
        assert seen == names

    @pytest.mark.parametrize(
        "query",
        [
            "max_results=-1",
            "max_results=0",
            "max_results=x",
            f"max_results={2**70}",
            "next_token=x",
            "next_token=-1",
            f"next_token={2**70}",
        ],
    )
    def test_no_numbers_of_datasets(self, wire: Wire, query: str) -> None:
        """A number that counts no datasets is 400."""
        check_refusal(wire("GET", f"{COLLECTION}?{query}"), 400, query.partition("=")[0])
