"""What each operation changes in the answers of all the others: that, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

import abeja.exceptions
import pytest
from abeja.opsbeellm.dataset import APIClient as DatasetAPI
from abeja.opsbeellm.deployment import APIClient as DeploymentAPI
from abeja.opsbeellm.history import APIClient as HistoryAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abeja_emulator.services.opsbeellm.records import History, OpsBeeItem, Thread
from tests.services.opsbeellm.histories import Histories
from tests.services.wire import check_answer

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform


class House:
    """Two of everything, each known by a short name: `dataset` and `other dataset`, and so on."""

    def __init__(self, organization: str) -> None:
        self.organization = organization
        self.datasets, self.deployments, self.api = DatasetAPI(), DeploymentAPI(), HistoryAPI()
        self.names: dict[str, str] = {}
        self.histories: dict[str, Histories] = {}
        for first in ("", "other "):
            self._furnish(first)

    def __getitem__(self, name: str) -> str:
        """Return the id of the thing with that name."""
        return next(identifier for identifier, each in self.names.items() if each == name)

    def _furnish(self, first: str) -> None:
        tag = self.api.create_tag(self.organization, first + "tag")["id"]
        dataset = self.datasets.create_dataset(self.organization, first + "dataset", "qa")["id"]
        item = self.datasets.create_dataset_item(self.organization, dataset, [{"i": 1}], [{"o": 2}])["id"]
        self.names.update({tag: first + "tag", dataset: first + "dataset", item: first + "item"})
        for type_ in ("qa", "chat"):
            histories = Histories(self.organization, type_)
            self.histories[first + type_] = histories
            made = histories.create("q", "a", 1, 2, [tag], [{"k": "v"}])
            self.names[histories.deployment] = first + type_
            self.names[histories.thread] = f"{first}{type_} thread"
            self.names[made["id"]] = f"{first}{type_} history"
            self.names[made["metadata"][0]["id"]] = f"{first}{type_} metadata"

    def look(self) -> dict[str, Any]:
        """Return all that can be listed, by its name; what is listed is also got one by one, and counts are counted."""
        seen: dict[str, Any] = {}
        organization = self.organization
        for tag in self._rows("get_tags", self.api.get_tags(organization)):
            check_answer("get_tag", tag)
            assert self.api.get_tag(organization, tag["id"]) == tag
            seen[self._name(tag)] = tag
        for dataset in self._rows("get_opsbeellm_datasets", self.datasets.get_datasets(organization)):
            assert self.datasets.get_dataset(organization, dataset["id"]) == dataset
            seen[self._name(dataset)] = dataset
            items = self.datasets.get_dataset_items(organization, dataset["id"])
            assert items["total"] == dataset["item_count"]
            for item in self._rows("get_opsbeellm_dataset_items", items):
                assert self.datasets.get_dataset_item(organization, dataset["id"], item["id"]) == item
                seen[self._name(item)] = item
        for deployment in self._rows("get_opsbeellm_deployments", self.deployments.get_deployments(organization)):
            assert self.deployments.get_deployment(organization, deployment["id"]) == deployment
            seen[self._name(deployment)] = deployment
            self._look_into(deployment, seen)
        return seen

    def _look_into(self, deployment: dict[str, Any], seen: dict[str, Any]) -> None:
        place, type_ = (self.organization, deployment["id"]), deployment["type"]
        threads = self.api.get_threads(*place)
        names = {}
        for thread in self._rows("get_threads", threads):
            assert self.api.get_thread(*place, thread["id"]) == thread
            names[thread["id"]] = thread["name"]
            seen[self._name(thread)] = thread
        assert threads["total"] == len(names)
        listed = getattr(self.api, f"get_{type_}_histories")(*place)
        assert listed["total"] == deployment["history_count"]
        for history in self._rows(f"get_{type_}_histories", listed):
            inside = (*place, history["thread_id"]) if type_ == "chat" else place
            assert getattr(self.api, f"get_{type_}_history")(*inside, history["id"]) == history
            assert history["thread_name"] == names[history["thread_id"]]
            for tag in history["tags"]:
                assert tag.items() <= seen[self._name(tag)].items()
            seen[self._name(history)] = history

    def _rows(self, operation: str, answer: Any) -> list[dict[str, Any]]:
        check_answer(operation, answer)
        (rows,) = (rows for rows in answer.values() if isinstance(rows, list))
        assert answer["has_next"] is False
        assert len(rows) == answer.get("total", len(rows))
        assert all(each["organization_id"] == self.organization for each in rows)
        found: list[dict[str, Any]] = rows
        return found

    def _name(self, thing: dict[str, Any]) -> str:
        return self.names.setdefault(thing["id"], "new")


class Effect(NamedTuple):
    """One operation: how it is called, what goes, and which fields of what change."""

    call: Callable[[House], Any]
    gone: set[str] = set()  # noqa: RUF012 - never changed
    changed: dict[str, set[str]] = {}  # noqa: RUF012 - the same
    new: bool = False


TIME = "updated_at"


def _of_histories(type_: str) -> dict[str, Effect]:
    def at(house: House) -> Histories:
        return house.histories[type_]

    history, metadata = f"{type_} history", f"{type_} metadata"
    return {
        f"create_{type_}_history": Effect(
            lambda house: at(house).create(), new=True, changed={type_: {"history_count"}}
        ),
        f"update_{type_}_history": Effect(
            lambda house: at(house).update(
                house[history], input_text="Q", output_token_count=9, tag_ids=[house["other tag"]]
            ),
            changed={history: {"input_text", "output_token_count", "tags", TIME}},
        ),
        f"delete_{type_}_history": Effect(
            lambda house: at(house).delete(house[history]), gone={history}, changed={type_: {"history_count"}}
        ),
        f"create_{type_}_history_metadata": Effect(
            lambda house: at(house).add_metadata(house[history], "l", "w"), changed={history: {"metadata"}}
        ),
        f"update_{type_}_history_metadata": Effect(
            lambda house: at(house).change_metadata(house[history], house[metadata], "l", "w"),
            changed={history: {"metadata"}},
        ),
        f"delete_{type_}_history_metadata": Effect(
            lambda house: at(house).delete_metadata(house[history], house[metadata]), changed={history: {"metadata"}}
        ),
        f"add_{type_}_histories_to_dataset": Effect(
            lambda house: at(house).add_to_dataset(house["dataset"], [house[history]]),
            new=True,
            changed={"dataset": {"item_count"}},
        ),
    }


EFFECTS: dict[str, Effect] = {
    "create_opsbeellm_dataset": Effect(
        lambda house: house.datasets.create_dataset(house.organization, "dataset", "llm"), new=True
    ),
    "update_opsbeellm_dataset": Effect(
        lambda house: house.datasets.update_dataset(house.organization, house["dataset"], "renamed", "d"),
        changed={"dataset": {"name", "description", TIME}},
    ),
    "delete_opsbeellm_dataset": Effect(
        lambda house: house.datasets.delete_dataset(house.organization, house["dataset"]), gone={"dataset", "item"}
    ),
    "create_opsbeellm_dataset_item": Effect(
        lambda house: house.datasets.create_dataset_item(house.organization, house["dataset"], [{}], [{}]),
        new=True,
        changed={"dataset": {"item_count"}},
    ),
    "delete_opsbeellm_dataset_item": Effect(
        lambda house: house.datasets.delete_dataset_item(house.organization, house["dataset"], house["item"]),
        gone={"item"},
        changed={"dataset": {"item_count"}},
    ),
    "create_opsbeellm_deployment": Effect(
        lambda house: house.deployments.create_deployment(house.organization, "chat", "chat"), new=True
    ),
    "update_opsbeellm_deployment": Effect(
        lambda house: house.deployments.update_deployment(house.organization, house["qa"], "renamed", "d"),
        changed={"qa": {"name", "description", TIME}},
    ),
    "delete_opsbeellm_deployment": Effect(
        lambda house: house.deployments.delete_deployment(house.organization, house["qa"]),
        gone={"qa", "qa thread", "qa history"},
    ),
    "create_thread": Effect(
        lambda house: house.api.create_thread(house.organization, house["chat"], "thread"), new=True
    ),
    "update_thread": Effect(
        lambda house: house.api.update_thread(house.organization, house["chat"], house["chat thread"], "renamed", "d"),
        changed={"chat thread": {"name", "description", TIME}, "chat history": {"thread_name"}},
    ),
    "delete_thread": Effect(
        lambda house: house.api.delete_thread(house.organization, house["chat"], house["chat thread"]),
        gone={"chat thread", "chat history"},
        changed={"chat": {"history_count"}},
    ),
    "create_tag": Effect(lambda house: house.api.create_tag(house.organization, "tag"), new=True),
    "update_tag": Effect(
        lambda house: house.api.update_tag(house.organization, house["tag"], "renamed", "d", "red"),
        changed={
            "tag": {"name", "description", "color", TIME},
            "qa history": {"tags"},
            "chat history": {"tags"},
        },
    ),
    "delete_tag": Effect(
        lambda house: house.api.delete_tag(house.organization, house["tag"]),
        gone={"tag"},
        changed={"qa history": {"tags"}, "chat history": {"tags"}},
    ),
    **_of_histories("qa"),
    **_of_histories("chat"),
}


@pytest.fixture
def house(platform: Platform) -> House:
    """Two of everything."""
    return House(platform.organization.id)


@pytest.mark.parametrize("name", EFFECTS)
def test_effect(house: House, platform: Platform, name: str) -> None:
    """Exactly what the table says changes, and the answer of the operation has its declared form."""
    before = house.look()
    platform.clock.advance(1)
    answer = EFFECTS[name].call(house)
    check_answer(name, answer)
    after = house.look()
    assert before.keys() - after.keys() == EFFECTS[name].gone
    assert after.keys() - before.keys() == ({"new"} if EFFECTS[name].new else set())
    changed = {
        thing: {field for field, value in fields.items() if after[thing][field] != value}
        for thing, fields in before.items()
        if thing in after and after[thing] != fields
    }
    assert changed == EFFECTS[name].changed
    if "id" in answer and answer["id"] in house.names and "metadata" not in name:
        shown = after if house.names[answer["id"]] in after else before
        assert shown[house.names[answer["id"]]] == answer


def test_nothing_is_left_behind(house: House, platform: Platform) -> None:
    """What is in a deleted dataset, deployment or thread is gone, and not only out of reach."""
    house.datasets.delete_dataset(house.organization, house["dataset"])
    house.deployments.delete_deployment(house.organization, house["qa"])
    house.api.delete_thread(house.organization, house["chat"], house["chat thread"])
    kinds: dict[str, type[Any]] = {"item": OpsBeeItem, "thread": Thread, "history": History}
    kept = {
        house.names[row.record.id]
        for kind, record in kinds.items()
        for row in platform.world.store.table(f"opsbeellm_{kind}", record).all()
    }
    left = {"other item", "other qa thread", "other qa history", "other chat thread", "other chat history"}
    assert kept == left


@given(names=st.lists(st.sampled_from(sorted(EFFECTS)), max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order(house: House, platform: Platform, names: list[str]) -> None:
    """Whatever is done in whatever order, what is listed can be got, counts are true and no reference is broken."""
    known, snapshot = dict(house.names), platform.snapshot()
    try:
        for name in names:
            # What it is about may be gone by then.
            with suppress(abeja.exceptions.NotFound, abeja.exceptions.BadRequest):
                EFFECTS[name].call(house)
        house.look()
    finally:
        house.names = known
        snapshot.rollback()
