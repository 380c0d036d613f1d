"""Logs of what runs in the background: services, runs and notebooks."""
