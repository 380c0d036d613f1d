"""Triggers: runs for every file of a channel."""
