"""What goes wrong on purpose, steered from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from tests.control.steering import TIMEOUT

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from tests.control.steering import Steering


def datasets(steer: Steering, platform: Platform) -> int:
    """Ask for the datasets, and return the status; 0 for no answer."""
    token = platform.credentials()["ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"]
    url = f"{steer.url}/organizations/{platform.organization.id}/datasets"
    try:
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT).status_code
    except requests.ConnectionError:
        return 0


def test_lines_are_added_shown_and_cleared(steer: Steering, platform: Platform) -> None:
    """With what fired, what the client saw and what was done."""
    lines = ["list_datasets status=503", "list_datasets lost calls=2", "get_dataset cut=5 optional"]
    shown = steer("POST", "/faults", json={"lines": lines})
    assert [each["line"] for each in shown["faults"]] == lines
    assert shown["faults"][0]["why_not"] == "no call of list_datasets was made"
    assert [datasets(steer, platform) for _ in range(3)] == [503, 0, 200]
    shown = steer("GET", "/faults")
    assert [(each["seen"], each["fired"], each["optional"]) for each in shown["faults"]] == [
        (3, 1, False),
        (3, 1, False),
        (0, 0, True),
    ]
    path = f"GET /organizations/{platform.organization.id}/datasets"
    first, second = shown["fired"]
    assert (first["status"], first["done"], first["operation"], first["call"]) == (503, None, "list_datasets", path)
    assert (second["status"], second["done"], len(second["because"])) == (None, 200, 1)
    assert steer("DELETE", "/faults") == {"message": "nothing goes wrong on purpose any more"}
    assert steer("GET", "/faults") == {"faults": [], "fired": []}


def test_a_line_that_cannot_be_adds_none(steer: Steering, platform: Platform) -> None:
    """And says which one and why."""
    lines = ["list_datasets status=503", "get_datset status=503"]
    steer.refused(400, "POST", "/faults", "did you mean 'get_dataset'?", json={"lines": lines})
    assert platform.faults.all() == []
    steer.refused(400, "POST", "/faults", json={"lines": []})
    steer.refused(400, "POST", "/faults", json={"lines": ["* status=503"], "more": 1})


def test_the_control_api_itself_never_fails_on_purpose(steer: Steering, platform: Platform) -> None:
    """Or nobody could end what goes wrong."""
    steer("POST", "/faults", json={"lines": ["* status=503 calls=1-", "* refused calls=1-"]})
    assert datasets(steer, platform) == 503
    assert steer("GET", "/health")["status"] == "ok"
    assert steer("GET", "/faults")["faults"][0]["fired"] == 1


def test_the_journal_has_it(steer: Steering, platform: Platform) -> None:
    """What went wrong, what was done, and what was tried again because of it."""
    platform.faults.add("list_datasets", lost=502)
    assert [datasets(steer, platform) for _ in range(2)] == [502, 200]
    faulted, again = steer("GET", "/journal")["entries"]
    assert (faulted["status"], faulted["done"], faulted["because"]) == (502, 200, None)
    assert faulted["fault"] == "answer lost after the call was done (502)"
    assert (again["status"], again["fault"], again["because"]) == (200, None, 1)
