"""Notebooks of a job definition."""
