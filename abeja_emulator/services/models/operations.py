"""Operations on the models of a job definition and on the older `/models` (`abeja/training/api/client.py`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
