"""How a run begins, whoever wants it: somebody who submits it, or a trigger.

Apart from the other rules, because the datalake comes here with each new file, and those know half of the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.clock import iso
from abeja_emulator.services.runs.records import Run

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World

#: What a run is from the moment it is there (SDK docstring of create_run).
SUBMITTED = "SUBMITTED"


def submit(world: World, **fields: Any) -> Run:
    """Create a run of these fields, which were checked before, and tell of it."""
    now = iso(world.clock.now())
    run = Run(run_id=f"run-{world.ids.hexadecimal(16)}", status=SUBMITTED, created_at=now, modified_at=now, **fields)
    world.store.table("run", Run).insert(run.deployment_id, run.run_id, run)
    world.tell(run)
    return run
