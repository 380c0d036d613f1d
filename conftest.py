"""Shared by all tests: pytester, for runs of pytest within a test."""

from __future__ import annotations

pytest_plugins = ["pytester"]
