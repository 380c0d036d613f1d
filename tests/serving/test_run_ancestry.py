"""Whether the output of a trigger's run comes back to it, and how often it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.serving.messages import ModelAnswer
from abeja_emulator.serving.run_ancestry import parent_of, why_it_loops
from abeja_emulator.serving.run_output import keep_output

if TYPE_CHECKING:
    from abeja_emulator.platform import Platform
    from abeja_emulator.services.runs.records import Run
    from tests.serving.run_samples import Maker


def done(platform: Platform, run: Run) -> None:
    """Let a run succeed, with some output."""
    runs = Runs(platform.world)
    with platform.world.store.transaction():
        assert keep_output(platform, runs.move(run, "RUNNING"), ModelAnswer(body=b"x")) is None
        runs.move(runs.find(run.run_id), "SUCCEEDED")


def newest(platform: Platform, trigger: str) -> Run:
    """Return the last run that a trigger has made."""
    return [run for run in platform.look.runs() if run.trigger_id == trigger][-1]


def test_of_a_file_that_somebody_put_there(maker: Maker, platform: Platform) -> None:
    """No run has made it, and no trigger has done wrong."""
    channel = maker.channel()
    run = newest(platform, maker.trigger(channel, channel, version=maker.version(None)) and _put(maker, channel))
    assert parent_of(platform.world, run) is None
    assert why_it_loops(platform.world, run, 1) is None


def _put(maker: Maker, channel: str, name: str = "a.txt") -> str:
    """Put a file into a channel, and return the id of the trigger that has made a run of it."""
    maker.put(channel, metadata={"x-abeja-meta-filename": name})
    return str(maker.platform.look.runs()[-1].trigger_id)


def test_of_its_own_output(maker: Maker, platform: Platform) -> None:
    """It counts how often in a row."""
    channel = maker.channel()
    trigger = maker.trigger(channel, channel, version=maker.version(None))
    _put(maker, channel)
    for times in range(3):
        run = newest(platform, trigger)
        assert why_it_loops(platform.world, run, times + 1) is None
        if times:
            assert f"trigger {trigger} has made {times} runs in a row" in (
                why_it_loops(platform.world, run, times) or ""
            )
        done(platform, run)
        parent = parent_of(platform.world, newest(platform, trigger))
        assert parent is not None
        assert parent.run_id == run.run_id


def test_over_another_trigger(maker: Maker, platform: Platform) -> None:
    """Two triggers that feed each other go on for ever as well; each counts its own runs."""
    one, other = maker.channel(), maker.channel()
    version = maker.version(None)
    there, back = maker.trigger(one, other, version=version), maker.trigger(other, one, version=version)
    _put(maker, one)
    for trigger in (there, back, there):
        assert why_it_loops(platform.world, newest(platform, trigger), 2) is None
        done(platform, newest(platform, trigger))
    assert why_it_loops(platform.world, newest(platform, back), 1) is not None
    assert why_it_loops(platform.world, newest(platform, back), 2) is None


def test_a_chain_of_triggers_is_no_loop(maker: Maker, platform: Platform) -> None:
    """However long it is: no trigger comes twice."""
    channels = [maker.channel() for _ in range(4)]
    version = maker.version(None)
    triggers = [maker.trigger(*pair, version=version) for pair in zip(channels, channels[1:])]
    _put(maker, channels[0])
    for trigger in triggers:
        run = newest(platform, trigger)
        assert why_it_loops(platform.world, run, 1) is None
        done(platform, run)


def test_a_run_that_somebody_submits_is_none(maker: Maker, platform: Platform) -> None:
    """Nobody makes another one when it has ended."""
    channel = maker.channel()
    trigger = maker.trigger(channel, channel, version=maker.version(None))
    _put(maker, channel)
    done(platform, newest(platform, trigger))
    place = newest(platform, trigger).input_data
    for _ in range(2):
        run = platform.look.run(
            maker.run(maker.version(None), input_data=place, output_template={"$datalake:1": maker.channel()})
        )
        assert parent_of(platform.world, run) is not None
        assert why_it_loops(platform.world, run, 1) is None
        done(platform, run)
        place = platform.look.run(run.run_id).output


@pytest.mark.parametrize("name", ["run-0000000000000000_0.json", "{run}_0.json", "{run}_0", "{run}_1.json"])
def test_a_name_proves_nothing(maker: Maker, platform: Platform, name: str) -> None:
    """Anybody may give a file the name of an output; a run knows where its own is."""
    channel = maker.channel()
    trigger = maker.trigger(channel, version=maker.version(None))
    _put(maker, channel)
    run_id = newest(platform, trigger).run_id
    _put(maker, channel, name.format(run=run_id))
    run = newest(platform, trigger)
    assert run.run_id != run_id
    assert parent_of(platform.world, run) is None
