"""Operations on secrets (`abeja/secret/api/client.py`) and their versions (`abeja/secret_version/api/client.py`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
