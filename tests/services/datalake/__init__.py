"""Channels and their files, as their clients see them."""
