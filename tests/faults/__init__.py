"""Tests of `abeja_emulator/faults`."""
