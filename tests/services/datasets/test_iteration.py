"""Going through the items of a dataset: the contract of its pages, and the SDK's iterators on top of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.services.wire import Wire, check_answer, check_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja.datasets.client import Client
    from abeja.datasets.dataset import Dataset
    from abeja.datasets.dataset_item import DatasetItem

    from abeja_emulator.platform import Platform

SOURCE = [{"data_uri": "https://example.com/a"}]


def fill(datasets: Client, wire: Wire, count: int) -> tuple[Dataset, list[int]]:
    """Create a dataset of that many items, and return it with their ids."""
    name = f"dataset {len(datasets.datasets.list())}"
    dataset = datasets.datasets.create(name, "custom", {})
    entries = [{"source_data": SOURCE, "attributes": {}} for _ in range(count)]
    path = f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items"
    return dataset, [item["dataset_item_id"] for item in wire("POST", path, json=entries).json()]


def ids(items: Iterator[DatasetItem], most: int) -> list[int]:
    """Return the ids of what an iterator yields, which is no more than `most`: one without end must not hang."""
    found = [item.dataset_item_id for item in itertools.islice(items, most + 1)]
    assert len(found) <= most
    return found


class TestPages:
    """GET …/items."""

    @pytest.mark.parametrize(("count", "limit"), [(0, 3), (1, 1), (2, 3), (3, 3), (7, 3)])
    def test_contract(self, datasets: Client, wire: Wire, count: int, limit: int) -> None:
        """Every page with items has a token; the page behind the last item is empty and its token null."""
        dataset, numbers = fill(datasets, wire, count)
        path = f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items"
        seen: list[int] = []
        query: dict[str, object] = {"limit": limit}
        while True:
            page = wire("GET", path, params=query).json()
            check_answer("list_dataset_items", page)
            assert page["total_count"] == count
            if not page["items"]:
                break
            assert isinstance(page["next_page_token"], str)
            assert len(page["items"]) == min(limit, count - len(seen))
            seen += [item["dataset_item_id"] for item in page["items"]]
            query = {"limit": limit, "next_page_token": page["next_page_token"]}
        assert page["next_page_token"] is None
        assert seen == numbers

    def test_token_alone_or_with_another_limit(self, datasets: Client, wire: Wire) -> None:
        """The limit sent with a token counts; without one, that of the page before."""
        dataset, numbers = fill(datasets, wire, 9)
        path = f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items"
        token = wire("GET", f"{path}?limit=2").json()["next_page_token"]
        for limit, size in ((None, 2), (1, 1), (5, 5), (1000, 7)):
            page = wire("GET", path, params={"next_page_token": token, "limit": limit}).json()
            assert [item["dataset_item_id"] for item in page["items"]] == numbers[2 : 2 + size]

    def test_token_of_another_dataset(self, datasets: Client, wire: Wire) -> None:
        """A token belongs to its dataset: with another one, changed, or made up, it is 400."""
        one, _ = fill(datasets, wire, 3)
        other, _ = fill(datasets, wire, 3)
        path = f"/organizations/{{org}}/datasets/{one.dataset_id}/items"
        token = wire("GET", f"{path}?limit=1").json()["next_page_token"]
        foreign = f"/organizations/{{org}}/datasets/{other.dataset_id}/items"
        check_refusal(wire("GET", foreign, params={"next_page_token": token}), 400, "token")
        payload, _, mac = token.partition(".")
        for wrong in ("x", "é", f"{payload}x.{mac}", f"{payload}.{mac[:-1]}", payload, f".{mac}", str(one.dataset_id)):
            check_refusal(wire("GET", path, params={"next_page_token": wrong}), 400, "token")

    @pytest.mark.parametrize("limit", ["0", "-1", "x", str(2**70)])
    def test_no_limit(self, datasets: Client, wire: Wire, limit: str) -> None:
        """A limit that is no number of items is 400."""
        dataset, _ = fill(datasets, wire, 1)
        path = f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items"
        check_refusal(wire("GET", f"{path}?limit={limit}"), 400, "limit")

    def test_without_a_limit(self, datasets: Client, wire: Wire) -> None:
        """A client that names no limit gets pages all the same, and every item."""
        dataset, numbers = fill(datasets, wire, 120)
        page = wire("GET", f"/organizations/{{org}}/datasets/{dataset.dataset_id}/items").json()
        assert 0 < len(page["items"]) < 120
        assert ids(iter(dataset.dataset_items.list()), 120) == numbers


class TestIteration:
    """`for item in dataset.dataset_items.list()`."""

    @given(count=st.integers(0, 25), limit=st.none() | st.integers(1, 30))
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_each_item_exactly_once(self, datasets: Client, wire: Wire, count: int, limit: int | None) -> None:
        """Whatever the number of items and the size of a page, it ends, and yields each item once, in order."""
        dataset, numbers = fill(datasets, wire, count)
        assert ids(iter(dataset.dataset_items.list(limit=limit)), count) == numbers

    @given(count=st.integers(0, 25), limit=st.integers(1, 30), taken=st.integers(0, 25))
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_next_and_then_the_rest(self, datasets: Client, wire: Wire, count: int, limit: int, taken: int) -> None:
        """Some taken with next(), the rest in a loop."""
        dataset, numbers = fill(datasets, wire, count)
        iterator = dataset.dataset_items.list(limit=limit)
        first = [next(iterator).dataset_item_id for _ in range(min(taken, count))]
        rest = ids(iter(iterator), count)
        assert first + rest == numbers

    def test_a_page_a_call(self, platform: Platform, datasets: Client, wire: Wire) -> None:
        """The SDK reads a page when it is needed, and one empty page at the end."""
        dataset, _ = fill(datasets, wire, 6)
        iterator = dataset.dataset_items.list(limit=3)
        next(iterator)
        platform.assert_called("list_dataset_items", times=1)
        assert len(list(iterator)) == 5
        platform.assert_called("list_dataset_items", times=3)

    def test_deletions_hide_nothing(self, datasets: Client, wire: Wire) -> None:
        """Items deleted while somebody goes through the pages are gone; no other is left out or seen twice."""
        dataset, numbers = fill(datasets, wire, 9)
        seen = []
        for item in dataset.dataset_items.list(limit=3):
            seen.append(item.dataset_item_id)
            dataset.dataset_items.delete(item.dataset_item_id)
        assert seen == numbers
        assert datasets.get_dataset(dataset.dataset_id).total_count == 0

    def test_deletions_ahead(self, datasets: Client, wire: Wire) -> None:
        """An item of a page to come that is deleted does not come; the page behind the last still ends it."""
        dataset, numbers = fill(datasets, wire, 6)
        iterator = iter(dataset.dataset_items.list(limit=3))
        seen = [next(iterator).dataset_item_id]
        for number in numbers[3:]:
            dataset.dataset_items.delete(number)
        assert seen + ids(iterator, 2) == numbers[:3]

    def test_additions_behind(self, datasets: Client, wire: Wire) -> None:
        """Items added while somebody goes through the pages come at the end."""
        dataset, numbers = fill(datasets, wire, 4)
        iterator = iter(dataset.dataset_items.list(limit=2))
        seen = [next(iterator).dataset_item_id]
        added = dataset.dataset_items.create(SOURCE, {}).dataset_item_id
        assert seen + ids(iterator, 4) == [*numbers, added]


class TestContent:
    """Items with files: downloads, threads, and the SDK's cache."""

    @given(count=st.integers(0, 12), limit=st.integers(1, 14))
    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_prefetch(self, platform: Platform, datasets: Client, count: int, limit: int) -> None:
        """Five threads fetch every file once; each item comes exactly once, with its own content."""
        contents = {f"content {number}": number for number in range(count)}
        seeded = platform.seed.dataset([(content, str(number)) for content, number in contents.items()])
        before = len(platform.calls("download_file"))
        items = datasets.get_dataset(seeded).dataset_items.list(limit=limit, prefetch=True)
        seen = {}
        for item in itertools.islice(items, count + 1):
            (file,) = item.source_data
            content = file.get_content().decode()
            assert item.attributes["classification"][0]["label"] == str(contents[content])
            seen[item.dataset_item_id] = content
        assert len(seen) == count
        assert set(seen.values()) == set(contents)
        assert len(platform.calls("download_file")) - before == count

    def test_content_is_cached_by_id(self, platform: Platform, datasets: Client) -> None:
        """A file is downloaded once, whoever asks for it again; the same content under another id, once more."""
        seeded = platform.seed.dataset([("same", "a"), ("same", "b")])
        for _ in range(2):
            for item in datasets.get_dataset(seeded).dataset_items.list():
                assert item.source_data[0].get_content() == b"same"
        platform.assert_called("download_file", times=2)
        (first, *_) = datasets.get_dataset(seeded).dataset_items.list()
        assert first.source_data[0].get_content(cache=False) == b"same"
        platform.assert_called("download_file", times=3)

    def test_text_and_json(self, platform: Platform, datasets: Client) -> None:
        """Files of items are read as text and as JSON, too."""
        seeded = platform.seed.dataset([("one\ntwo\n", "text"), ({"鍵": [1, 2]}, "json")])
        text, document = (item.source_data[0] for item in datasets.get_dataset(seeded).dataset_items.list())
        assert text.get_text() == "one\ntwo\n"
        assert document.get_json() == {"鍵": [1, 2]}
