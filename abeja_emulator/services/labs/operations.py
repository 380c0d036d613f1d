"""Operations on labs apps (`abejacli/labs`)."""

from abeja_emulator.wire.operations import operations_in

OPERATIONS = operations_in(globals())
