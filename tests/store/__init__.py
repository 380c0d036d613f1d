"""Tests of abeja_emulator.store."""
