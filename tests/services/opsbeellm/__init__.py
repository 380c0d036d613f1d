"""Tests of opsbeellm."""
