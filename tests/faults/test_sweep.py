"""The runs of a sweep: which there are, in what order, whose they are, what they may cost."""

from __future__ import annotations

import pytest

from abeja_emulator.faults.plan import FaultPlan
from abeja_emulator.faults.sweep import DEFAULTS, Budget, Sweep, SweepFault, numbered
from abeja_emulator.services.catalogue import all_operations

#: Two reads, two writes, a signed URL, a read.
PLACES = ["get_dataset", "create_dataset_item", "create_dataset_item", "download_file", "get_dataset"]


def lines(*faults: str, places: list[str] | None = None) -> list[str]:
    """Return the runs as lines."""
    return [cell.line for cell in Sweep(faults).cells(list(numbered(places or PLACES)))]


def test_calls_are_numbered_in_all_and_among_those_of_their_place() -> None:
    """A thread that is faster than another moves a call in the whole, and not among its own."""
    assert [(call.number, call.nth) for call in numbered(PLACES)] == [(1, 1), (2, 1), (3, 2), (4, 1), (5, 2)]


def test_a_fault_is_moved_to_its_call() -> None:
    """What `calls` says is counted from it; other words stay as they are."""
    call = list(numbered(PLACES))[2]
    said = {
        "status=503": "create_dataset_item status=503 calls=2",
        "status=503 calls=1-": "create_dataset_item status=503 calls=2-",
        "status=429 retry_after=7 calls=1,3-4": "create_dataset_item status=429 retry_after=7 calls=2,4-5",
        "reset=after times=3": "create_dataset_item reset=after times=3 calls=2",
        "lost": "create_dataset_item lost calls=2",
        "status=500 message='so sorry'": "create_dataset_item status=500 message='so sorry' calls=2",
    }
    for text, line in said.items():
        assert SweepFault.of(text).line(call) == line


def test_every_line_is_one_that_a_plan_takes() -> None:
    """So that what a sweep shows can be made to happen by hand; calls of no operation too."""
    plan = FaultPlan({each.name: (each.method, each.path) for each in all_operations()}, lambda: 0.0, lambda _: False)
    for line in lines(*DEFAULTS, "cut=10", "url", "token", places=[*PLACES, "GET /nothing/here"]):
        plan.check_line(line)


def test_what_tells_most_comes_first() -> None:
    """The first call of each operation with every fault, then the second ones."""
    assert lines() == [
        "get_dataset status=503 calls=1",
        "create_dataset_item status=503 calls=1",
        "download_file status=503 calls=1",
        "get_dataset status=503 calls=1-",
        "create_dataset_item status=503 calls=1-",
        "download_file status=503 calls=1-",
        "create_dataset_item lost calls=1",
        "create_dataset_item status=503 calls=2",
        "get_dataset status=503 calls=2",
        "create_dataset_item status=503 calls=2-",
        "get_dataset status=503 calls=2-",
        "create_dataset_item lost calls=2",
    ]


def test_a_fault_happens_only_where_it_can() -> None:
    """A lost answer where something is changed, a signature where there is one, a token elsewhere."""
    assert lines("lost=503") == ["create_dataset_item lost=503 calls=1", "create_dataset_item lost=503 calls=2"]
    assert lines("url=expired") == ["download_file url=expired calls=1"]
    assert "download_file token calls=1" not in lines("token")
    assert len(lines("token")) == len(PLACES) - 1


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_are_all_of_it_and_nothing_twice(parts: int) -> None:
    """And about as large as each other, for a test that makes many calls of one kind."""
    sweep = Sweep()
    cells = sweep.cells(list(numbered(["get_dataset", *["get_channel_file_download", "download_file"] * 30])))
    shares = [sweep.share(cells, part, parts) for part in range(parts)]
    assert sorted(cell.line for share in shares for cell in share) == sorted(cell.line for cell in cells)
    assert max(map(len, shares)) - min(map(len, shares)) <= 4


def test_a_call_that_only_one_process_has_seen_moves_no_other() -> None:
    """Each process asks for its part by itself, and threads may make one call more or less."""
    sweep = Sweep()
    shorter = sweep.cells(list(numbered(PLACES)))
    longer = sweep.cells(list(numbered([*PLACES, "get_dataset"])))
    known = {cell.line for cell in shorter}
    for part in range(2):
        mine = [cell.line for cell in sweep.share(longer, part, 2) if cell.line in known]
        assert mine == [cell.line for cell in sweep.share(shorter, part, 2)]


@pytest.mark.parametrize(
    "text", ["get_dataset status=503", "", "dns", "status=200", "status=503 calls=0", "statos=503"]
)
def test_what_is_no_fault_of_a_call_is_refused(text: str) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=r"."):
        Sweep([text])


@pytest.mark.parametrize(("text", "wanted"), [("200", (200, None)), ("60s", (None, 60.0)), ("1.5m", (None, 90.0))])
def test_a_budget_is_runs_or_a_time(text: str, wanted: tuple[int | None, float | None]) -> None:
    """As people write both."""
    assert Budget.parse(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "-3", "0s", "many", "1.5", "nan", "nans", "infs"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    """Nothing at all is none either."""
    with pytest.raises(ValueError, match="neither a number of runs"):
        Budget.parse(text)


def test_what_a_test_leaves_over_goes_to_later_ones() -> None:
    """Ten runs for four tests: the first may have three, and takes one."""
    budget = Budget(runs=10)
    share = budget.of_next(4, 0.0)
    assert share.runs == 3
    for each in (budget, share):
        each.spend()
    assert budget.of_next(3, 0.0).runs == 3
    assert budget.of_next(1, 0.0).runs == 9


def test_a_time_is_shared_as_well() -> None:
    """Of what is left of it."""
    share = Budget(until=100.0).of_next(4, 60.0)
    assert share.until == 70.0
    assert not share.is_spent(69.9)
    assert share.is_spent(70.0)
    assert not Budget().of_next(1, 0.0).is_spent(1e9)
