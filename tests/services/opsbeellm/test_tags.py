"""Tags: what they take and what they refuse; what changes what is in `test_effects`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, get_args

import abeja.exceptions
import pytest

from abeja_emulator.services.opsbeellm.shapes import Color
from tests.services.opsbeellm.histories import TOP
from tests.services.wire import PLATFORM_ID, Wire, check_refusal

if TYPE_CHECKING:
    from abeja.opsbeellm.history import APIClient

    from abeja_emulator.platform import Platform
    from tests.services.opsbeellm.histories import Histories

TAGS = TOP + "/tags"


@pytest.mark.parametrize("color", get_args(Color))
def test_every_colour(history_api: APIClient, organization: str, color: str) -> None:
    """Every colour that the SDK lets through is taken, and shown."""
    made = history_api.create_tag(organization, "タグ", color=color)
    assert PLATFORM_ID.fullmatch(made["id"])
    assert (made["organization_id"], made["name"], made["description"]) == (organization, "タグ", "")
    assert made["color"] == color
    assert made["created_at"] == made["updated_at"]


def test_colours_are_those_of_the_sdk(history_api: APIClient, organization: str) -> None:
    """The SDK refuses another one itself, and names those there are."""
    with pytest.raises(abeja.exceptions.BadRequest) as refusal:
        history_api.create_tag(organization, "OK", color="gold")
    assert str(list(get_args(Color))) in refusal.value.error_description


def test_what_is_not_sent(wire: Wire) -> None:
    """A new tag without a colour is grey; a change without one, or without a description, keeps it."""
    made = wire("POST", TAGS, json={"name": "OK"}).json()
    assert (made["description"], made["color"]) == ("", "grey")
    path = f"{TAGS}/{made['id']}"
    wire("PATCH", path, json={"name": "OK", "description": "fine", "color": "green"})
    changed = wire("PATCH", path, json={"name": "good"}).json()
    assert (changed["name"], changed["description"], changed["color"]) == ("good", "fine", "green")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"color": "red"}, "name"),
        ({"name": ""}, "name"),
        ({"name": 1}, "name"),
        ({"name": "OK", "color": "gold"}, "color"),
        ({"name": "OK", "color": ""}, "color"),
        ({"name": "OK", "description": 1}, "description"),
    ],
)
def test_wrong(wire: Wire, body: dict[str, Any], word: str) -> None:
    """What is missing or wrong is 400 and named, in a new tag and in a change."""
    made = wire("POST", TAGS, json={"name": "kept"}).json()
    check_refusal(wire("POST", TAGS, json=body), 400, word)
    check_refusal(wire("PATCH", f"{TAGS}/{made['id']}", json=body), 400, word)
    assert wire("GET", TAGS).json()["tags"] == [made]


def test_another_organization(platform: Platform, history_api: APIClient, qa: Histories) -> None:
    """Nothing of one organization is seen, changed or used from another one."""
    other = platform.seed.organization("other-org").id
    theirs = history_api.create_tag(other, "OK")["id"]
    mine = history_api.create_tag(qa.organization, "OK")["id"]
    assert [each["id"] for each in history_api.get_tags(other)["tags"]] == [theirs]
    refusals: list[Callable[[], Any]] = [
        lambda: history_api.get_tag(other, mine),
        lambda: history_api.update_tag(other, mine, "theirs"),
        lambda: history_api.delete_tag(other, mine),
    ]
    for refused in refusals:
        with pytest.raises(abeja.exceptions.NotFound) as refusal:
            refused()
        assert f"{theirs} (OK)" in refusal.value.error_description
    with pytest.raises(abeja.exceptions.BadRequest) as wrong:
        qa.create("q", "a", 0, 0, [theirs])
    assert f"{mine} (OK)" in wrong.value.error_description
    assert history_api.get_tag(qa.organization, mine)["name"] == "OK"


def test_deleted_tag_leaves_all_histories(history_api: APIClient, qa: Histories, chat: Histories) -> None:
    """A deleted tag goes from the histories of every deployment, and the others stay as they were."""
    gone, kept = (history_api.create_tag(qa.organization, name)["id"] for name in ("gone", "kept"))
    made = [each.create("q", "a", 0, 0, [gone, kept]) for each in (qa, chat)]
    history_api.delete_tag(qa.organization, gone)
    for each, before in zip((qa, chat), made):
        after = each.get(before["id"])
        assert [tag["id"] for tag in after["tags"]] == [kept]
        assert after["updated_at"] == before["updated_at"]
        assert each.texts("tag_name:gone") == []
        with pytest.raises(abeja.exceptions.BadRequest, match=gone):
            each.update(before["id"], tag_ids=[gone])
