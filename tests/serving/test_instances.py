"""Requests take turns at instances."""

from __future__ import annotations

import threading

import pytest

from abeja_emulator.serving.instances import Instances, NoInstanceError
from tests.serving.fake_model import PATIENCE, FakeModel


def pool(count: int) -> tuple[Instances, list[FakeModel]]:
    """Return that many instances, all free."""
    instances, models = Instances(), [FakeModel() for _ in range(count)]
    for model in models:
        instances.add(model)
    return instances, models


class TestTurns:
    """First come, first served."""

    def test_free_at_once(self) -> None:
        """As many as there are instances need not wait, and each has its own."""
        instances, models = pool(2)
        assert [instances.wait(instances.enter(), PATIENCE) for _ in models] == models

    def test_order(self) -> None:
        """An instance that is given back goes to who has waited longest."""
        instances, (model,) = pool(1)
        turns = [instances.enter() for _ in range(4)]
        for number, turn in enumerate(turns):
            assert [each.called.is_set() for each in turns] == [each <= number for each in range(4)]
            assert instances.wait(turn, PATIENCE) is model
            instances.leave(model)
        assert instances.waiting == 0

    def test_nothing_to_queue_for(self) -> None:
        """Without an instance nobody queues."""
        with pytest.raises(NoInstanceError):
            Instances().enter()

    def test_not_in_time(self) -> None:
        """Who does not wait gives its place up, and the next in line is not kept."""
        instances, (model,) = pool(1)
        instances.enter()
        impatient, patient = instances.enter(), instances.enter()
        with pytest.raises(NoInstanceError):
            instances.wait(impatient, 0)
        instances.leave(model)
        assert instances.wait(patient, PATIENCE) is model

    def test_turn_that_comes_as_it_is_given_up(self) -> None:
        """An instance that was handed over at the last moment is used."""
        instances, (model,) = pool(1)
        turn = instances.enter()
        turn.called.clear()
        assert instances.wait(turn, 0) is model

    def test_giving_up(self) -> None:
        """A place or an instance, whichever it has become, goes to the next."""
        instances, (model,) = pool(1)
        turns = [instances.enter() for _ in range(3)]
        instances.give_up(turns[1])
        instances.give_up(turns[0])
        assert instances.wait(turns[2], PATIENCE) is model

    def test_one_more(self) -> None:
        """It goes to who waits."""
        instances, _ = pool(1)
        instances.enter()
        turn, model = instances.enter(), FakeModel()
        instances.add(model)
        assert instances.wait(turn, PATIENCE) is model


class TestLoss:
    """An instance that is broken."""

    def test_is_not_asked_again(self) -> None:
        """The others are."""
        instances, (broken, model) = pool(2)
        instances.enter()
        assert instances.lose(broken)
        assert instances.members == (model,)
        turns = [instances.enter() for _ in range(2)]
        assert instances.wait(turns[0], PATIENCE) is model
        assert not turns[1].called.is_set()

    def test_last_one(self) -> None:
        """Who waits for the last one is told."""
        instances, (broken,) = pool(1)
        instances.enter()
        turns = [instances.enter() for _ in range(2)]
        instances.lose(broken)
        for turn in turns:
            with pytest.raises(NoInstanceError):
                instances.wait(turn)
        assert instances.waiting == 0


class TestExchange:
    """Other instances take over."""

    def test_who_waits_goes_to_the_new_ones(self) -> None:
        """At once, in the order they came; the old one is given back to nobody."""
        instances, (old,) = pool(1)
        instances.enter()
        turns, new = [instances.enter() for _ in range(3)], [FakeModel(), FakeModel()]
        assert instances.exchange(new) == [old]
        assert [turn.model for turn in turns] == [*new, None]
        instances.leave(old)
        assert turns[2].model is None
        assert instances.lose(new[0])
        instances.leave(new[1])
        assert turns[2].model is new[1]

    def test_one_that_stays(self) -> None:
        """It is not asked twice at once although it is busy, and not ended."""
        instances, (gone, stays) = pool(2)
        busy = [instances.enter(), instances.enter()]
        assert [turn.model for turn in busy] == [gone, stays]
        assert instances.exchange([stays]) == [gone]
        turn = instances.enter()
        assert turn.model is None
        instances.leave(gone)
        assert turn.model is None
        instances.leave(stays)
        assert turn.model is stays

    def test_none(self) -> None:
        """Then nobody need wait."""
        instances, (old,) = pool(1)
        instances.enter()
        turn = instances.enter()
        assert instances.exchange([]) == [old]
        with pytest.raises(NoInstanceError):
            instances.wait(turn)

    def test_old_one_that_breaks(self) -> None:
        """It was no member any more."""
        instances, (old,) = pool(1)
        instances.enter()
        instances.exchange([FakeModel()])
        assert not instances.lose(old)

    def test_waiting_for_old_ones(self) -> None:
        """Until they are given back."""
        instances, (old,) = pool(1)
        instances.enter()
        instances.exchange([FakeModel()])
        assert not instances.wait_for([old], 0)
        waiter = threading.Thread(target=instances.wait_for, args=([old],), daemon=True)
        waiter.start()
        instances.leave(old)
        waiter.join(PATIENCE)
        assert not waiter.is_alive()
