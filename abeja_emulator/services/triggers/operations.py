"""Operations on triggers (`abeja/triggers/api/client.py`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
