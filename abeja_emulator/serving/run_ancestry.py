"""Which run has made the input of a run: a trigger whose output comes back to it would go on for ever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from abeja_emulator.errors import NotFound
from abeja_emulator.services.datalake.records import File
from abeja_emulator.services.runs.rules import Runs
from abeja_emulator.services.submission import DATALAKE
from abeja_emulator.serving.run_output import NAME

if TYPE_CHECKING:
    from abeja_emulator.services.runs.records import Run
    from abeja_emulator.wire.call import World

#: How often in a row a trigger makes a run over what came of its own runs. On the platform there is no end known; a
#: handler that stops by returning no content, after a few rounds, works here as there. Evidence: inferred.
GENERATIONS = 10

_RUN_OF_NAME = re.compile(r"(run-[0-9a-f]+)_0(\..*)?")


def parent_of(world: World, run: Run) -> Run | None:
    """Return the run whose output is the input of a run, or None when somebody else has put it there."""
    data = run.input_data
    if not isinstance(data, dict) or DATALAKE not in data:
        return None
    channel_id, _, file_id = data[DATALAKE].partition("/")
    file = world.store.table("file", File).get(channel_id, file_id)
    named = None if file is None else _RUN_OF_NAME.fullmatch(unquote(file.metadata.get(NAME, "")))
    if named is None:
        return None
    try:
        parent = Runs(world).find(named[1])
    except NotFound:
        return None
    # Anybody may give a file such a name.
    return parent if parent.output == data else None


def why_it_loops(world: World, run: Run, most: int = GENERATIONS) -> str | None:
    """Return a sentence for the log of a run that its trigger made of its own output once too often, or None.

    Other triggers may be between: it counts how often the same one is among the runs that led to this one.
    """
    if run.trigger_id is None:
        return None
    times, ancestor = 0, parent_of(world, run)
    while ancestor is not None:
        times += ancestor.trigger_id == run.trigger_id
        if times >= most:
            return (
                f"trigger {run.trigger_id} has made {times} runs in a row, each of what came of the one before: its "
                "output comes back into its input channel. On the platform that goes on for ever, and costs; here it "
                "ends with this run. Let the trigger put its output into another channel, or the handler return no "
                "content when it is done"
            )
        ancestor = parent_of(world, ancestor)
    return None
