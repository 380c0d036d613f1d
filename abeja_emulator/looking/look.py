"""Look: all that can be looked at, in one place."""

from __future__ import annotations

from abeja_emulator.looking.data import DataLook
from abeja_emulator.looking.organization import OrganizationLook
from abeja_emulator.looking.serving import ServingLook
from abeja_emulator.looking.training import TrainingLook


class Look(DataLook, TrainingLook, ServingLook, OrganizationLook):
    """Reads the state of the default organization, without a call and without an entry in the journal.

    Records are as they are kept, and looking at them moves nothing: a service that is ready when a client next asks
    for it is still starting here.
    """
