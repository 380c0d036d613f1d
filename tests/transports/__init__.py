"""Transports against a stub application."""
