"""Operations on the addresses that may call the API (`abeja/security/api/client.py`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
