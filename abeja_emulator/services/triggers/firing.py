"""What becomes of a file that comes into a channel: a run of every trigger of that channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.services.runs.settings import DATALAKE
from abeja_emulator.services.runs.submission import submit
from abeja_emulator.services.triggers.records import Trigger

if TYPE_CHECKING:
    from abeja_emulator.wire.call import World


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
