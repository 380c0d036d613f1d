"""Shared by all tests: pytester, for runs of pytest within a test, and no test with a deadline."""

from __future__ import annotations

from contextlib import suppress

pytest_plugins = ["pytester"]

# The environment of the demo has no Hypothesis.
with suppress(ImportError):
    from hypothesis import settings

    # How long an example takes on a busy machine is no property of ours.
    settings.register_profile("no deadline", deadline=None)
    settings.load_profile("no deadline")
