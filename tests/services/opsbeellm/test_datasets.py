"""Datasets and their items: what they take and what they refuse; what changes what is in `test_effects`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.opsbeellm.histories import TOP
from tests.services.wire import PLATFORM_ID, Wire, check_refusal

if TYPE_CHECKING:
    from abeja.opsbeellm.dataset import APIClient

    from abeja_emulator.platform import Platform

DATASETS = TOP + "/datasets"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=3)


class TestDatasets:
    """…/datasets and …/datasets/{dataset_id}."""

    @pytest.mark.parametrize("type_", ["qa", "llm"])
    def test_new(self, dataset_api: APIClient, organization: str, type_: str) -> None:
        """A new dataset has an id of the platform's form, no items, and was never updated."""
        made = dataset_api.create_dataset(organization, "データ", type_)
        assert PLATFORM_ID.fullmatch(made["id"])
        assert (made["organization_id"], made["name"], made["description"]) == (organization, "データ", "")
        assert (made["type"], made["item_count"]) == (type_, 0)
        assert made["created_at"] == made["updated_at"]

    def test_names_need_not_differ(self, dataset_api: APIClient, organization: str) -> None:
        """Two datasets may have one name; they are told apart by their ids."""
        first, second = (dataset_api.create_dataset(organization, "same", "qa")["id"] for _ in range(2))
        assert first != second
        dataset_api.delete_dataset(organization, first)
        assert [each["id"] for each in dataset_api.get_datasets(organization)["datasets"]] == [second]

    def test_description_that_is_not_sent_stays(self, wire: Wire, dataset_api: APIClient, organization: str) -> None:
        """PATCH changes what is sent; the SDK sends an empty description where none is given."""
        made = dataset_api.create_dataset(organization, "a", "qa", "words")
        path = f"{DATASETS}/{made['id']}"
        assert wire("PATCH", path, json={"name": "b"}).json()["description"] == "words"
        assert wire("PATCH", path, json={"name": "b", "description": None}).json()["description"] == "words"
        assert dataset_api.update_dataset(organization, made["id"], "b")["description"] == ""

    def test_another_organization(self, platform: Platform, dataset_api: APIClient, dataset: str) -> None:
        """Nothing of one organization is seen or changed from another one."""
        other = platform.seed.organization("other-org").id
        assert dataset_api.get_datasets(other)["datasets"] == []
        refusals: list[Callable[[], Any]] = [
            lambda: dataset_api.get_dataset(other, dataset),
            lambda: dataset_api.update_dataset(other, dataset, "mine"),
            lambda: dataset_api.delete_dataset(other, dataset),
            lambda: dataset_api.get_dataset_items(other, dataset),
            lambda: dataset_api.create_dataset_item(other, dataset, [{"i": 1}], [{"o": 1}]),
        ]
        for refused in refusals:
            with pytest.raises(abeja.exceptions.NotFound) as refusal:
                refused()
            assert dataset in refusal.value.error_description
        assert dataset_api.get_dataset(platform.organization.id, dataset)["name"] == "questions"

    def test_unknown_names_what_there_is(self, dataset_api: APIClient, organization: str, dataset: str) -> None:
        """The refusal of an id shows the datasets there are."""
        with pytest.raises(abeja.exceptions.NotFound) as refusal:
            dataset_api.get_dataset(organization, "1999999999999")
        assert f"{dataset} (questions)" in refusal.value.error_description

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({"type": "qa"}, "name"),
            ({"name": "", "type": "qa"}, "name"),
            ({"name": None, "type": "qa"}, "name"),
            ({"name": 1, "type": "qa"}, "name"),
            ({"name": "a"}, "type"),
            ({"name": "a", "type": "chat"}, "type"),
            ({"name": "a", "type": None}, "type"),
            ({"name": "a", "type": "qa", "description": 1}, "description"),
            ([], "array"),
        ],
    )
    def test_wrong(self, wire: Wire, body: Any, word: str) -> None:
        """What is missing or wrong is 400 and named, and nothing is made."""
        check_refusal(wire("POST", DATASETS, json=body), 400, word)
        assert wire("GET", DATASETS).json()["datasets"] == []

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": 1}, {"description": "b"}])
    def test_wrong_change(self, wire: Wire, dataset: str, body: Any) -> None:
        """A change needs a name too, and one that is refused changes nothing."""
        before = wire("GET", f"{DATASETS}/{dataset}").json()
        check_refusal(wire("PATCH", f"{DATASETS}/{dataset}", json=body), 400, "name")
        assert wire("GET", f"{DATASETS}/{dataset}").json() == before

    def test_more_than_is_known(self, wire: Wire, dataset: str) -> None:
        """What the platform does not know is ignored; the type of a dataset never changes."""
        changed = wire("PATCH", f"{DATASETS}/{dataset}", json={"name": "b", "type": "llm", "item_count": 7}).json()
        assert (changed["name"], changed["type"], changed["item_count"]) == ("b", "qa", 0)


