"""Operations on models, gathered from the modules that declare them."""

from abeja_emulator.services.models.operations_legacy import OPERATIONS as LEGACY
from abeja_emulator.services.models.operations_training import OPERATIONS as TRAINING

OPERATIONS = (*TRAINING, *LEGACY)
