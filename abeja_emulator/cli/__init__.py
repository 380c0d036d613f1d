"""The command `abeja-emulator`."""
