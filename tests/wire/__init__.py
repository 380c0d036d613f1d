"""Tests of abeja_emulator.wire."""
