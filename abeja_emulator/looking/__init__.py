"""Look: what is on a platform, for tests to assert on."""

from abeja_emulator.looking.look import Look

__all__ = ["Look"]
