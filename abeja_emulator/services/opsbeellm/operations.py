"""Operations of OpsBeeLLM (`abeja/opsbeellm`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