class TestItems:
    """…/datasets/{dataset_id}/items and …/items/{item_id}."""

    @given(inputs=OBJECTS, outputs=OBJECTS, tags=st.lists(st.text(), max_size=3), metadata=OBJECTS)
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_free_json(
        self,
        dataset_api: APIClient,
        organization: str,
        dataset: str,
        inputs: Any,
        outputs: Any,
        tags: Any,
        metadata: Any,
    ) -> None:
        """Objects of any keys and values come back as they were sent."""
        made = dataset_api.create_dataset_item(organization, dataset, inputs, outputs, tags, metadata)
        shown = dataset_api.delete_dataset_item(organization, dataset, made["id"])
        assert shown == made
        assert (shown["inputs"], shown["outputs"], shown["tags"], shown["metadata"]) == (
            inputs,
            outputs,
            tags,
            metadata,
        )

    def test_null_is_nothing(self, wire: Wire, dataset: str) -> None:
        """Tags and metadata that are null or missing are empty."""
        for more in ({}, {"tags": None, "metadata": None}):
            body = {"inputs": [{"i": "1"}], "outputs": [{"o": "2"}], **more}
            made = wire("POST", f"{DATASETS}/{dataset}/items", json=body).json()
            assert (made["tags"], made["metadata"]) == ([], [])

    def test_item_of_another_dataset(self, dataset_api: APIClient, organization: str, dataset: str) -> None:
        """An item is found in its own dataset only."""
        other = dataset_api.create_dataset(organization, "other", "qa")["id"]
        item = dataset_api.create_dataset_item(organization, dataset, [{"i": 1}], [{"o": 1}])["id"]
        for method in (dataset_api.get_dataset_item, dataset_api.delete_dataset_item):
            with pytest.raises(abeja.exceptions.NotFound, match=item):
                method(organization, other, item)
        assert dataset_api.get_dataset(organization, dataset)["item_count"] == 1

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"inputs": []}, "inputs"),
            ({"outputs": []}, "outputs"),
            ({"inputs": None}, "inputs"),
            ({"inputs": {"i": 1}}, "inputs"),
            ({"inputs": ["i"]}, "inputs"),
            ({"outputs": [[]]}, "outputs"),
            ({"tags": [1]}, "tags"),
            ({"tags": "OK"}, "tags"),
            ({"metadata": {"k": "v"}}, "metadata"),
            ({"metadata": ["k"]}, "metadata"),
        ],
    )
    def test_wrong(self, wire: Wire, dataset: str, change: Any, word: str) -> None:
        """What is missing or wrong is 400 and named, and nothing is added."""
        body = {"inputs": [{"i": 1}], "outputs": [{"o": 1}], **change}
        check_refusal(wire("POST", f"{DATASETS}/{dataset}/items", json=body), 400, word)
        del body[next(iter(change))]
        if word in {"inputs", "outputs"}:
            check_refusal(wire("POST", f"{DATASETS}/{dataset}/items", json=body), 400, word)
        assert wire("GET", f"{DATASETS}/{dataset}").json()["item_count"] == 0
