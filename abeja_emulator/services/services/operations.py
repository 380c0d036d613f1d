"""Operations on services (`abeja/services/api/client.py`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
