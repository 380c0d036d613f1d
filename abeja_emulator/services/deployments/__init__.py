"""Deployments and the versions of their code."""
