"""Addresses that may call the API."""
