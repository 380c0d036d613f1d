"""Datasets and their items."""
