"""How a run begins: somebody submits it, or a file comes into the channel of a trigger.

Beside the folders, because the datalake comes here with each new file, and runs and triggers know the datalake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abeja_emulator.clock import iso
from abeja_emulator.services.runs.records import Run
from abeja_emulator.services.triggers.records import Trigger

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World

#: What a run is from the moment it is there (SDK docstring of create_run).
SUBMITTED = "SUBMITTED"

#: Key of input and output that lie in the datalake (SDK docstring of create_run).
DATALAKE = "$datalake:1"


def submit(world: World, **fields: Any) -> Run:
    """Create a run of these fields, which were checked before, and tell of it."""
    now = iso(world.clock.now())
    run = Run(run_id=f"run-{world.ids.hexadecimal(16)}", status=SUBMITTED, created_at=now, modified_at=now, **fields)
    world.store.table("run", Run).insert(run.deployment_id, run.run_id, run)
    world.tell(run)
    return run


def fire(world: World, channel_id: str, file_id: str) -> None:
    """Submit a run of every trigger of a channel, over a file that has just come into it.

    That happens in the transaction the file comes with: there is no file without its runs, nor a run over a file
    that was refused.
    """
    for row in world.store.table("trigger", Trigger).all():
        trigger = row.record
        if trigger.input_service_id != channel_id:
            continue
        output = trigger.output_service_id
        submit(
            world,
            organization_id=trigger.organization_id,
            deployment_id=trigger.deployment_id,
            models=trigger.models,
            model_version=trigger.model_version,
            model_version_id=trigger.model_version_id,
            input_data={DATALAKE: f"{channel_id}/{file_id}"},
            output_template=None if output is None else {DATALAKE: output},
            retry_count=trigger.retry_count,
            distribution=trigger.distribution,
            user_env_vars=trigger.user_env_vars,
            trigger_id=trigger.trigger_id,
            creator_id=trigger.creator_id,
        )
