"""Channels, files and data sources."""
