"""Datasets and their items, as their clients see them."""
