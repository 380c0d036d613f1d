"""Operations on DX templates (`abejacli/dx_template`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
