"""Rules that only this process uses: many items at once, and what is known of a dataset at last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abeja_emulator.errors import BadRequest
from abeja_emulator.services.datasets.rules import _PLAIN_URI, Datasets, _readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abeja_emulator.platform import Platform

SOURCE = [{"data_uri": "datalake://1230000000000/20240102T030405-aaa", "data_type": "image/png"}]


@pytest.fixture
def rules(platform: Platform) -> Datasets:
    """The rules of datasets."""
    return Datasets(platform.world)


@pytest.fixture
def dataset(platform: Platform, rules: Datasets, organization: str) -> str:
    """Id of an empty dataset."""
    with platform.world.store.transaction():
        return rules.create(organization, "mine", "custom", {}).dataset_id


class TestAddStream:
    """Any number of items, one after the other."""

    def test_the_same_as_several_at_once(
        self, platform: Platform, rules: Datasets, organization: str, dataset: str
    ) -> None:
        """In the same order, behind those that are there, with numbers that go on."""
        entries = [(SOURCE, {"n": number}) for number in range(3)]
        with platform.world.store.transaction():
            made = rules.add_items(organization, dataset, entries)
            assert rules.add_stream(organization, dataset, iter(entries)) == 3
            assert rules.add_stream(organization, dataset, iter(())) == 0
        kept = platform.look.items(dataset)
        assert kept[:3] == made
        assert [item.dataset_item_id for item in kept] == [1, 2, 3, 4, 5, 6]
        assert [(item.source_data, item.attributes) for item in kept[3:]] == entries
        assert rules.view(platform.look.dataset(dataset))["total_count"] == 6

    def test_each_is_there_before_the_next_is_taken(
        self, platform: Platform, rules: Datasets, organization: str, dataset: str
    ) -> None:
        """So that there may be more than fit in memory."""
        seen = []

        def entries() -> Iterator[tuple[list[dict[str, Any]], Any]]:
            for _ in range(4):
                seen.append(len(platform.look.items(dataset)))
                yield SOURCE, {}

        with platform.world.store.transaction():
            rules.add_stream(organization, dataset, entries())
        assert seen == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("source_data", "attributes", "error"),
        [([{"data_uri": "s3://a/b", "data_type": "x"}], {}, BadRequest), (SOURCE, {"x": object()}, TypeError)],
    )
    def test_wrong(
        self,
        platform: Platform,
        rules: Datasets,
        organization: str,
        dataset: str,
        source_data: Any,
        attributes: Any,
        error: type[Exception],
    ) -> None:
        """The transaction undoes those before it, and the count is right."""
        taken = []

        def entries() -> Iterator[tuple[list[dict[str, Any]], Any]]:
            for number, entry in enumerate([(SOURCE, {}), (source_data, attributes), (SOURCE, {})]):
                taken.append(number)
                yield entry

        with pytest.raises(error), platform.world.store.transaction():
            rules.add_stream(organization, dataset, entries())
        assert taken == [0, 1]
        assert platform.look.items(dataset) == []
        assert rules.view(platform.look.dataset(dataset))["total_count"] == 0

    def test_unknown_dataset(self, platform: Platform, rules: Datasets, organization: str) -> None:
        """Is said before anything is taken."""
        entries: Iterator[Any] = iter([(SOURCE, {})])
        with pytest.raises(BadRequest, match="1999999999999"), platform.world.store.transaction():
            rules.add_stream(organization, "1999999999999", entries)
        assert len(list(entries)) == 1


def test_describe(platform: Platform, rules: Datasets, organization: str, dataset: str) -> None:
    """Type and properties change; name, place and times do not."""
    before = platform.look.dataset(dataset)
    platform.clock.advance(5)
    with platform.world.store.transaction():
        after = rules.describe(organization, dataset, "classification", {"categories": []})
    assert platform.look.dataset("mine") == after
    assert (after.type, after.props) == ("classification", {"categories": []})
    assert (after.name, after.created_at, after.updated_at) == (before.name, before.created_at, before.updated_at)


PARTS = ["datalake", "http", "https", "HTTP", "s3", "://", "//", *":/?#[]@a1. \n"]


@given(st.lists(st.sampled_from(PARTS) | st.characters(codec="utf-8"), max_size=8).map("".join))
def test_a_plain_uri_is_readable(uri: str) -> None:
    """The short way lets nothing through that the long way does not."""
    for text in (uri, f"datalake://{uri}", f"https://{uri}", f"datalake://1/{uri}"):
        if _PLAIN_URI(text):
            assert _readable(text)


def test_plain_uris() -> None:
    """The short way is the way of what most items have."""
    assert _PLAIN_URI(SOURCE[0]["data_uri"])
    assert _PLAIN_URI("https://example.com/a/b.jpg")
    # A host whose letters become a slash for some clients.
    assert not _PLAIN_URI("https://\u2100/a")
    assert not _readable("https://\u2100/a")
