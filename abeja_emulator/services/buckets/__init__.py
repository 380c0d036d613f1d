"""Buckets: folders of files with paths."""
