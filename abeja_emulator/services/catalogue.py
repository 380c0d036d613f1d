"""Every operation there is, emulated or planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abeja_emulator.services.datalake.operations import OPERATIONS as DATALAKE
from abeja_emulator.services.datasets.operations import OPERATIONS as DATASETS
from abeja_emulator.services.organizations.operations import OPERATIONS as ORGANIZATIONS
from abeja_emulator.services.planned import planned_operations
from abeja_emulator.services.training.operations import OPERATIONS as TRAINING
from abeja_emulator.wire.operations import unique

if TYPE_CHECKING:
    from abeja_emulator.wire.operations import Operation


def all_operations() -> tuple[Operation, ...]:
    """Return every operation of the platform; those that are not emulated yet have no rule."""
    return unique((*ORGANIZATIONS, *DATASETS, *DATALAKE, *TRAINING, *planned_operations()))
