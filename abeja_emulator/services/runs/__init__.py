"""Runs: batches of a deployment."""
