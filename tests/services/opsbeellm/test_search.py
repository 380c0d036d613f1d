"""The searches of `search_query`, through the SDK where it can say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import abeja.exceptions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.opsbeellm.search import HISTORY_KEYS, ITEM_KEYS, Kind
from tests.services.opsbeellm.histories import TOP
from tests.services.wire import Wire, check_refusal

if TYPE_CHECKING:
    from abeja.opsbeellm.dataset import APIClient

    from abeja_emulator.platform import Platform
    from tests.services.opsbeellm.histories import Histories

#: Text that the SDK's URL can hold and that is in no way special in a search.
PLAIN = st.text(st.characters(exclude_categories=["C"], exclude_characters='"*&#+%')).filter(str.strip)


class TestHistories:
    """What histories are found by."""

    @pytest.fixture
    def three(self, histories: Histories) -> dict[str, Any]:
        """Three histories: `bee`, `bees` and `dog`."""
        api, organization = histories.api, histories.organization
        tags = [api.create_tag(organization, name)["id"] for name in ("OK", "not OK")]
        return {
            "bee": histories.create("bee", "ミツバチ", 9, 0, tags[:1], [{"lang": "ja"}, {"star": "a*"}]),
            "bees": histories.create("bees", "ミツバチたち", 10, 1, tags, [{"lang": "en"}]),
            "dog": histories.create("dog", "", 100, 2, [], []),
        }

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("input_text:bee", {"bee"}),
            ("input_text:Bee", set()),
            ("input_text:bee*", {"bee", "bees"}),
            ('input_text:"bee*"', {"bee", "bees"}),
            ("input_text:*e*", {"bee", "bees"}),
            ("input_text:*", {"bee", "bees", "dog"}),
            ('output_text:"ミツバチ*"', {"bee", "bees"}),
            ('output_text:""', {"dog"}),
            ("input_token_count:10", {"bees"}),
            ("input_token_count:010", {"bees"}),
            ("input_token_count:>9", {"bees", "dog"}),
            ("input_token_count:>=10 AND input_token_count:<100", {"bees"}),
            ("output_token_count:<=0", {"bee"}),
            ("tag_name:OK", {"bee", "bees"}),
            ('tag_name:"not OK"', {"bees"}),
            ('tag_name:OK AND tag_name:"not OK"', {"bees"}),
            ("tag_name:O*", set()),
            ("metadata_key:lang", {"bee", "bees"}),
            ("metadata_key:lang AND metadata_key:star", {"bee"}),
            ("metadata_value:ja OR metadata_value:en", {"bee", "bees"}),
            ("metadata_value:a*", {"bee"}),
            ("metadata_value:j*", set()),
            ("input_text:dog OR tag_name:OK AND metadata_value:en", {"bees", "dog"}),
            ("(input_text:dog OR tag_name:OK) AND input_token_count:>9", {"bees", "dog"}),
            ('created_at:>="2024-01-02T00:00:00" AND updated_at:<"2999-01-01"', {"bee", "bees", "dog"}),
            ('created_at:<"2024-01-02T00:00:00" OR updated_at:>2999-01-01', set()),
        ],
    )
    @pytest.mark.usefixtures("three")
    def test_found(self, histories: Histories, query: str, expected: set[str]) -> None:
        """Exactly those that fit, and they are counted."""
        listed = histories.listed(query)
        assert {each["input_text"] for each in listed["histories"]} == expected
        assert (listed["total"], listed["has_next"]) == (len(expected), False)

    def test_by_id(self, histories: Histories, three: dict[str, Any]) -> None:
        """Ids of history, tag and metadata find what has them."""
        bee, bees = three["bee"], three["bees"]
        assert histories.texts(f"history_id:{bee['id']}") == ["bee"]
        assert histories.texts(f"tag_id:{bees['tags'][1]['id']}") == ["bees"]
        assert histories.texts(f"metadata_id:{bee['metadata'][1]['id']}") == ["bee"]

    def test_times_as_they_are_shown(self, platform: Platform, histories: Histories) -> None:
        """A time that was shown finds what it was shown for, with its zone (`%2B` in a URL), in another, or without."""
        first = histories.create("first")
        platform.clock.advance(5)
        second = histories.create("second")
        assert first["created_at"] < second["created_at"]
        bare = second["created_at"].replace("+09:00", "")
        for time in (bare, f"{bare}%2B09:00", f"{bare}.000000", bare.replace("T", " ")):
            assert histories.texts(f'created_at:"{time}"') == ["second"]
            assert histories.texts(f'created_at:<"{time}"') == ["first"]
            assert histories.texts(f'created_at:>="{time}"') == ["second"]
            assert sorted(histories.texts(f'created_at:<="{time}"')) == ["first", "second"]
        platform.clock.advance(5)
        histories.update(first["id"], input_text="changed")
        assert histories.texts(f'updated_at:>"{bare}"') == ["changed"]

    @pytest.mark.parametrize(("zone", "found"), [("%2B09:00", True), ("Z", False), ("-01:00", False), ("", True)])
    def test_zone(self, histories: Histories, zone: str, found: bool) -> None:
        """A time without a zone is one of Tokyo; other zones are what they say."""
        made = histories.create()["created_at"].replace("+09:00", zone)
        assert bool(histories.texts(f'created_at:>="{made}"')) is found

    @pytest.mark.usefixtures("three")
    def test_parts_of_what_is_found(self, histories: Histories) -> None:
        """Sorting and parts are of what is found."""
        listed = histories.listed("input_text:bee*", sort_by="input_text", sort_order="asc", limit=1)
        assert [each["input_text"] for each in listed["histories"]] == ["bee"]
        assert (listed["total"], listed["has_next"]) == (2, True)
        listed = histories.listed("input_text:bee*", sort_by="input_text", sort_order="asc", offset=1, limit=1)
        assert [each["input_text"] for each in listed["histories"]] == ["bees"]
        assert listed["has_next"] is False

    def test_as_things_are_now(self, histories: Histories, three: dict[str, Any]) -> None:
        """A renamed tag is found by its new name, changed metadata by its new value."""
        bee = three["bee"]
        histories.api.update_tag(histories.organization, bee["tags"][0]["id"], "good")
        assert histories.texts("tag_name:OK") == []
        assert sorted(histories.texts("tag_name:good")) == ["bee", "bees"]
        histories.change_metadata(bee["id"], bee["metadata"][0]["id"], "lang", "fr")
        assert histories.texts("metadata_value:ja") == []
        assert histories.texts("metadata_value:fr") == ["bee"]

    @given(text=PLAIN)
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_text(self, qa: Histories, text: str) -> None:
        """Any text in quotes finds itself, and so does its beginning with a star."""
        made = qa.create(text)["id"]
        for query in (f'input_text:"{text}"', f'input_text:"{text[:1]}*"'):
            assert made in [each["id"] for each in qa.listed(query)["histories"]]

    @pytest.mark.usefixtures("three")
    def test_empty(self, wire: Wire, histories: Histories) -> None:
        """An empty search is none."""
        assert wire("GET", histories.all, params={"search_query": ""}).json()["total"] == 3

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("bee", ["key:value"]),
            ("input_text:bee AND", ["missing"]),
            ('input_text:"bee', ["quote"]),
            ("(input_text:bee", ["parenthesis"]),
            ("thread_id:1", ["'thread_id'", *HISTORY_KEYS]),
            ("Input_text:bee", ["'Input_text'"]),
            ("input_text:>bee", ["input_text", "input_token_count"]),
            ("history_id:>=1", ["history_id"]),
            ("tag_name:<b", ["tag_name"]),
            ("input_token_count:many", ["input_token_count", "'many'"]),
            ("input_token_count:1.5", ["'1.5'"]),
            ("input_token_count:1*", ["'1*'"]),
            ("output_token_count:>-1", ["'-1'"]),
            ("created_at:yesterday", ["'yesterday'", "2024-09-17"]),
            ("created_at:>2024-13-01", ["'2024-13-01'"]),
            ("created_at:2024-09-17*", ["'2024-09-17*'"]),
            ("created_at:0001-01-01", ["'0001-01-01'"]),
            ('created_at:"2024-09-17T00:00:00+09:00"', ["%2B"]),
        ],
    )
    def test_wrong(self, histories: Histories, query: str, words: list[str]) -> None:
        """A search that cannot be used is 400 and says what is wrong and what there is."""
        with pytest.raises(abeja.exceptions.BadRequest) as refusal:
            histories.listed(query)
        for word in ["search_query", *words]:
            assert word in refusal.value.error_description


class TestItems:
    """What items of a dataset are found by."""

    @pytest.fixture(autouse=True)
    def _items(self, dataset_api: APIClient, organization: str, dataset: str) -> None:
        for inputs, outputs, tags, metadata in [
            ([{"name": "bee"}, {"legs": 6}], [{"output_text": "ミツバチ"}], ["OK"], [{"lang": "ja"}]),
            ([{"name": "bees"}], [{"score": 0.5, "good": True}], ["OK", "NG"], [{"lang": "en", "more": None}]),
            ([{"other": "dog"}], [{"deep": {"a": [1]}}], [], []),
        ]:
            dataset_api.create_dataset_item(organization, dataset, inputs, outputs, tags, metadata)

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("input_keys:name", [1, 0]),
            ("input_keys:*e*", [2, 1, 0]),
            ("input_values:bee", [0]),
            ('input_values:"bee*"', [1, 0]),
            ("input_values:6", [0]),
            ("output_keys:output_text", [0]),
            ("output_keys:good AND output_values:true AND output_values:0.5", [1]),
            ('output_values:"ミツバチ"', [0]),
            ("output_values:{*}", [2]),
            ("tag_values:OK", [1, 0]),
            ("tag_values:OK AND tag_values:NG", [1]),
            ("tag_values:O*", []),
            ("metadata_keys:lang AND metadata_values:ja", [0]),
            ("metadata_values:null", [1]),
            ("input_values:dog OR metadata_values:en", [2, 1]),
            ("created_at:>=2024-01-02 AND updated_at:<2999-01-01", [2, 1, 0]),
            ("created_at:>2999-01-01", []),
        ],
    )
    def test_found(
        self, dataset_api: APIClient, organization: str, dataset: str, query: str, expected: list[int]
    ) -> None:
        """Exactly those that fit, newest first, and they are counted."""
        everything = dataset_api.get_dataset_items(organization, dataset)["items"][::-1]
        listed = dataset_api.get_dataset_items(organization, dataset, query)
        assert [everything.index(item) for item in listed["items"]] == expected
        assert (listed["total"], listed["has_next"]) == (len(expected), False)

    def test_parts_of_what_is_found(self, dataset_api: APIClient, organization: str, dataset: str) -> None:
        """Parts are of what is found."""
        whole = dataset_api.get_dataset_items(organization, dataset, "tag_values:OK")["items"]
        first = dataset_api.get_dataset_items(organization, dataset, "tag_values:OK", offset=0, limit=1)
        assert (first["items"], first["total"], first["has_next"]) == (whole[:1], 2, True)
        second = dataset_api.get_dataset_items(organization, dataset, "tag_values:OK", offset=1, limit=1)
        assert (second["items"], second["total"], second["has_next"]) == (whole[1:], 2, False)

    def test_by_id(self, dataset_api: APIClient, organization: str, dataset: str) -> None:
        """The id of an item finds it."""
        for item in dataset_api.get_dataset_items(organization, dataset)["items"]:
            assert dataset_api.get_dataset_items(organization, dataset, f"item_id:{item['id']}")["items"] == [item]

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("input_text:bee", ["'input_text'", *ITEM_KEYS]),
            ("input_values:>1", ["input_values", "created_at"]),
            ("created_at:now", ["'now'"]),
        ],
    )
    def test_wrong(self, wire: Wire, dataset: str, query: str, words: list[str]) -> None:
        """A search that cannot be used is 400 and says what is wrong and what there is."""
        path = f"{TOP}/datasets/{dataset}/items"
        check_refusal(wire("GET", path, params={"search_query": query}), 400, "search_query", *words)


@pytest.mark.parametrize(("keys", "kinds"), [(HISTORY_KEYS, set(Kind)), (ITEM_KEYS, set(Kind) - {Kind.COUNT})])
def test_every_key_is_documented(keys: dict[str, Kind], kinds: set[Kind]) -> None:
    """The keys are those of the SDK's docstrings, and those with stars and comparisons are too."""
    from abeja.opsbeellm.dataset import APIClient as DatasetAPI
    from abeja.opsbeellm.history import APIClient as HistoryAPI

    method = HistoryAPI.get_chat_histories if keys is HISTORY_KEYS else DatasetAPI.get_dataset_items
    text: str = method.__doc__
    head, _, rest = text.partition("AND and OR operators")
    assert all(f"- `{key}:`" in head for key in keys)
    assert head.count("- `") == len(keys)
    stars, comparisons = (line for line in rest.splitlines() if "operators are available for `" in line)
    assert set(keys.values()) == kinds
    for key, kind in keys.items():
        assert (f"`{key}" in stars) is (kind is Kind.PATTERN)
        assert (f"`{key}" in comparisons) is (kind in {Kind.COUNT, Kind.TIME})
