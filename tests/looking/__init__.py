"""Looks at what only newer SDKs can put on a platform."""
