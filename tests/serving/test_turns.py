"""One model at a time in a process, whichever thread asks, and nobody waits for ever."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from abeja_emulator.serving.turns import TurnError, Turns
from abeja_emulator.transports.child_threads import ChildThreads

#: Long enough for a slow machine; nothing waits so long that works.
PATIENCE = 60


def in_thread(function: object) -> threading.Thread:
    thread = threading.Thread(target=function)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_one_after_the_other() -> None:
    """Threads that have nothing to do with each other never have a turn at once."""
    turns, inside, most = Turns(), [0], [0]

    def ask(model: object) -> None:
        with turns.turn(model):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, [object() for _ in range(200)]))
    assert (most[0], inside[0]) == (1, 0)


def test_a_turn_within_a_turn_keeps_where_output_went_at_first() -> None:
    """It is the same thread's, and what it asks has the process meanwhile."""
    turns = Turns()
    with turns.turn("a") as outer, turns.turn("b") as inner:
        assert outer.streams == inner.streams == (sys.stdout, sys.stderr)
        assert (outer.owner, inner.owner) == ("a", "b")


@pytest.mark.parametrize("way", [["a"], ["b", "a"]])
def test_nobody_asks_itself(way: list[str]) -> None:
    """Neither at once nor by way of another: it would wait for its own end."""
    turns = Turns()
    with turns.turn("a"):
        if len(way) > 1:
            with turns.turn("b"), pytest.raises(TurnError, match="a is asked by its own handler, or by one"):
                turns.turn("a").__enter__()
        else:
            with pytest.raises(TurnError, match="a is asked by its own handler"):
                turns.turn("a").__enter__()
    with turns.turn("a"):
        pass


def test_threads_of_a_model_are_within_its_turn() -> None:
    """Those of a pool that it has made at an earlier turn, too; and they wait for each other."""
    turns, seen = Turns(ChildThreads), []

    def ask(model: str) -> None:
        with turns.turn(model) as turn:
            seen.append(turn.owner)

    with ThreadPoolExecutor(2) as pool:
        for names in (["b", "c"], ["d", "e"]):
            with turns.turn("a"):
                for future in [pool.submit(ask, name) for name in names]:
                    future.result(PATIENCE)
    assert sorted(map(str, seen)) == ["b", "c", "d", "e"]


def test_a_thread_that_a_thread_of_a_model_starts_is_of_the_model() -> None:
    """However far below."""
    turns, done = Turns(ChildThreads), threading.Event()

    def ask() -> None:
        with turns.turn("b"):
            done.set()

    with turns.turn("a"):
        in_thread(lambda: in_thread(ask).join(PATIENCE)).join(PATIENCE)
        assert done.is_set()


def test_a_turn_ends_after_those_within_it() -> None:
    """A handler may return while a thread of it still asks; that one has the process until it ends."""
    turns, order, begun, go = Turns(ChildThreads), [], threading.Event(), threading.Event()

    def ask() -> None:
        with turns.turn("b"):
            begun.set()
            assert go.wait(PATIENCE)
            order.append("b")

    with turns.turn("a") as turn:
        thread = in_thread(ask)
        assert begun.wait(PATIENCE)
        in_thread(go.set)
        turns.settle(turn)
        order.append("a")
    thread.join(PATIENCE)
    assert order == ["b", "a"]


def test_after_its_end_nobody_is_within_it() -> None:
    """A thread that comes too late waits until the process is free."""
    turns, seen, go = Turns(ChildThreads, patience=0.01), [], threading.Event()

    def ask() -> None:
        assert go.wait(PATIENCE)
        try:
            with turns.turn("b"):
                seen.append("b")
        except TurnError:
            seen.append("waited")

    with turns.turn("a") as turn:
        thread = in_thread(ask)
        turns.settle(turn)
        go.set()
        thread.join(PATIENCE)
    in_thread(ask).join(PATIENCE)
    assert seen == ["waited", "b"]


def test_who_waits_in_vain_is_told_why() -> None:
    """A thread that is not known to be of the model that waits for it."""
    turns, raised = Turns(patience=0.01), []

    def ask() -> None:
        try:
            with turns.turn("b"):
                pass
        except TurnError as error:
            raised.append(str(error))

    with turns.turn("a"):
        in_thread(ask).join(PATIENCE)
    (text,) = raised
    assert text.startswith("b was not asked: for 0.01 s this process has been answering for a, one request at a time.")
